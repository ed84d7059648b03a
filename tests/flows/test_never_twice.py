"""Whatever Prefect does with a run, each order goes out once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deployments.local import LocalPrefect
from openbell.stages.lease import LEASE
from tasks.evaluate_strategies import evaluate_strategies
from tasks.fetch_data import fetch_data
from tasks.risk_gate import risk_gate

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("server")]
ROOT = Path(__file__).parents[2]

#: A flow whose order task is forced to retry, and which is retried itself and started a second time.
RETRIED = """
import json, sys
from prefect import flow
from openbell import store
from openbell.jobs import trading
from openbell.settings import load_settings
from tasks.execute_orders import execute_orders
from tasks.handed import Handed
from tests.orders.desks import SYMBOLS, Tape, Wire, open_desk, outlive_lease

wire, attempts = Wire(Tape()), []
store.ensure(load_settings().url)


def stumble(number):
    if number in (3, 7):
        raise RuntimeError("the attempt dies in the middle of a send")


wire.before_post = stumble


@flow(retries=2, persist_result=False)
def twice():
    desk = open_desk(None, wire)
    outlive_lease(desk)
    attempts.append(1)
    run = trading.begin(desk, trading.TRADE, f"run-{len(attempts)}")
    if run.blocked:
        return trading.skip(run).code
    market = trading.fetch_market(run)
    gated = trading.gate(run, market, trading.evaluate_market(run, market))
    task = execute_orders.with_options(retries=1, retry_delay_seconds=0)
    executed = task(run, Handed(market), Handed(gated)).value
    if len(attempts) == 2:
        raise RuntimeError("the run dies after its orders are out")
    trading.finish(run, market, trading.evaluate_market(run, market), gated, executed)
    return "done"


first = twice()
second = twice()
desk = open_desk(None, wire)
print(json.dumps({
    "first": first, "second": second, "accepted": wire.accepted,
    "states": [order.state.value for order in desk.history.orders()], "posts": len(wire.posts),
}))
"""


def told_by(prefect: LocalPrefect, folder: Path, script: str) -> list[str]:
    """What a script says that runs flows on the server, with a store of its own in the folder."""
    place = folder / "script.py"
    place.write_text(script)
    done = subprocess.run(
        [sys.executable, str(place)],
        cwd=folder,
        env={**prefect.environment, "OPENBELL_HOME": str(folder / "store"), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_S06_S03_retries_of_task_and_flow_and_a_second_run_never_send_an_order_twice(
    prefect: LocalPrefect, tmp_path: Path
) -> None:
    told = json.loads(told_by(prefect, tmp_path, RETRIED)[-1])
    filled = told["states"].count("filled")
    assert len(told["accepted"]) == len(set(told["accepted"])) == filled >= 7
    # Two attempts died around a send: the basket stops there, and the two are settled by look-up.
    assert told["states"].count("abandoned") == 10 - filled
    assert told["second"] == "DUPLICATE_RUN"


RECOVER = """
import asyncio
from flows.recover import recover
for _ in range(2):
    state = asyncio.run(recover("demo", return_state=True))
    print(state.type.value, state.name, state.message)
"""


def test_recover_runs_once_a_minute_and_a_backlog_of_it_ends_as_skips(prefect: LocalPrefect, tmp_path: Path) -> None:
    first, second = told_by(prefect, tmp_path, RECOVER)[-2:]
    assert first == "COMPLETED Completed nothing to recover"
    # A new minute may have begun between the two.
    assert second.startswith("COMPLETED Skipped skipped: the slot was taken by run ") or second == first


#: A run whose prices never come, under a fetch that is given a second instead of its minute.
HANGING = """
import time
from prefect import flow
from openbell import store
from openbell.jobs import trading
from openbell.settings import load_settings
from tasks.fetch_data import fetch_data
from tests.orders.desks import Tape, Wire, open_desk

wire = Wire(Tape())
store.ensure(load_settings().url)
wire.tape.bars = lambda *_: time.sleep(60)


@flow(persist_result=False)
async def hangs():
    fetch_data.with_options(timeout_seconds=1)(trading.begin(open_desk(None, wire), trading.TRADE, "run-1"))


import asyncio
start = time.monotonic()
state = asyncio.run(hangs(return_state=True))
print(state.name, time.monotonic() - start < 20, len(wire.posts))
"""


def test_S17_a_step_that_hangs_is_ended_by_its_own_timeout(prefect: LocalPrefect, tmp_path: Path) -> None:
    lines = told_by(prefect, tmp_path, HANGING)
    assert lines[-1] == "TimedOut True 0"


def test_S17_every_step_that_waits_or_computes_has_a_timeout_within_its_lease() -> None:
    assert 0 < fetch_data.timeout_seconds < 3 * LEASE.total_seconds()
    assert all(0 < task.timeout_seconds <= 120 for task in (evaluate_strategies, risk_gate))
