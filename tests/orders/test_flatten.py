"""Closing an account down: everything once, out of a halt only at a person's word, and on where it was stopped."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from openbell.errors import InputError, StoreError
from openbell.jobs import closing, trading
from openbell.ports import Frozen, Level
from openbell.stages.execute import sendable
from openbell.stages.flatten import flatten_slot
from openbell.store.verify import verify
from openbell.values.orders import OrderIntent, OrderState, OrderType, Purpose, Side
from tests.orders.desks import QUIET, SYMBOLS, PowerCut, Wire, open_desk, outlive_lease

TEN = len(SYMBOLS)


def test_H07_flatten_cancels_closes_everything_and_is_a_no_op_the_second_time(desk, wire, home):
    trading.trade(desk, "one")
    rest = _resting(desk, wire)
    done = closing.flatten(desk, "test", "out", "flatten-1")
    assert done.flat
    assert wire.paper.account().positions == {}
    assert wire.paper.order(rest).state is OrderState.CANCELED
    assert desk.journal.switch().level is Level.REDUCE_ONLY
    count = len(wire.posts)
    again = closing.flatten(open_desk(home, wire), "test", "out", "flatten-2")
    assert "has done it" in again.note
    assert len(wire.posts) == count
    assert not any(desk.journal.activity("demo", "book", _ago(), _ago()).books.values())


def _resting(desk, wire, name="by-hand"):
    """A sell limit far away, not placed by this store, that holds shares."""
    order = OrderIntent(
        name,
        "x",
        0,
        "S0",
        Side.SELL,
        Decimal(4),
        Purpose.EXIT,
        Decimal(100),
        type=OrderType.LIMIT,
        limit_price=Decimal(150),
    )
    wire.paper.submit(order)
    return order.id


def _ago():
    return datetime.now(UTC) - timedelta(days=1)


def test_H07_a_flatten_that_died_goes_on_with_the_same_ids_and_never_sells_twice(desk, wire, home):
    trading.trade(desk, "one")
    wire.faults[TEN + 4] = "cut after"
    with pytest.raises(PowerCut):
        closing.flatten(desk, "test", "out", "flatten-1")
    outlive_lease(desk)
    done = closing.flatten(open_desk(home, wire), "test", "out", "flatten-2")
    assert done.flat
    sold = [key for _, key in wire.posts[TEN:]]
    assert len(sold) == len(set(sold)) == TEN
    assert all(position.quantity == 0 for position in wire.paper.account().positions.values())


def test_H07_a_closed_venue_takes_nothing_and_a_later_press_does(desk, wire, home):
    trading.trade(desk, "one")
    wire.is_open = False
    done = closing.flatten(desk, "test", "out", "flatten-1")
    assert "closed" in done.note
    assert len(done.left) == TEN
    assert len(wire.posts) == TEN
    wire.is_open = True
    assert closing.flatten(desk, "test", "out", "flatten-2").flat


def halted(desk, wire):
    """Something is held, and everything is halted, by the store and by the file."""
    trading.trade(desk, "one")
    desk.journal.set_switch(Level.HALTED, "openbell", "OVERFILL: somebody must look")
    desk.settings.halt_file.write_text("stop")
    return len(wire.posts)


@pytest.mark.parametrize("reason", ["", "  "])
def test_H07_under_a_halt_flatten_without_a_reason_sends_nothing_and_says_what_to_type(desk, wire, reason):
    count = halted(desk, wire)
    with pytest.raises(InputError) as refused:
        closing.flatten(desk, "kim", reason, "flatten-1")
    assert 'openbell flatten demo --reason "..."' in str(refused.value)
    assert (len(wire.posts), desk.journal.switch().level) == (count, Level.HALTED)


@pytest.mark.parametrize("actor", ["auto:watchdog", "openbell", " "])
def test_H03_under_a_halt_no_automation_flattens(desk, wire, actor):
    count = halted(desk, wire)
    with pytest.raises(InputError, match=r"person|actor"):
        closing.flatten(desk, actor, "out", "flatten-1")
    assert (len(wire.posts), desk.journal.switch().level) == (count, Level.HALTED)


def test_H07_a_person_with_a_reason_flattens_out_of_a_halt_and_entries_stay_forbidden(desk, wire, home):
    halted(desk, wire)
    assert closing.flatten(desk, "kim", "out at any price", "flatten-1").flat
    switch = desk.journal.switch()
    assert (switch.level, switch.actor, switch.reason) == (Level.REDUCE_ONLY, "kim", "flatten demo: out at any price")
    assert not desk.settings.halt_file.exists()
    trading.trade(open_desk(home, wire, name="other"), "two")
    assert len(wire.posts) == 2 * TEN


def test_H08_a_halt_that_comes_while_flatten_lifts_one_wins(desk, wire):
    count = halted(desk, wire)
    move = desk.journal.set_switch

    class Meanwhile:
        def __getattr__(self, name):
            return getattr(journal, name)

        def set_switch(self, level, actor, reason, epoch=None):
            move(Level.HALTED, "ann", "fire")
            return move(level, actor, reason, epoch)

    journal, desk.journal = desk.journal, Meanwhile()
    with pytest.raises(StoreError, match="halted by ann: fire"):
        closing.flatten(desk, "kim", "out", "flatten-1")
    assert (len(wire.posts), journal.switch().level) == (count, Level.HALTED)


def test_H07_a_flatten_that_two_unknown_outcomes_stopped_goes_on_under_the_same_epoch(desk, wire, home):
    trading.trade(desk, "one")
    wire.faults = {TEN + 2: "lost", TEN + 4: "unanswered"}
    desk.wait = lambda span: wire.hidden.update(key for _, key in wire.posts[TEN:])
    desk.quiet = timedelta(hours=1)
    done = closing.flatten(desk, "test", "out", "flatten-1")
    assert [order.state.value for order in done.orders][4:] == ["abandoned"] * (TEN - 4)
    assert len(done.left) == TEN - 3
    epoch, first = desk.journal.switch().epoch, [key for _, key in wire.posts[TEN:]]
    # One of the two is found by now; the other is still unknown, and nothing is sent for its symbol.
    wire.hidden = {first[1]}
    again = open_desk(home, wire)
    again.quiet = timedelta(hours=1)
    done = closing.flatten(again, "test", "out", "flatten-2")
    assert list(done.left) == ["S1"]
    assert [key for _, key in wire.posts].count(first[1]) == 1
    # Its absence is proven now, so its symbol can be closed as well.
    wire.hidden.clear()
    third = open_desk(home, wire)
    third.recovery("recover", passes=2).recover()
    assert closing.flatten(third, "test", "out", "flatten-3").flat
    assert desk.journal.switch().epoch == epoch
    posts = [key for _, key in wire.posts[TEN:]]
    assert len(posts) == len(set(posts)) == TEN + 1
    assert {p.quantity for p in wire.paper.account().positions.values()} <= {Decimal(0)}
    before = len(wire.posts)
    assert "has done it" in closing.flatten(open_desk(home, wire), "test", "out", "flatten-4").note
    assert len(wire.posts) == before


def test_P08_flatten_on_an_old_copy_of_the_store_waits_for_a_person_once(desk, wire, home):
    trading.trade(desk, "one")
    strange = _resting(desk, wire, "ob-" + "a" * 26)
    with pytest.raises(InputError, match=r'this store never had.*openbell flatten demo --reason "..."'):
        closing.flatten(desk, "test", "out", "flatten-1")
    assert (len(wire.posts), desk.journal.switch().level) == (TEN, Level.HALTED)
    assert closing.flatten(open_desk(home, wire), "kim", "out all the same", "flatten-2").flat
    assert wire.paper.order(strange).state is OrderState.CANCELED


def test_the_frozen_plan_of_a_flatten_is_that_of_its_first_press(desk, wire):
    trading.trade(desk, "one")
    done = closing.flatten(desk, "test", "out", "flatten-1")
    slot = flatten_slot("demo", desk.journal.switch().epoch, datetime.now(UTC).date())
    frozen = desk.journal.frozen(slot)
    assert isinstance(frozen, Frozen)
    assert {intent.id for intent in sendable(frozen)} == {order.client_id for order in done.orders}


@pytest.mark.parametrize("dead", ["cut before", "cut after"])
def test_C18_a_flatten_that_died_under_an_earlier_epoch_is_recovered_and_stands_in_nobodys_way(desk, wire, home, dead):
    trading.trade(desk, "one")
    wire.faults[TEN + 4] = dead
    with pytest.raises(PowerCut):
        closing.flatten(desk, "test", "out", "flatten-1")
    outlive_lease(desk)
    desk.journal.set_switch(Level.HALTED, "kim", "a process died: look first")
    for number in range(3):
        desk = open_desk(home, wire)
        done = closing.flatten(desk, "kim", "out again", f"again-{number}")
        outlive_lease(desk)
        time.sleep(QUIET.total_seconds())
    assert done.flat
    assert wire.paper.account().positions == {}
    assert len(wire.accepted) == len(set(wire.accepted)) == 2 * TEN
    assert desk.journal.expired() == ()
    assert {row.state for row in desk.history.orders(limit=100)} <= {OrderState.FILLED, OrderState.ABANDONED}
    assert not [finding for check in verify(desk.settings.url) for finding in check.findings]


def test_C18_what_another_process_sells_between_question_and_mark_is_not_sold_again(home, tape):
    wire = Wire(tape, shorting=True, leverage=4, fractions=False)
    sizing = {"use": "fixed_quantity", "params": {"quantity": 10}, "max_trade": 2000}
    changes = {"universe": SYMBOLS[:1], "sizing": sizing, "risk": {"max_order_notional": 2000}}
    desk, other = open_desk(home, wire, **changes), open_desk(home, wire, **changes, name="other")
    trading.trade(desk, "one")
    assert wire.paper.account().quantity("S0") == 10

    def meanwhile():
        if any(row.state is OrderState.APPROVED for row in desk.history.orders()):
            wire.before_orders = lambda: None
            assert closing.flatten(other, "ann", "out", "other").flat

    wire.before_orders = meanwhile
    closing.flatten(desk, "kim", "out", "flatten")
    assert wire.paper.account().quantity("S0") == 0
    sold = [row for row in desk.history.orders() if row.side == "sell" and row.filled]
    assert [row.plan for row in sold] == ["other"]
