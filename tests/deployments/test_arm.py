"""A live plan whose account is a block of Prefect: armed by the end of the account's number, as one without blocks."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from blocks.ibkr_account import IBKRAccount
from blocks.plan_body import plan_of
from deployments.arm import main as arm
from openbell import store
from openbell.cli import cli
from openbell.planfiles import load
from tests.deployments.publishing import Publishing
from tests.twsdouble.process import TwsDouble

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("publish")]
PLAN = """\
name = "gateway"
mode = "live"
universe = ["AAPL"]
[account]
broker = "ibkr"
name = "gateway"
block = "openbell-ibkr-account/gateway"
[window]
exchange = "24/7"
[[strategies]]
use = "buy_and_hold"
"""
SAID = ("--actor", "kim", "--reason", "first day")


@pytest.fixture
def live(publishing: Publishing, tmp_path: Path) -> Iterator[Publishing]:
    """A login of a live account, kept in a block that the plan names."""
    for path in publishing.plans.glob("*.toml"):
        path.unlink()
    with TwsDouble(tmp_path / "ledger.jsonl") as gateway:
        gateway.set(accounts=["U7654321"])
        terms = {"port": gateway.port, "mode": "live", "connect_timeout": 2.0, "request_timeout": 2.0, "id_patience": 0}

        def save(_arguments: object) -> int:
            IBKRAccount.model_validate({"terms": terms}).save("gateway", overwrite=True, _sync=True)
            return 0

        publishing.call(save)
        (publishing.plans / "gateway.toml").write_text(PLAN)
        yield publishing
    store.close(f"sqlite:///{publishing.prefect.store / 'openbell.db'}")


def armings(publishing: Publishing) -> list[tuple[str, ...]]:
    path = publishing.prefect.store / "openbell.db"
    if not path.exists():
        return []
    with sqlite3.connect(path) as file:
        rows = file.execute("SELECT act, actor, account, environment FROM permits WHERE plan = 'gateway'").fetchall()
    file.close()
    return rows


def test_A10_a_live_plan_with_a_block_is_armed_by_the_end_of_its_accounts_number(live: Publishing) -> None:
    env = {"OPENBELL_HOME": str(live.prefect.store), "OPENBELL_PLANS": str(live.plans)}
    without = CliRunner(env=env).invoke(cli, ["enable", "gateway", "--live", "--confirm", "4321", *SAID])
    assert (without.exit_code, "known to Prefect only" in without.output) == (1, True)
    code, said = live.call(arm, "gateway", "--confirm", "1234", *SAID)
    assert (code, "what was typed is not" in said) == (1, True)
    code, said = live.call(arm, "gateway", "--confirm", "4321", "--actor", "auto:x")
    assert (code, "is no person" in said) == (1, True)
    assert armings(live) == []
    code, said = live.call(arm, "gateway", "--confirm", "4321", *SAID)
    assert (code, "is armed by kim until" in said) == (0, True), said
    assert "4321" not in said
    assert armings(live) == [("armed", "kim", "U7654321", "live")]


def test_S20_what_is_armed_is_the_plan_as_its_runs_will_see_it(live: Publishing) -> None:
    live.publish()
    live.edit("gateway", risk={"max_positions": 1})
    code, said = live.call(arm, "gateway", "--confirm", "4321", *SAID, "--json")
    assert code == 0, said
    held = plan_of("gateway", live.block("gateway")["data"])
    assert held.hash != load(live.plans / "gateway.toml").hash
    assert json.loads(said)["armed"]["arming"]["plan"] == held.hash


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("openbell-ibkr-account/nobody", "is not on Prefect's server"),
        ("openbell-ibkr-feed/none", "is not on Prefect's server"),
        ("nothing", "is not SLUG/NAME"),
    ],
)
def test_a_block_that_is_not_there_arms_nothing(live: Publishing, block: str, words: str) -> None:
    live.publish()
    account = live.block("gateway")["data"]["account"]
    live.edit("gateway", account={**account, "block": block})
    code, said = live.call(arm, "gateway", "--confirm", "4321", *SAID)
    assert (code, words in said) == (1, True), said
