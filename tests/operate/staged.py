"""An installation below a folder, made by the command that the page names, and its units' commands as processes."""

import configparser
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from deployments.local import free_port
from deployments.service import environment
from tests.operate.cluster import ROOT

UV = ROOT / ".uv" / "bin" / "uv"
#: What uv says when its cache lacks a package and it may not ask for it.
_UNCACHED = "network was disabled"


def uv() -> Path:
    """The uv of this checkout."""
    if not UV.exists():
        pytest.skip(f"no uv at {UV} (make setup)")
    return UV


def offline(command: Sequence[str | Path], folder: Path, **variables: str) -> str:
    """A command of uv that may use its cache only; skipped where that lacks a package."""
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "UV_OFFLINE": "1", **variables},
        capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    if done.returncode and _UNCACHED in done.stderr.lower():
        pytest.skip(f"uv's cache lacks a package: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Vm:
    """A host that was installed below ``root`` with its databases in files, on ports that nobody uses."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.said = self.install()
        self.settings = root / "etc/openbell/openbell.env"
        self.text = self.settings.read_text()
        self.ports = {"4200": free_port(), "8080": free_port()}
        for theirs, ours in self.ports.items():
            self.settings.write_text(self.settings.read_text().replace(f":{theirs}/", f":{ours}/"))
            self.settings.write_text(self.settings.read_text().replace(f"PORT={theirs}", f"PORT={ours}"))
        self.url = f"http://127.0.0.1:{self.ports['4200']}"
        (root / "tmp").mkdir()

    def install(self) -> str:
        """The command of the page, once more where it was given before."""
        command = [sys.executable, "-m", "deployments.vm", "--root", str(self.root), "install"]
        return offline([*command, "--database", "sqlite", "--uv", uv()], ROOT)

    def unit(self, name: str) -> configparser.SectionProxy:
        """The section that says how a service runs."""
        found = configparser.RawConfigParser(strict=False)
        found.optionxform = str  # type: ignore[assignment,method-assign]
        found.read(self.root / f"etc/systemd/system/openbell-{name}.service")
        return found["Service"]

    @property
    def environment(self) -> dict[str, str]:
        """What systemd hands to a service, and nothing of the caller's."""
        return {"PATH": "/usr/bin:/bin", "TMPDIR": str(self.root / "tmp"), **environment(self.settings.read_text())}

    @property
    def password(self) -> tuple[str, str]:
        """User and password of the server."""
        user, _, word = self.environment["PREFECT_API_AUTH_STRING"].partition(":")
        return user, word

    def start(self, name: str, *more: str) -> subprocess.Popen[bytes]:
        """A unit's own command."""
        unit = self.unit(name)
        command = shlex.split(unit["ExecStart"].replace("%H", socket.gethostname()))
        with (self.root / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [*command, *more], cwd=unit["WorkingDirectory"], env=self.environment,
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command of the release with the settings of the services."""
        program = self.root / "opt/openbell/current/bin" / command[0]
        home = self.root / "var/lib/openbell"
        return subprocess.run(
            [program, *command[1:]], cwd=home, env=self.environment,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
