"""An account at Interactive Brokers from wherever Prefect calls it: a task, its thread pool, a worker's process."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect import flow, task
from prefect.settings import PREFECT_API_URL, PREFECT_LOGGING_TO_API_ENABLED, temporary_settings

from deployments.local import LocalPrefect
from tests.contracts.ibkr_venue import opened
from tests.twsdouble.process import TwsDouble

pytestmark = [
    pytest.mark.server,
    pytest.mark.xdist_group("server"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

PLAN = """
name = "gateway"
mode = "paper"
universe = ["AAPL", "IBM"]
timeframe = "1d"

[account]
broker = "ibkr"
name = "desk"
params = {{ port = {port}, client_id = 71 }}

[feed]
provider = "ibkr"
params = {{ port = {port}, client_id = 72 }}

[window]
exchange = "24/7"
grace = "10m"

# The venue has no bars of weekends.
[freshness]
bars = "7d"

[schedule.trade]
cron = "* * * * *"
zone = "UTC"

[[strategies]]
use = "buy_and_hold"

[sizing]
use = "weight_of_equity"
params = {{ weight = 0.1 }}
"""


@pytest.fixture
def double(tmp_path: Path) -> Iterator[TwsDouble]:
    with TwsDouble(tmp_path / "ledger.jsonl") as double:
        for symbol in ("AAPL", "IBM"):
            double.quote(symbol, "99.99", "100.01")
        yield double


def test_a_task_called_directly_and_one_in_the_thread_pool_both_reach_it(prefect: LocalPrefect, double: TwsDouble):
    @task
    def cash(client_id: int) -> str:
        broker = opened(double, client_id=client_id)
        try:
            return str(broker.account().cash)
        finally:
            broker.close()

    @flow
    def both() -> list[str]:
        return [cash(1), cash.submit(2).result(), cash.submit(3).result()]

    with temporary_settings({PREFECT_API_URL: f"{prefect.url}/api", PREFECT_LOGGING_TO_API_ENABLED: False}):
        assert both() == ["100000"] * 3


def test_a_flow_in_a_workers_process_trades_there(prefect: LocalPrefect, double: TwsDouble, tmp_path: Path):
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "gateway.toml").write_text(PLAN.format(port=double.port))
    variables = {"OPENBELL_PLANS": str(tmp_path / "plans"), "OPENBELL_HOME": str(tmp_path / "store")}
    command = ["deployment", "run", "trade/demo", "--param", "plan=gateway", "--watch"]
    done = subprocess.run(
        [sys.executable, "-m", "prefect", *command, "--job-variable", f"env={json.dumps(variables)}"],
        cwd=tmp_path,
        env=prefect.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Completed" in done.stdout, done.stdout
    sent = {(order["symbol"], order["status"], order["ref"][:3]) for order in double.orders()}
    assert sent == {("AAPL", "Filled", "ob-"), ("IBM", "Filled", "ob-")}
    assert double.clients() == []
