"""`openbell replay --run`: a stored run again, the same to the byte or with a list of what differs."""

import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from openbell import store
from openbell.calendar.exchange import exchange
from openbell.desk import account_spec, desk_of
from openbell.jobs import trading
from openbell.settings import load_settings
from openbell.sources import feed_spec
from openbell.values.plan import Plan

JUNE = datetime(2026, 6, 10, 14, 35, tzinfo=UTC)
RESTLESS = {"use": "tests.replay.planted.Restless"}


@pytest.fixture
def traded(empty, monkeypatch):
    """Trades the plan of the terminal once, on the sample's prices of the last session."""

    def trade(*strategies, home=empty.home):
        monkeypatch.setenv("OPENBELL_HOME", str(home))
        body = {"name": "demo", "universe": ["AAPL", "IBM"], "schedule": {"trade": {"at": ["open+5m"]}}}
        plan = Plan.model_validate({**body, "strategies": strategies})
        market = exchange("XNYS")
        as_of = market.hours(market.last_complete(datetime.now(UTC))).opens + timedelta(minutes=5)
        desk = desk_of(plan, feed_spec(plan), account_spec(plan), as_of)
        return trading.trade(desk, "run-again", as_of=as_of)

    return trade


def test_X06_a_run_that_comes_out_the_same_is_exit_code_0(empty, traded):
    record = traded({"use": "sma_crossover", "params": {"fast": 5, "slow": 20}})
    assert record.signals
    result = empty("replay", "--run", "run-again")
    assert result.exit_code == 0, result.output
    assert "Decided again from the stored panel and inputs." in result.output
    assert "The same to the byte." in result.output
    told = empty.json("replay", "--run", record.slot)
    assert told["same"] is True
    assert told["parts"]["signals"] == {"stored": 2, "again": 2}


def test_X06_what_differs_is_listed_and_is_exit_code_1(empty, traded):
    traded(RESTLESS)
    result = empty("replay", "--run", "run-again", "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    fields = {(one["part"], one["field"]) for one in told["differences"]}
    assert ("signals", "confidence") in fields
    shown = empty("replay", "--run", "run-again")
    assert shown.exit_code == 1
    assert "What differs" in shown.output
    assert "Restless AAPL" in shown.output


def test_X06_a_run_that_was_archived_comes_out_the_same_and_is_refused_when_its_files_are_gone(
    empty, traded, tmp_path, monkeypatch
):
    scratch = tmp_path / "scratch"
    monkeypatch.setenv("OPENBELL_HOME", str(scratch))
    store.ensure(load_settings().url)
    record = traded({"use": "sma_crossover", "params": {"fast": 5, "slow": 20}}, home=scratch)
    bars = store.open_history(load_settings().url).bars(record.data.digest)
    long_ago = record.model_copy(update={"clock": JUNE, "finished": JUNE, "orders": (), "fills": ()})
    store.open_journal(empty.url).seal(long_ago, bars)
    # The newest run of a job stays in the store.
    store.open_journal(empty.url).seal(
        long_ago.model_copy(update={"id": "run-later", "slot": "demo/trade/later"}), bars
    )
    assert empty("archive", "--before", "2026-07").exit_code == 0
    assert [run["id"] for run in empty.json("history")] == ["run-later"]
    assert "The same to the byte." in empty("replay", "--run", "run-again").output
    shutil.rmtree(empty.home / "archive")
    gone = empty("replay", "--run", "run-again")
    assert gone.exit_code == 1
    assert gone.output.startswith("error: ")


def test_X06_a_skip_says_that_there_was_nothing_to_decide(filled):
    result = filled("replay", "--run", "run-skipped")
    assert result.exit_code == 0
    assert "it came to no decision" in result.output


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["replay", "--run", "nothing"], 1, "no run or slot 'nothing' in the store"),
        (["replay", "demo", "--run", "nothing"], 2, "--run takes no plan"),
        (["replay"], 2, "PLAN"),
    ],
)
def test_what_cannot_be_decided_again_is_one_clear_error(empty, words, code, complaint):
    result = empty(*words)
    assert result.exit_code == code
    assert complaint in result.output


def test_without_a_store_there_is_no_run(terminal):
    result = terminal("replay", "--run", "x")
    assert result.exit_code == 1
    assert "no store yet" in result.output
