"""The kill switch acts inside the transaction of each send, and what it stops stays stopped."""

import os
import random
import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from openbell import closing, runs
from openbell.errors import InputError, StoreError
from openbell.ports import Frozen, Level
from openbell.stages.execute import sendable
from openbell.values.orders import OrderState, Side
from tests.orders.desks import SYMBOLS, open_desk, outlive_lease, states

# These start many processes; two such files at once would starve each other.
pytestmark = pytest.mark.xdist_group("heavy")

TEN = len(SYMBOLS)
#: Presses of H01; the full thousand takes a minute.
PRESSES = int(os.environ.get("OPENBELL_TEST_PRESSES", "60"))


def test_H01_at_most_one_order_starts_after_the_press_and_none_after_a_moment(home, wire):
    desk = open_desk(home, wire)
    desk.lease = timedelta(seconds=60)
    run = runs.begin(desk, runs.TRADE, "base")
    market = runs.fetch_market(run)
    gated = runs.gate(run, market, runs.evaluate_market(run, market))
    took = _basket(open_desk(home, wire, name="warm"), gated, market, None)
    seen = set()
    for press in range(PRESSES):
        pause = random.Random(press).uniform(0, took)
        after = _basket(open_desk(home, wire, name=f"press-{press}"), gated, market, pause)
        assert after <= 1
        seen.add(after)
        desk.journal.set_switch(Level.ACTIVE, "test", "next press")
    assert seen <= {0, 1}


def _basket(desk, gated, market, pause):
    """Send ten orders while the switch is pressed after ``pause`` seconds; the posts that began after it."""
    wire, pressed, slot = desk.broker(), [], _slot(desk)
    claim = desk.journal.claim(slot, desk.plan.name, timedelta(seconds=60))
    run = runs.Run(desk, _story(desk, slot, claim))
    renamed = [_renamed(desk, slot, intent) for intent in gated.intents]
    verdicts = [_of(v, new) for new, v in zip(renamed, _ordered(gated), strict=True)]
    frozen = desk.journal.freeze(slot, claim.fencing, "book", renamed, verdicts)
    count = len(wire.posts)
    presser = threading.Thread(target=_press, args=(desk, pause, pressed))
    start = time.monotonic()
    if pause is not None:
        presser.start()
    orders = runs.sender_of(run, market).send_all(frozen)
    took = time.monotonic() - start
    if pause is None:
        return took
    presser.join()
    later = [order for order in orders if order.state is OrderState.ABANDONED]
    assert {order.reason.partition(":")[0] for order in later} <= {"HALTED"}
    return sum(begun > pressed[0] for begun, _ in wire.posts[count:])


def _press(desk, pause, pressed):
    time.sleep(pause)
    desk.journal.set_switch(Level.HALTED, "test", "press")
    pressed.append(time.monotonic())


def _ordered(gated):
    by_id = {verdict.intent_id: verdict for verdict in gated.verdicts}
    return [by_id[intent.id] for intent in gated.intents]


def _slot(desk):
    from openbell.calendar.slots import slot_of

    return slot_of(desk.plan, "trade", datetime.now(UTC))


def _story(desk, slot, claim):
    from openbell.stages.seal import Story
    from openbell.values.ring import Ring

    now = datetime.now(UTC)
    return Story(Ring(slot, desk.plan.name, claim.fencing, now, now, False, False), desk.plan)


def _renamed(desk, slot, intent):
    from dataclasses import replace

    from openbell.values.orders import client_order_id

    name = client_order_id("book", "paper", ["x"], slot, intent.symbol, 0)
    return replace(intent, id=name, slot=slot.key, quantity=Decimal(1))


def _of(verdict, intent):
    from dataclasses import replace

    return replace(verdict, intent_id=intent.id, asked=intent.quantity, quantity=intent.quantity)


def test_H02_the_halt_file_stops_a_basket_and_removing_it_replays_nothing(desk, wire, home):
    wire.before_post = lambda number: number == 3 and desk.settings.halt_file.write_text("stop")
    runs.trade(desk, "one")
    assert states(desk) == ["filled"] * 3 + ["abandoned"] * (TEN - 3)
    desk.settings.halt_file.unlink()
    runs.trade(open_desk(home, wire), "two")
    assert len(wire.posts) == 3


def test_S21_resuming_an_hour_later_never_replays_what_was_stopped(desk, wire, home):
    wire.before_post = lambda number: number == 5 and desk.journal.set_switch(Level.HALTED, "test", "stop")
    runs.trade(desk, "one")
    assert states(desk) == ["filled"] * 5 + ["abandoned"] * 5
    desk.journal.set_switch(Level.ACTIVE, "test", "go on")
    again = runs.trade(open_desk(home, wire), "two")
    assert again.code == "DUPLICATE_RUN"
    assert len(wire.posts) == 5


