"""An installation of its own for one run: store, plan and fault broker, with Prefect processes that can be killed."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deployments.local import POOL, ROOT, LocalPrefect
from tests import servers
from tests.faults.double import CANARY, KEY, Double
from tests.faults.evidence import Evidence, Expected, gather
from tests.faults.oracle import Finding, judge

#: Buys five symbols by hand at any time; a restart is late at once, so that recovery has to finish it.
PLAN = """
name = "matrix"
universe = ["AAPL", "IBM", "KO", "MSFT", "XOM"]

[account]
broker = "alpaca"
name = "matrix"
params = {{ url = "{url}", unique_ids = true }}

[feed]
provider = "tests.faults.scene.TapeFeed"

[window]
exchange = "24/7"
grace = "0s"

[schedule.trade]
every = "24h"

[[strategies]]
use = "buy_and_hold"

[sizing]
use = "fixed_cash"
params = {{ notional = 900 }}
"""
#: Recovers one installation after the other through Prefect.
RECOVER = """
import asyncio, os, sys
from flows.recover import recover
for home in sys.argv[1:]:
    os.environ |= {"OPENBELL_HOME": home, "OPENBELL_PLANS": f"{home}/plans"}
    state = asyncio.run(recover("matrix", return_state=True))
    print(state.name, state.message)
"""
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


class Installation:
    """Runs while the ``with`` block lasts; ``folder`` stays."""

    def __init__(self, prefect: LocalPrefect, folder: Path) -> None:
        (folder / "plans").mkdir(parents=True)
        self.prefect, self.folder = prefect, folder
        self.double = Double(folder / "ledger.jsonl", unique=True)
        (folder / "plans" / "matrix.toml").write_text(PLAN.format(url=self.double.url))
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        self.double.__exit__(kind, error, trace)

    @property
    def variables(self) -> dict[str, str]:
        """What makes a process work on this installation."""
        return {
            "OPENBELL_HOME": str(self.folder),
            "OPENBELL_PLANS": str(self.folder / "plans"),
            "OPENBELL_ALPACA_KEY_ID": KEY,
            "OPENBELL_ALPACA_SECRET_KEY": CANARY,
            "PYTHONPATH": str(ROOT),
        }

    def by_worker(self, crash: str = "") -> str:
        """A trading run that the worker starts; returns its id."""
        armed = {"OPENBELL_TEST_CRASH": crash} if crash else {}
        return self._run("SCHEDULED", {"env": self.variables | armed})

    def by_hand(self, *module: str) -> tuple[str, subprocess.Popen[bytes]]:
        """A trading run in the process that a worker would have started, without the worker."""
        run = self._run("PENDING", {})
        environment = {**self.prefect.environment, **self.variables, "PREFECT__FLOW_RUN_ID": run}
        with (self.folder / "run.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *(module or ("prefect.engine",))],
                cwd=self.folder, env=environment, stdout=log, stderr=log,
            )  # fmt: skip
        self._processes.append(process)
        return run, process

    def _run(self, state: str, variables: Mapping[str, Any]) -> str:
        made = {"parameters": {"plan": "matrix"}, "state": {"type": state}, "job_variables": variables}
        return str(ask(self.prefect, "POST", f"deployments/{trading(self.prefect)}/create_flow_run", made)["id"])

    def run_out(self) -> None:
        """Let the lease of a dead run run out at once."""
        store = sqlite3.connect(self.folder / "openbell.db", timeout=5)
        with store:
            store.execute("UPDATE slots SET lease_until = 0 WHERE outcome IS NULL")
        store.close()

    def evidence(self) -> Evidence:
        """What is left behind."""
        outputs = tuple(path for path in self.folder.rglob("*") if path.is_file() and path.name != "ledger.jsonl")
        return gather(self.folder / "ledger.jsonl", self.folder / "openbell.db", outputs)

    def judged(self) -> tuple[Finding, ...]:
        """The oracle's word on it."""
        return judge(self.evidence(), Expected(canaries=(CANARY,)))


def ask(prefect: LocalPrefect, verb: str, path: str, body: Any = None) -> Any:
    return servers.ask(prefect.url, verb, path, body)


def trading(prefect: LocalPrefect) -> str:
    """A deployment of ``trade`` of which several may run at once; made when it is not there."""
    flow = ask(prefect, "POST", "flows/", {"name": "trade"})["id"]
    made = {"name": "killed", "flow_id": flow, "entrypoint": "flows.trade.trade", "pull_steps": []}
    return str(ask(prefect, "POST", "deployments/", made | {"work_pool_name": POOL})["id"])


def state_of(prefect: LocalPrefect, run: str) -> str:
    """Where Prefect says that a run stands."""
    return str(ask(prefect, "GET", f"flow_runs/{run}")["state"]["type"])


def ended(prefect: LocalPrefect, runs: Sequence[str]) -> bool:
    """Whether each of the runs has ended."""
    found = ask(prefect, "POST", "flow_runs/filter", {"flow_runs": {"id": {"any_": list(runs)}}})
    return all(run["state"]["type"] in FINAL for run in found)


def recover(prefect: LocalPrefect, installations: Sequence[Installation]) -> list[str]:
    """The flow ``recover`` on each; what Prefect says of each run."""
    for installation in installations:
        installation.run_out()
    done = subprocess.run(
        [sys.executable, "-c", RECOVER, *(str(installation.folder) for installation in installations)],
        env={**prefect.environment, **installations[0].variables},
        cwd=installations[0].folder,
        capture_output=True,
        text=True,
        timeout=60 + 60 * len(installations),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if line.startswith(("Completed ", "Skipped ", "Failed "))]


def points_asked_for(few: Sequence[str], every: Sequence[str]) -> Sequence[str]:
    """Few points in the suite; all of them when OPENBELL_TEST_THROUGH_PREFECT says ``all``."""
    return every if os.environ.get("OPENBELL_TEST_THROUGH_PREFECT") == "all" else few
