"""One host under systemd: ``python3 -m deployments.vm install`` and, for another release, ``use``.

Only the standard library is used: this runs before anything is installed.
"""

import argparse
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from deployments.vm_places import Places

SOURCE = Path(__file__).resolve().parent.parent
#: Of the services, and of the worker for real money.
USER, LIVE_USER = "openbell", "openbell-live"
UNITS = ("openbell-server.service", "openbell-worker.service", "openbell-watchdog.service")
#: Started by hand: the worker for real money, and what takes the place of the server where there are several hosts.
OTHERS = ("openbell-worker-live.service", "openbell-api.service", "openbell-services.service")
#: How psql ends when there is no connection.
UNREACHED = 2
#: There while systemd runs the machine.
SYSTEMD = Path("/run/systemd/system")
EXTRAS = ("postgres", "redis")
#: The databases of this host by kind: lines for openbell and for Prefect.
_SOCKET = "host=/var/run/postgresql"
DATABASES = {
    "postgresql": (
        f"OPENBELL_DATABASE_URL=postgresql:///openbell?{_SOCKET}",
        f"PREFECT_SERVER_DATABASE_CONNECTION_URL=postgresql+asyncpg:///prefect?{_SOCKET}",
    ),
    "sqlite": (
        "# No OPENBELL_DATABASE_URL: the store is the file openbell.db in OPENBELL_HOME.",
        "# No PREFECT_SERVER_DATABASE_CONNECTION_URL: a file in PREFECT_HOME, good for a try and not for more.",
    ),
}
#: What PostgreSQL must have, and how it is made.
MADE = (
    ("SELECT 1 FROM pg_roles WHERE rolname = 'openbell'", "CREATE ROLE openbell LOGIN"),
    ("SELECT 1 FROM pg_roles WHERE rolname = 'openbell-live'", 'CREATE ROLE "openbell-live" LOGIN IN ROLE openbell'),
    ("SELECT 1 FROM pg_database WHERE datname = 'openbell'", "CREATE DATABASE openbell OWNER openbell"),
    ("SELECT 1 FROM pg_database WHERE datname = 'prefect'", "CREATE DATABASE prefect OWNER openbell"),
)


class Refused(Exception):
    """What stands in the way, in words for the person who installs."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when it is done, 1 with one line that says what stands in the way."""
    asked = _options(arguments)
    try:
        asked.work(asked)
    except Refused as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except subprocess.CalledProcessError as error:
        print(f"error: {' '.join(map(str, error.cmd))} ended with {error.returncode}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m deployments.vm", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("/"), help="install below this folder instead")
    verbs = parser.add_subparsers(required=True, metavar="install|databases|use")
    verb = verbs.add_parser("install", help="install this checkout; beside what runs when something is there already")
    verb.add_argument("--database", choices=list(DATABASES), default="postgresql", help="of a first installation")
    verb.add_argument("--uv", type=Path, default=SOURCE / ".uv/bin/uv", help="the uv to install with")
    verb.set_defaults(work=install)
    verb = verbs.add_parser("databases", help="make the databases of the services in this host's PostgreSQL")
    verb.set_defaults(work=databases)
    verb = verbs.add_parser("use", help="let the services use a release from their next start on")
    verb.add_argument("release", help="its name, as in /opt/openbell/releases, or `previous`")
    verb.set_defaults(work=use)
    return parser.parse_args(arguments)


def say(words: str) -> None:
    """One line for the person who installs."""
    print(words, flush=True)  # noqa: T201


def install(asked: argparse.Namespace) -> None:
    """A release of this checkout; of users, folders, settings, databases and units what is not there yet."""
    places = Places(asked.root.absolute())
    first = not places.current.exists()
    # Settings that were brought here beforehand name databases that are there.
    database = asked.database if first and not places.settings.exists() else ""
    _check(places, asked.uv, database)
    release = _release(places, asked.uv)
    if not places.staged:
        _users()
        if database == "postgresql":
            databases(asked)
    _settings(places, asked.database)
    if first:
        _point(places, release)
    _units(places)
    say(f"release {release.name} is installed in {release}")
    if first:
        _begin(places)
    elif not _used(places, release):
        say(f"It waits beside {places.current.resolve().name}; docs/install-vm.md has the steps of an upgrade.")


def _check(places: Places, uv: Path, database: str) -> None:
    if not places.staged and os.geteuid() != 0:
        raise Refused("only root can install services: sudo make install-vm")
    if not uv.exists():
        raise Refused(f"there is no uv at {uv}: run `make install-vm`, which fetches it")
    python = Path(sys.executable).resolve()
    if not places.staged and python.parts[1] in ("root", "home"):
        raise Refused(f"{python} lies in a home folder, unseen by services: make install-vm PYTHON=/usr/bin/python3")
    if places.staged or database != "postgresql":
        return
    if shutil.which("psql") is None:
        raise Refused("there is no PostgreSQL here: apt-get install postgresql, or DATABASE=sqlite to try openbell out")
    _psql("SELECT 1")