def test_S21_a_run_that_died_and_is_restarted_under_a_halt_gives_the_rest_up(desk, wire, home):
    from tests.orders.desks import cut

    wire.faults[4] = "cut after"
    cut(desk)
    desk.journal.set_switch(Level.HALTED, "test", "stop")
    outlive_lease(desk)
    record = runs.trade(open_desk(home, wire), "two")
    assert record.code == "HALTED"
    assert len(wire.posts) == 4
    assert states(desk) == ["filled"] * 3 + ["unknown"] + ["abandoned"] * (TEN - 4)
    recovered = open_desk(home, wire).recovery("recover", passes=2).recover()
    assert recovered.clean
    assert states(desk)[3] == "filled"


def test_H04_reduce_only_lets_exits_through_and_no_entry(desk, wire, home):
    runs.trade(desk, "one")
    desk.journal.set_switch(Level.REDUCE_ONLY, "test", "careful")
    runs.trade(open_desk(home, wire, name="other"), "two")
    assert len(wire.posts) == TEN
    done = closing.flatten(desk, "test", "out", "flatten-1")
    assert done.flat
    assert [order.side for order in done.orders] == [Side.SELL] * TEN


def test_H07_flatten_cancels_closes_everything_and_is_a_no_op_the_second_time(desk, wire, home):
    runs.trade(desk, "one")
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
    from openbell.values.orders import OrderIntent, OrderType, Purpose

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
    runs.trade(desk, "one")
    wire.faults[TEN + 4] = "cut after"
    from tests.orders.desks import PowerCut

    with pytest.raises(PowerCut):
        closing.flatten(desk, "test", "out", "flatten-1")
    outlive_lease(desk)
    done = closing.flatten(open_desk(home, wire), "test", "out", "flatten-2")
    assert done.flat
    sold = [key for _, key in wire.posts[TEN:]]
    assert len(sold) == len(set(sold)) == TEN
    assert all(position.quantity == 0 for position in wire.paper.account().positions.values())


def test_H07_a_closed_venue_takes_nothing_and_a_later_press_does(desk, wire, home):
    runs.trade(desk, "one")
    wire.is_open = False
    done = closing.flatten(desk, "test", "out", "flatten-1")
    assert "closed" in done.note
    assert len(done.left) == TEN
    assert len(wire.posts) == TEN
    wire.is_open = True
    assert closing.flatten(desk, "test", "out", "flatten-2").flat


def halted(desk, wire):
    """Something is held, and everything is halted, by the store and by the file."""
    runs.trade(desk, "one")
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
    runs.trade(open_desk(home, wire, name="other"), "two")
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
    runs.trade(desk, "one")
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
    runs.trade(desk, "one")
    strange = _resting(desk, wire, "ob-" + "a" * 26)
    with pytest.raises(InputError, match=r'this store never had.*openbell flatten demo --reason "..."'):
        closing.flatten(desk, "test", "out", "flatten-1")
    assert (len(wire.posts), desk.journal.switch().level) == (TEN, Level.HALTED)
    assert closing.flatten(open_desk(home, wire), "kim", "out all the same", "flatten-2").flat
    assert wire.paper.order(strange).state is OrderState.CANCELED


def test_B09_a_part_that_filled_before_the_cancel_is_kept_and_the_rest_never_sent_again(home, tape):
    from tests.orders.desks import Wire

    tape.stopped = datetime.now(UTC)  # one quote fills a part once
    wire = Wire(tape, fill_share="0.37")
    desk = open_desk(home, wire)
    runs.trade(desk, "one")
    assert set(states(desk)) == {"partial"}
    canceled = closing.take_back(desk)
    assert canceled.left == ()
    assert set(states(desk)) == {"canceled"}
    filled = {order.symbol: order.filled for order in desk.history.orders()}
    assert all(0 < amount < 10 for amount in filled.values())
    assert {p.symbol: p.quantity for p in desk.history.positions()} == filled
    assert len(wire.posts) == TEN


def test_the_frozen_plan_of_a_flatten_is_that_of_its_first_press(desk, wire):
    runs.trade(desk, "one")
    done = closing.flatten(desk, "test", "out", "flatten-1")
    from openbell.stages.flatten import flatten_slot

    slot = flatten_slot("demo", desk.journal.switch().epoch, datetime.now(UTC).date())
    frozen = desk.journal.frozen(slot)
    assert isinstance(frozen, Frozen)
    assert {intent.id for intent in sendable(frozen)} == {order.client_id for order in done.orders}
