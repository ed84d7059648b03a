"""Run a command as the services of this host run: their user, their settings, their release (``openbell-env``)."""

import os
import pwd
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

USER, LIVE_USER = "openbell", "openbell-live"
SETTINGS, LIVE_SETTINGS = Path("/etc/openbell/openbell.env"), Path("/etc/openbell/live.env")
RELEASE = Path("/opt/openbell/current/bin")
_USAGE = "usage: openbell-env [--live] COMMAND...   as in: sudo openbell-env openbell status"


def main(command: Sequence[str]) -> int:
    """Become the command; an exit code only when that cannot be: 1, or 2 without a command."""
    live, command = command[:1] == ["--live"], command[command[:1] == ["--live"] :]
    if not command or command[0] in ("-h", "--help"):
        print(_USAGE, file=sys.stderr)  # noqa: T201
        return 2
    try:
        files = (SETTINGS, LIVE_SETTINGS) if live else (SETTINGS,)
        variables = environment("\n".join(path.read_text(encoding="utf-8") for path in files))
        variables = {**variables, "OPENBELL_ACTOR": caller()}
        if os.geteuid() == 0:
            drop(LIVE_USER if live else USER)
        path = f"{RELEASE}:{os.environ.get('PATH', os.defpath)}"
        os.execvpe(command[0], command, {**_plain(), **variables, "PATH": path})  # noqa: S606
    except OSError as error:
        print(f"error: {error.filename or command[0]}: {error.strerror}; try sudo", file=sys.stderr)  # noqa: T201
        return 1


def environment(text: str) -> Mapping[str, str]:
    """The variables of an environment file, as systemd reads plain lines."""
    lines = [line.strip() for line in text.splitlines()]
    return dict(line.split("=", 1) for line in lines if line and not line.startswith(("#", ";")) and "=" in line)


def _plain() -> dict[str, str]:
    """The caller's environment without settings of ours that a service would not have."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("OPENBELL_", "PREFECT_"))}


def caller() -> str:
    """Who answers for the command: by way of sudo the person, and not the user that the command becomes."""
    return os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name


def drop(name: str) -> None:
    """From root to a user of the services, in its own folder."""
    user = pwd.getpwnam(name)
    os.chdir(user.pw_dir)
    os.initgroups(name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.environ.update(HOME=user.pw_dir, USER=name, LOGNAME=name)
    os.umask(0o077)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