def _release(places: Places, uv: Path) -> Path:
    """The locked packages and this checkout, in a folder of their own, without tools of development."""
    version = tomllib.loads((SOURCE / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    release = places.at(f"/opt/openbell/releases/{version}-{_revision()}")
    if _used(places, release):
        return release  # its files are those of runs that are at work
    release.parent.mkdir(parents=True, exist_ok=True)
    extras = [word for extra in EXTRAS for word in ("--extra", extra)]
    python = ["--python", sys.executable]
    # Built anew: uv keeps what it has built of a checkout for as long as its pyproject.toml stays as it is.
    fresh = ["--compile-bytecode", "--reinstall-package", "openbell"]
    subprocess.run(
        [uv, "sync", "--quiet", "--frozen", "--no-dev", "--no-editable", *fresh, *extras, *python],
        cwd=SOURCE, env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(release)}, check=True,
    )  # fmt: skip
    return release


def _used(places: Places, release: Path) -> bool:
    return release.resolve() == places.current.resolve()


def _revision() -> str:
    command = ["git", "-c", f"safe.directory={SOURCE}", "rev-parse", "--short=10", "HEAD"]
    told = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, check=False)
    return told.stdout.strip() or "unversioned"


def _users() -> None:
    for name in (USER, LIVE_USER):
        try:
            pwd.getpwnam(name)
        except KeyError:
            home = ["--home-dir", f"/var/lib/{name}", "--shell", "/usr/sbin/nologin"]
            _do("useradd", "--system", "--user-group", *home, name)


def _do(*command: str) -> None:
    subprocess.run(command, check=True)


def databases(_asked: argparse.Namespace) -> None:
    """The role of the services, who needs no password on this machine's socket, and its two databases."""
    if os.geteuid() != 0:
        raise Refused("only root can ask PostgreSQL in its owner's name: sudo python3 -m deployments.vm databases")
    for there, make in MADE:
        if not _psql(there):
            _psql(make)


def _psql(statement: str) -> str:
    command = ["runuser", "-u", "postgres", "--", "psql", "--no-psqlrc", "-tAc", statement, "postgres"]
    told = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    if told.returncode == UNREACHED:
        why = " ".join(told.stderr.split())
        raise Refused(f"PostgreSQL does not answer ({why}): systemctl start postgresql, or DATABASE=sqlite to try it")
    if told.returncode:
        raise Refused(f"PostgreSQL refuses {statement!r}: {' '.join(told.stderr.split())}")
    return told.stdout.strip()


def _settings(places: Places, database: str) -> None:
    """Plans, alerts, homes and environment files; what is there already is the operator's and stays."""
    folder = places.settings.parent
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("plans", "alerts"):
        if not (folder / name).exists():
            shutil.copytree(SOURCE / "deployments" / name, folder / name)
    for name in (USER, LIVE_USER):
        _home(places, name)
    store, prefect = DATABASES[database]
    password = secrets.token_urlsafe(24)
    for path in (places.settings, places.settings.with_name("live.env")):
        text = (SOURCE / "deployments/systemd" / path.name).read_text(encoding="utf-8")
        text = text.replace("@STORE@", store).replace("@PREFECT@", prefect).replace("@PASSWORD@", password)
        _write_once(path, places.rewritten(text))


def _home(places: Places, user: str) -> None:
    home = places.at(f"/var/lib/{user}")
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (home / "data").mkdir(exist_ok=True)
    if not places.staged:
        for path in (home, home / "data"):
            shutil.chown(path, user, user)


def _write_once(path: Path, text: str) -> None:
    """For root alone; what is there already stays."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(text)


def _units(places: Places) -> None:
    for name in (*UNITS, *OTHERS, "openbell-env"):
        unit = name.endswith(".service")
        path = places.at("/etc/systemd/system" if unit else "/usr/local/bin") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(places.rewritten((SOURCE / "deployments/systemd" / name).read_text(encoding="utf-8")))
        path.chmod(0o644 if unit else 0o755)


def _begin(places: Places) -> None:
    """Make the databases' tables and start the services, where systemd runs."""
    if places.staged:
        return
    for command in (["openbell", "migrate"], ["prefect", "server", "database", "upgrade", "-y"]):
        _do(str(places.at("/usr/local/bin/openbell-env")), *command)
    if not SYSTEMD.is_dir():
        say("systemd does not run here, so nothing was started.")
        return
    _do("systemctl", "daemon-reload")
    _do("systemctl", "enable", "--now", *UNITS)
    say("Server, worker and watchdog run: systemctl status 'openbell-*'")


def use(asked: argparse.Namespace) -> None:
    """Point ``current`` at another release; ``previous`` keeps the one before."""
    places = Places(asked.root.absolute())
    releases = places.at("/opt/openbell/releases")
    name = (releases.parent / "previous").resolve().name if asked.release == "previous" else asked.release
    known = sorted(path.name for path in releases.glob("*"))
    if name not in known:
        raise Refused(f"there is no release {asked.release[:60]!r}; there are {', '.join(known) or 'none'}")
    if _active(places):
        raise Refused("a worker that runs would mix two releases: drain, then systemctl stop 'openbell-*'")
    _point(places, releases / name)
    say(f"the services use {name} from their next start on; `use previous` goes back")


def _active(places: Places) -> bool:
    """Whether a service of this machine runs."""
    if places.staged or not SYSTEMD.is_dir():
        return False
    return subprocess.run(["systemctl", "is-active", "--quiet", *UNITS, *OTHERS], check=False).returncode == 0  # noqa: S607


def _point(places: Places, release: Path) -> None:
    before = places.current.resolve() if places.current.is_symlink() else None
    _link(places.current, release)
    if before and before != release.resolve():
        _link(places.current.with_name("previous"), before)


def _link(link: Path, target: Path) -> None:
    """Replace a link in one step, so that a service that starts meanwhile finds one or the other."""
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)


if __name__ == "__main__":
    sys.exit(main())
