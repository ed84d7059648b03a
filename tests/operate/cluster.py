"""Several hosts on one machine: API servers, service processes and workers that share PostgreSQL and Redis."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import httpx

import openbell
from deployments.local import PROFILE, free_port
from tests import servers

ROOT = Path(openbell.__file__).parent.parent
#: The settings of every host, as the page for operators shows them.
PAGE = ROOT / "docs" / "several-hosts.md"


def shared(store: str, prefect: str, redis: str) -> dict[str, str]:
    """The lines of the page, with the services of this machine in place of the example's."""
    (body,) = re.findall(r"```ini\n(.*?)```", PAGE.read_text(), re.DOTALL)
    ours = {
        "postgresql://openbell:change-me@db.example/openbell": store,
        "postgresql+asyncpg://prefect:change-me@db.example/prefect": prefect.replace(
            "postgresql", "postgresql+asyncpg"
        ),
        "redis://redis.example:6379/0": f"{redis}/14",
        "redis://redis.example:6379/1": f"{redis}/15",
    }
    lines = dict(line.split("=", 1) for line in body.splitlines())
    assert set(ours) <= set(lines.values())
    return {name: ours.get(value, value) for name, value in lines.items()}


class Host:
    """One host: a folder, an API server and what else it runs. Every process has a group of its own."""

    def __init__(self, name: str, folder: Path, settings: Mapping[str, str]) -> None:
        self.name, self.folder, self.url = name, folder, f"http://127.0.0.1:{free_port()}"
        (folder / "empty").mkdir(parents=True)
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("PREFECT_", "OPENBELL_"))},
            **PROFILE,
            **settings,
            "OPENBELL_HOME": str(folder),
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": f"{self.url}/api",
            "PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1",
            "PREFECT_WORKER_WEBSERVER_PORT": str(free_port()),
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str, **variables: str) -> subprocess.Popen[bytes]:
        """Start a Python module with arguments, in an empty folder; what it says goes to a file of that name."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *command], cwd=self.folder / "empty", env=self.environment | variables,
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        self._processes[name] = process
        return process

    def api(self) -> None:
        """An API server without services, up and ready."""
        port = self.url.rpartition(":")[2]
        self.start("api", "prefect", "server", "start", "--no-services", "--host", "127.0.0.1", "--port", port)

    def ready(self) -> bool:
        """Whether the API server answers."""
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/api/ready", timeout=5).status_code == httpx.codes.OK
        return False

    def services(self) -> None:
        """A process of the scheduler and the other services."""
        self.start("services", "prefect", "server", "services", "start")

    def worker(self, **variables: str) -> None:
        """A worker under the name of this host."""
        self.start("worker", "deployments.worker", "--host", self.name, "--patience", "60", **variables)

    def run(self, *command: str) -> str:
        """A Python module to its end; a failure carries what it said."""
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=self.folder / "empty", env=self.environment,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def kill(self, name: str) -> None:
        """SIGKILL to a process and to all that it has started, as when a host loses power."""
        process = self._processes.pop(name)
        # A run has a session of its own, and outlives the worker that started it.
        for number in (process.pid, *descendants(process.pid)):
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        process.wait()

    def alive(self, name: str) -> bool:
        """Whether a process runs."""
        return name in self._processes and self._processes[name].poll() is None

    def said(self, name: str) -> str:
        """What a process has printed so far."""
        return (self.folder / f"{name}.log").read_text()

    def ask(self, verb: str, path: str, body: Any = None) -> Any:
        """Ask the API server of this host."""
        return servers.ask(self.url, verb, path, body)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for name in reversed(list(self._processes)):
            self.kill(name)


def descendants(parent: int) -> list[int]:
    """All that a process has started, and what those have."""
    pairs = []
    for told in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            pairs.append((int(told.parent.name), int(told.read_text().rpartition(")")[2].split()[1])))
    family = [parent]
    for known in family:
        family += [child for child, of in pairs if of == known]
    return family[1:]
