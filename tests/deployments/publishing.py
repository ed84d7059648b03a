"""A Prefect server of its own without a worker, with short times, and a folder of plans to publish to it."""

import io
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from deployments.local import ROOT, LocalPrefect
from deployments.publish import main
from openbell import store
from tests.flows.installation import ask

DEMO = (ROOT / "deployments" / "plans" / "demo.toml").read_text()
#: What the server would wait for a minute and longer.
SHORT = {
    "PREFECT_SERVER_EVENTS_PROACTIVE_GRANULARITY": "PT1S",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_FOREMAN_LOOP_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_FOREMAN_INACTIVITY_HEARTBEAT_MULTIPLE": "1",
    "PREFECT_WORKER_HEARTBEAT_SECONDS": "2",
}


class Publishing:
    """``folder`` holds plans and store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plans = folder / "plans"
        self.plans.mkdir(parents=True)
        self.prefect = LocalPrefect(folder / "server", folder / "store")

    def write(self, name: str = "demo", *changes: tuple[str, str], more: str = "") -> None:
        """A plan file: the demo's with other words."""
        text = DEMO.replace('name = "demo"\ndescription', f'name = "{name}"\ndescription')
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        (self.plans / f"{name}.toml").write_text(text + more)

    @property
    def environment(self) -> dict[str, str]:
        return {**self.prefect.environment, "OPENBELL_PLANS": str(self.plans), "PYTHONPATH": str(ROOT)}

    def run(self, module: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-m", module, *arguments],
            cwd=self.folder, env={**self.environment, **variables}, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip

    def publish(self, *arguments: str, code: int = 0, **variables: str) -> str:
        """What the command says."""
        ended, said = self.call(main, *arguments, **variables)
        assert ended == code, said
        return said

    def call(self, command: Callable[[Sequence[str]], int], *arguments: str, **variables: str) -> tuple[int, str]:
        """The exit code of a command and what it says, run in this process."""
        said = io.StringIO()
        url = variables.get("PREFECT_API_URL", f"{self.prefect.url}/api")
        ours = {"PREFECT_API_URL": url, "OPENBELL_HOME": str(self.prefect.store), "OPENBELL_PLANS": str(self.plans)}
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
            for name, value in (ours | variables).items():
                patch.setenv(name, value)
            with temporary_settings({PREFECT_API_URL: url, PREFECT_CLIENT_MAX_RETRIES: 2}):
                return command(arguments), said.getvalue()

    def ask(self, verb: str, path: str, body: Any = None) -> Any:
        return ask(self.prefect, verb, path, body)

    def deployments(self) -> dict[str, dict[str, Any]]:
        return {row["name"]: row for row in self.ask("POST", "deployments/filter", {})}

    def automations(self) -> dict[str, dict[str, Any]]:
        return {row["name"]: row for row in self.ask("POST", "automations/filter", {})}

    def block(self, name: str = "demo") -> dict[str, Any]:
        return dict(self.ask("GET", f"block_types/slug/openbell-plan/block_documents/name/{name}"))

    def pause(self, deployment: str) -> None:
        self._switch(deployment, "pause")

    def resume(self, deployment: str) -> None:
        self._switch(deployment, "resume")

    def _switch(self, deployment: str, verb: str) -> None:
        path = f"deployments/{self.deployments()[deployment]['id']}/{verb}_deployment"
        self.ask("POST", path)

    def edit(self, name: str = "demo", **data: Any) -> None:
        """As the form of Prefect's UI saves it."""
        held = self.block(name)
        body = {"data": {**held["data"], **data}, "merge_existing_data": False}
        self.ask("PATCH", f"block_documents/{held['id']}", body)

    def ring(self, deployment: str, **parameters: Any) -> dict[str, Any]:
        """A run of a deployment in the process that a worker would start; the run as it ended."""
        made = {"parameters": parameters, "state": {"type": "PENDING"}}
        run = self.ask("POST", f"deployments/{self.deployments()[deployment]['id']}/create_flow_run", made)["id"]
        done = self.run("prefect.engine", PREFECT__FLOW_RUN_ID=run)
        assert done.returncode in {0, 1}, done.stderr
        return dict(self.ask("GET", f"flow_runs/{run}"))


def start(folder: Path) -> Publishing:
    """A server whose settings are short."""
    made, kept = Publishing(folder), {name: os.environ.get(name) for name in SHORT}
    os.environ.update(SHORT)
    try:
        made.prefect.start_server()
        store.ensure(f"sqlite:///{made.prefect.store / 'openbell.db'}")
    finally:
        for name, value in kept.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    return made
