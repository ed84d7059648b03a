"""A schedule that does not fire looks healthy in every other way, so these look at the effect."""

import subprocess
import sys
from pathlib import Path

import pytest

from deployments.local import LocalPrefect
from openbell import store
from openbell.values.record import Outcome
from tests.flows.conftest import session_open
from tests.servers import ask, until

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("server")]


def post(prefect: LocalPrefect, path: str, body: dict[str, object]) -> list[dict[str, object]]:
    return ask(prefect.url, "POST", path, body)


def test_scheduled_runs_appear(prefect: LocalPrefect) -> None:
    wanted = {"deployments": {"name": {"any_": ["demo"]}}, "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    runs = until(lambda: post(prefect, "flow_runs/filter", wanted))
    assert all(run["auto_scheduled"] for run in runs)


def test_deploying_again_changes_nothing(prefect: LocalPrefect) -> None:
    before = post(prefect, "deployments/filter", {})
    prefect.deploy()
    after = post(prefect, "deployments/filter", {})
    assert [(d["id"], d["entrypoint"], d["concurrency_limit"]) for d in before] == [
        (d["id"], d["entrypoint"], d["concurrency_limit"]) for d in after
    ]


def test_a_run_of_trade_finishes_through_the_worker_from_another_directory(
    prefect: LocalPrefect, tmp_path: Path
) -> None:
    command = ["deployment", "run", "trade/demo", "--param", f"as_of={session_open(2).isoformat()}", "--watch"]
    done = subprocess.run(
        [sys.executable, "-m", "prefect", *command],
        cwd=tmp_path,
        env=prefect.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    history = store.open_history(f"sqlite:///{prefect.store / 'openbell.db'}")
    (run,) = history.runs(plan="demo", limit=1)
    assert run.outcome is Outcome.COMPLETED
    assert run.counters["signals"] > 0
