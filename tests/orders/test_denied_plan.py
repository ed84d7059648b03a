"""A plan of which the gate denied everything: nothing is committed before the record, and everything with it."""

import pytest

from openbell.calendar.slots import slot_for
from openbell.jobs import trading
from openbell.jobs.run import begin
from openbell.ports import ClaimKind, Frozen
from openbell.store.verify import verify
from openbell.values.job import TRADE
from openbell.values.orders import OrderState
from openbell.values.record import Outcome
from openbell.values.verdict import Decision
from tests.orders.desks import HOURLY, SYMBOLS, hours_ago, open_desk, outlive_lease

#: No symbol of the plan is on the list.
NOTHING = {"risk": {"allowed_symbols": ["ZZZ"]}}
TEN = len(SYMBOLS)


def gated(desk, run_id):
    """A run up to its gate."""
    run = begin(desk, TRADE, run_id)
    market = trading.fetch_market(run)
    evaluation = trading.evaluate_market(run, market)
    return run, market, evaluation, trading.gate(run, market, evaluation)


def test_it_is_frozen_with_the_record_and_not_before(home, wire):
    desk = open_desk(home, wire, **NOTHING)
    run, market, evaluation, said = gated(desk, "one")
    slot = run.ring.slot
    executed = trading.send_orders(run, market, said)
    assert (len(executed.verdicts), executed.orders) == (TEN, ())
    assert desk.journal.frozen(slot) is None
    assert desk.history.orders() == ()
    record = trading.finish(run, market, evaluation, said, executed)
    assert {verdict.decision for verdict in record.verdicts} == {Decision.DENIED}
    frozen = desk.journal.frozen(slot)
    assert isinstance(frozen, Frozen)
    assert (frozen.intents, frozen.verdicts) == (record.intents, record.verdicts)
    assert set(frozen.states.values()) == {OrderState.DENIED}
    assert len(desk.history.orders()) == TEN
    assert wire.posts == []


def test_A07_a_run_that_died_before_its_record_is_decided_anew_by_the_next_one(home, wire):
    desk = open_desk(home, wire, **NOTHING)
    run, market, _, said = gated(desk, "one")
    trading.send_orders(run, market, said)
    outlive_lease(desk)
    desk = open_desk(home, wire)
    record = trading.trade(desk, "two")
    assert (record.outcome, record.slot) == (Outcome.COMPLETED, run.ring.slot.key)
    assert len(wire.posts) == TEN
    assert {order.state for order in record.orders} == {OrderState.FILLED}


def test_a_limit_that_halts_is_latched_by_a_plan_of_which_nothing_is_left(home, wire):
    limit = {**HOURLY, "risk": {"max_orders_per_day": 1, "max_orders_per_run": 1}}
    trading.trade(open_desk(home, wire, universe=SYMBOLS[:1], **limit), "one", planned=hours_ago(2))
    desk = open_desk(home, wire, universe=SYMBOLS[1:3], **limit)
    record = trading.trade(desk, "two", planned=hours_ago(1))
    assert {verdict.rule for verdict in record.verdicts} == {"max_orders_per_day"}
    assert desk.journal.breaker("demo", "trade").latched
    assert len(wire.posts) == 1


@pytest.mark.parametrize("approved", [0, TEN])
def test_a_second_start_finds_the_slot_taken_whatever_came_of_the_first(home, wire, approved):
    desk = open_desk(home, wire, **({} if approved else NOTHING))
    trading.trade(desk, "one")
    again = trading.trade(open_desk(home, wire), "two")
    assert (again.outcome, again.code) == (Outcome.SKIPPED, "DUPLICATE_RUN")
    assert len(wire.posts) == approved
    slot = slot_for(desk.plan, TRADE, desk.clock())
    assert desk.journal.claim(slot, "three", desk.lease).kind is ClaimKind.DONE


def test_the_books_of_it_are_whole(home, wire):
    desk = open_desk(home, wire, **NOTHING)
    trading.trade(desk, "one")
    assert [finding for check in verify(desk.settings.url) for finding in check.findings] == []
