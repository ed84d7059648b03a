"""A Prefect server and a process worker on this machine, for as long as a ``with`` block lasts."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import certifi
import httpx

from deployments.pools import TEMPLATE
from openbell.errors import OpenbellError

POOL = "openbell"
ROOT = Path(__file__).resolve().parent.parent
#: Prefect forgets its runs after 30 days and its events after 7; what was traded stays in the store of openbell.
RETENTION = {
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": "P30D",
    "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "P7D",
}
#: What any installation should set; each line answers something measured.
PROFILE = {
    **RETENTION,
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # Leases in a file survive a restart of the server; in memory they would end every running flow.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    # One transaction for many task events: without it overlapping runs meet "database is locked".
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_LOGGING_LEVEL": "INFO",
}


class LocalPrefect:
    """Server and worker of one folder: ``home`` holds Prefect's database and logs, ``store`` openbell's."""

    def __init__(self, home: Path, store: Path, port: int | None = None) -> None:
        self.home = home.absolute()
        self.store = store.absolute()
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def environment(self) -> dict[str, str]:
        """The environment of everything that belongs to this server."""
        return {
            **os.environ,
            **PROFILE,
            "PREFECT_HOME": str(self.home),
            "PREFECT_API_URL": f"{self.url}/api",
            "PREFECT_API_SSL_CERT_FILE": str(self._one_certificate()),
            "OPENBELL_HOME": str(self.store),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        }

    def _one_certificate(self) -> Path:
        # Each API client parses the whole bundle even for plain http on loopback: 20 to 50 ms, every time.
        path = self.home / "one-certificate.pem"
        if not path.exists():
            self.home.mkdir(parents=True, exist_ok=True)
            bundle = Path(certifi.where()).read_text()
            end = "-----END CERTIFICATE-----\n"
            path.write_text(bundle[: bundle.index(end) + len(end)])
        return path

    def start_server(self, timeout: float = 120) -> None:
        """Start the server and wait until it answers; a port in use or a dead server is an error that says so."""
        if _in_use(self.port):
            raise OpenbellError(f"port {self.port} is in use; stop what listens there or choose another (PORT=...)")
        server = self._spawn("server", "server", "start", "--host", "127.0.0.1", "--port", str(self.port))
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if server.poll() is not None:
                raise OpenbellError(f"the Prefect server ended with {server.returncode}; see {self._log('server')}")
            if self._ready():
                return
            time.sleep(0.2)
        raise OpenbellError(f"the Prefect server did not answer within {timeout:.0f} s; see {self._log('server')}")

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/api/ready", timeout=2).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def start_worker(self) -> None:
        """Start a process worker on the pool."""
        options = ["--pool", POOL, "--type", "process", "--install-policy", "never", "--name", "local"]
        self._spawn("worker", "worker", "start", *options)

    def publish(self) -> str:
        """Bring the server in line with the plan files; returns what was changed, a line each."""
        return self._run("deployments.publish")

    def deploy(self) -> str:
        """Create the work pool and every deployment of prefect.yaml; returns what Prefect says."""
        template = ["--base-job-template", str(TEMPLATE)]
        self.prefect("work-pool", "create", POOL, "--type", "process", *template, "--overwrite")
        return self.prefect("--no-prompt", "deploy", "--all")

    def prefect(self, *arguments: str) -> str:
        """Run a prefect command against this server; a failure carries its output."""
        return self._run("prefect", *arguments)

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        if done.returncode:
            raise OpenbellError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        return done.stdout

    def _log(self, name: str) -> Path:
        return self.home / f"{name}.log"

    def _spawn(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        self.home.mkdir(parents=True, exist_ok=True)
        with self._log(name).open("ab") as log:
            process = _start([sys.executable, "-m", "prefect", *arguments], self.environment, self.home, log)
        self._processes.append(process)
        return process

    def watch(self) -> None:
        """Wait for as long as all is well; an OpenbellError says what died."""
        while not (failure := self.failed()):
            time.sleep(1)
        raise OpenbellError(failure)

    def failed(self) -> str:
        """What died on its own, empty while all is well."""
        dead = [process for process in self._processes if process.poll() is not None]
        return f"a process ended with {dead[0].returncode}; see {self.home}/*.log" if dead else ""

    def stop(self, patience: float = 15) -> None:
        """Stop worker and server, last started first; what does not stop in time is killed."""
        for process in reversed(self._processes):
            _stop(process, patience)
        self._processes.clear()


@contextmanager
def local_prefect(
    home: Path,
    store: Path,
    port: int | None = None,
    worker: bool = True,
    fill: Callable[[LocalPrefect], str] = LocalPrefect.publish,
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[LocalPrefect]:
    """Server, what ``fill`` puts on it and tells of, and worker, up and ready; all stopped at the end."""
    local = LocalPrefect(home, store, port)
    try:
        local.start_server()
        tell(fill(local))
        if worker:
            local.start_worker()
        yield local
    finally:
        local.stop()


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _in_use(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _start(command: list[str], environment: dict[str, str], folder: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
    # A worker stops by sending itself SIGINT, which a background job of a shell has inherited as ignored.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # A session of its own: Ctrl-C reaches us alone, and the whole group can be ended.
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
    )


def _stop(process: subprocess.Popen[bytes], patience: float) -> None:
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
