"""`openbell replay --run`: whatever way a run ended, its stored inputs lead to what it stored, or the diff is told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from openbell.calendar.exchange import exchange
from openbell.desk import account_spec, desk_of
from openbell.errors import DataError, InputError
from openbell.jobs import trading
from openbell.jobs.closing import flatten
from openbell.jobs.perform import perform
from openbell.ports import Level
from openbell.replay.rerun import DECIDES_NOTHING, compare, part, rerun_stored
from openbell.sources import feed_spec
from openbell.stages.rerun import slot_of
from openbell.values.job import JOBS
from openbell.values.plan import Plan
from openbell.values.record import Outcome
from tests.orders.conftest import home, tape, wire  # noqa: F401
from tests.orders.desks import cut, open_desk, outlive_lease

DEMO = {
    "name": "demo",
    "universe": ("AAPL", "FB", "GOOG", "IBM", "MSFT"),
    "schedule": {"trade": {"at": ["open+5m"]}},
    "sizing": {"min_trade": 50, "max_trade": 5000},
    "risk": {"max_order_notional": 5000, "daily_loss_halt": 0.5, "drawdown_halt": 0.9},
}
MANY = (
    {"use": "buy_and_hold", "params": {"rebalance": "daily"}},
    {"use": "sma_crossover", "params": {"fast": 3, "slow": 9}},
    {"use": "rsi_reversion"},
)


@pytest.fixture
def desk(home, wire):  # noqa: F811
    return open_desk(home, wire, strategies=MANY, risk={"max_positions": 4, "max_orders_per_run": 20})


def again(desk, run):
    return rerun_stored(desk.history, desk.journal.frozen, run)


def counts(compared):
    return {part.name: part.stored for part in compared.parts}


def test_X06_a_run_that_traded_comes_out_the_same_to_the_byte(desk):
    record = trading.trade(desk, "run-1")
    compared = again(desk, "run-1")
    assert compared.same
    assert compared.how == "decided again from the stored panel and inputs"
    assert counts(compared) == {"window": 1, "signals": 30, "intents": 10, "verdicts": 10, "unplaced": 0}
    assert {verdict.decision.value for verdict in record.verdicts} == {"approved", "denied"}


def test_X06_an_order_that_a_clip_left_too_small_is_denied_again_to_the_byte(home, wire):  # noqa: F811
    sizing = {"use": "fixed_cash", "params": {"notional": 1000}, "min_trade": 300}
    small = open_desk(home, wire, sizing=sizing, risk={"max_order_quantity": 2, "max_positions": 20})
    record = trading.trade(small, "run-1")
    assert {(one.decision.value, one.rule, one.limit) for one in record.verdicts} == {("denied", "min_trade", "300.00")}
    assert again(small, "run-1").same
    assert wire.posts == []


@pytest.mark.parametrize("fault", ["lost", "unanswered", "refused"])
def test_I18_what_became_of_the_orders_does_not_change_what_was_decided(desk, wire, fault):  # noqa: F811
    wire.faults = dict.fromkeys(range(1, 11), fault)
    trading.trade(desk, "run-1")
    assert again(desk, "run-1").same


def test_G12_twenty_days_of_a_plan_on_real_prices_come_out_the_same(home):  # noqa: F811
    plan = Plan.model_validate({**DEMO, "strategies": (*MANY, {"use": "xs_momentum", "params": {"window": 20}})})
    market = exchange("XNYS")
    last = market.last_complete(datetime.now(UTC))
    for number, session in enumerate(market.sessions(market.offset(last, -19), last)):
        as_of = market.hours(session).opens + timedelta(minutes=5)
        record = trading.trade(desk_of(plan, feed_spec(plan), account_spec(plan), as_of), f"run-{number}", as_of=as_of)
        assert record.outcome is Outcome.COMPLETED, record.message
    desk = desk_of(plan, feed_spec(plan), account_spec(plan))
    compared = [again(desk, f"run-{number}") for number in range(20)]
    assert [one for one in compared if not one.same] == []
    assert sum(counts(one)["intents"] for one in compared) > 20


def test_I18_a_dry_run_comes_out_the_same(desk):
    record = trading.trade(desk, "run-1", dry_run=True)
    assert record.intents
    assert again(desk, "run-1").same


def test_C04_a_resumed_run_is_held_against_the_plan_that_was_committed(desk, home, wire):  # noqa: F811
    wire.faults = {2: "cut after"}
    cut(desk)
    outlive_lease(desk)
    wire.faults = {}
    record = trading.trade(open_desk(home, wire, strategies=MANY), "second")
    assert record.intents
    assert not record.signals
    compared = again(desk, "second")
    assert compared.same
    assert counts(compared) == {"window": 1, "ids": 10, "intents": 10, "verdicts": 10}
    assert compared.notes[0].startswith("its inputs went with the attempt that decided")


def test_C04_an_interrupted_run_is_held_against_the_plan_that_was_committed(desk, wire):  # noqa: F811
    wire.faults = {2: "cut after"}
    cut(desk)
    outlive_lease(desk)
    wire.faults = {}
    moved = replace_now(desk, timedelta(days=1))
    moved.recovery("late", 3).recover()
    record = desk.history.run("first")
    assert record.outcome is Outcome.INTERRUPTED
    assert counts(again(desk, "first")) == {"ids": 10, "intents": 10, "verdicts": 10}
    assert again(desk, "first").same


def replace_now(desk, span):
    before = desk.now
    desk.now = lambda: before() + span
    return desk


def test_X06_a_skip_has_nothing_to_decide_and_says_so(desk):
    desk.journal.set_switch(Level.HALTED, "me", "test")
    trading.trade(desk, "run-1")
    compared = again(desk, "run-1")
    assert compared.same
    assert compared.notes == ("guard halted stopped the run (HALTED): it came to no decision",)


def test_X06_a_closed_window_is_asked_again(home, wire):  # noqa: F811
    desk = open_desk(home, wire, window={"exchange": "24/7", "closures": [day.isoformat() for day in days()]})
    record = trading.trade(desk, "run-1")
    assert record.code == "CLOSURE"
    compared = again(desk, "run-1")
    assert (compared.same, counts(compared)) == (True, {"window": 1})
    opened = record.model_copy(update={"plan_body": {**record.plan_body, "window": {"exchange": "24/7"}}})
    (found,) = compare(opened, desk.history.bars, desk.journal.frozen).differences[:1]
    assert (found.part, found.field, found.stored, found.again) == ("window", "passed", "false", "true")


def days():
    today = datetime.now(UTC).date()
    return [today + timedelta(days=step) for step in (-1, 0, 1)]


def test_X06_a_run_that_failed_before_it_decided_says_so(desk, wire):  # noqa: F811
    class Silent(type(wire.tape)):
        def bars(self, *asked):
            raise DataError("no answer")

    wire.tape.__class__ = Silent
    record = trading.trade(desk, "run-1")
    assert record.outcome is Outcome.FAILED
    assert again(desk, "run-1").notes[0] == "the run is failed: it ended before it had decided"


def test_X06_a_flatten_closes_the_same_once_more(desk, wire):  # noqa: F811
    trading.trade(desk, "run-1")
    flattened = flatten(desk, "me", "test", "close-1")
    assert flattened.orders
    compared = again(desk, "close-1")
    assert compared.how == "decided again from the stored panel and inputs"
    assert compared.same
    assert counts(compared)["intents"] == len(flattened.orders)


def test_X06_a_job_that_sends_nothing_says_so(desk):
    perform(desk, "snapshot", "snap-1")
    assert again(desk, "snap-1").how == "the snapshot job writes down the account and decides on no order"


def test_every_job_is_decided_again_or_has_words_for_why_not():
    assert {*DECIDES_NOTHING, "trade", "exits"} == set(JOBS)


def test_X06_a_panel_that_is_gone_is_one_clear_error(desk):
    record = trading.trade(desk, "run-1")
    with pytest.raises(InputError, match=f"panel {record.data.digest[:12]} that run run-1 was decided on is not in"):
        compare(record, lambda digest: None, desk.journal.frozen)
    with pytest.raises(InputError, match="no run or slot 'run-2' in the store"):
        again(desk, "run-2")


def test_X06_every_value_that_differs_is_told_with_both_sides(desk):
    record = trading.trade(desk, "run-1")
    first, *rest = record.verdicts
    changed = record.model_copy(
        update={
            "verdicts": (replace(first, limit="something else"), *rest),
            "intents": record.intents[1:],
            "signals": (replace(record.signals[0], confidence=0.123), *record.signals[1:]),
        }
    )
    found = compare(changed, desk.history.bars, desk.journal.frozen).differences
    told = {(one.part, one.field): (one.stored, one.again) for one in found}
    assert told[("verdicts", "limit")] == ('"something else"', f'"{first.limit}"')
    assert told[("signals", "confidence")][0] == "0.123"
    stored, now = told[("intents", "")]
    assert stored == ""
    assert record.intents[0].id in now


def test_the_same_things_in_another_order_are_a_difference(desk):
    record = trading.trade(desk, "run-1")
    turned = part("verdicts", record.verdicts[::-1], record.verdicts, ("intent_id",))
    assert [one.field for one in turned.differences] == ["order"]


def test_a_limit_that_was_changed_since_would_change_the_verdict(desk):
    record = trading.trade(desk, "run-1")
    body = {**record.plan_body, "risk": {"max_positions": 2, "max_orders_per_run": 20}}
    found = compare(record.model_copy(update={"plan_body": body}), desk.history.bars, desk.journal.frozen)
    assert {one.field for one in found.differences if one.part == "verdicts"} >= {"decision", "limit", "quantity"}
    assert slot_of(record).key == record.slot
