"""What people are told of an exit: by explain, by show, and by the table of distances."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from click.testing import CliRunner

from openbell.cli import cli
from openbell.jobs import trading
from openbell.stages.explain import explain, render
from openbell.stages.report import markdown
from openbell.stages.wording import quantity
from openbell.store import open_exit_marks
from tests.exits.job.rings import scheduled

PLAN = """\
name = "demo"
universe = ["AAPL"]
strategies = [{ use = "buy_and_hold" }]
account = { broker = "paper", name = "book" }
window = { exchange = "24/7" }
freshness = { quotes = "30d" }
"""


@pytest.fixture
def closed(desk, tape):
    """The record of a run that closed three positions at a loss."""
    trading.trade(desk, "entry")
    tape.price = Decimal(89)
    return scheduled(desk, "exits-1")


def test_explain_names_the_rule_what_was_measured_and_the_limit(closed):
    trace = explain(closed, "S0")
    amount = quantity(next(order.quantity for order in closed.orders if order.symbol == "S0"))
    assert trace.symbols[0].because == (
        "S0: stop_loss closes it (measured loss since entry 11.00 %, limit 10.00 %); "
        f"the sell of {amount} was filled at 89.00. Taken off buy_and_hold (-{amount})."
    )
    assert "limit 10.00 %" in render(trace)


def test_the_page_and_the_table_of_verdicts_name_the_rule(closed):
    assert "stop" in markdown(closed)
    assert {verdict.limit for verdict in closed.verdicts} == {"10.00 %"}


def test_explain_says_why_a_position_was_kept(desk, tape):
    trading.trade(desk, "entry")
    tape.stopped = datetime.now(UTC) - timedelta(minutes=1)
    record = scheduled(desk, "exits-1")
    (trace,) = explain(record, "S1").symbols
    assert trace.because.startswith("S1 was not closed: its price is unknown (the quote is of ")


@pytest.fixture
def terminal(home, tmp_path):
    plans = tmp_path / "plans"
    plans.mkdir()
    (plans / "demo.toml").write_text(PLAN)

    def run(*words):
        return CliRunner(env={"OPENBELL_PLANS": str(plans), "COLUMNS": "200"}).invoke(cli, words, prog_name="openbell")

    return run


def test_a_plan_that_holds_nothing_says_so(terminal):
    result = terminal("exits", "demo")
    assert (result.exit_code, result.stdout) == (0, "plan demo holds nothing\n")
    assert json.loads(terminal("exits", "demo", "--json").stdout) == []


def test_a_plan_that_is_not_there_is_named(terminal):
    result = terminal("exits", "dmo")
    assert result.exit_code == 1
    assert "demo" in result.stderr
    assert "Traceback" not in result.output


def test_each_position_is_shown_with_every_rule(terminal, home):
    from openbell.desk import open_desk
    from openbell.settings import load_settings

    assert load_settings().home == home
    result = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENBELL_PLANS", str(home / "plans"))
        desk = open_desk("demo")
        record = trading.trade(desk, "entry")
        assert record.counters["filled"] == 1, record.message
        result = terminal("exits", "demo")
        told = json.loads(terminal("exits", "demo", "--json").stdout)
    assert result.exit_code == 0, result.output
    assert "stop_loss (at 10.00 %)" in result.stdout
    assert "take_profit (at 20.00 %)" in result.stdout
    assert "no positions would be closed now" in result.stdout
    assert [row["symbol"] for row in told] == ["AAPL"]
    assert {rule["rule"] for rule in told[0]["rules"]} == {"stop_loss", "take_profit"}
    assert open_exit_marks(load_settings().url).read("demo", "book").last is None
