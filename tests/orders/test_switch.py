"""The kill switch acts inside the transaction of each send, and what it stops stays stopped."""

import os
import random
import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from openbell.jobs import closing, trading
from openbell.ports import Level
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
    run = trading.begin(desk, trading.TRADE, "base")
    market = trading.fetch_market(run)
    gated = trading.gate(run, market, trading.evaluate_market(run, market))
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
    run = trading.Run(desk, _story(desk, slot, claim))
    renamed = [_renamed(desk, slot, intent) for intent in gated.intents]
    verdicts = [_of(v, new) for new, v in zip(renamed, _ordered(gated), strict=True)]
    frozen = desk.journal.freeze(slot, claim.fencing, "book", renamed, verdicts)
    count = len(wire.posts)
    presser = threading.Thread(target=_press, args=(desk, pause, pressed))
    start = time.monotonic()
    if pause is not None:
        presser.start()
    orders = trading.sender_of(run, market).send_all(frozen)
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
    trading.trade(desk, "one")
    assert states(desk) == ["filled"] * 3 + ["abandoned"] * (TEN - 3)
    desk.settings.halt_file.unlink()
    trading.trade(open_desk(home, wire), "two")
    assert len(wire.posts) == 3


def test_S21_resuming_an_hour_later_never_replays_what_was_stopped(desk, wire, home):
    wire.before_post = lambda number: number == 5 and desk.journal.set_switch(Level.HALTED, "test", "stop")
    trading.trade(desk, "one")
    assert states(desk) == ["filled"] * 5 + ["abandoned"] * 5
    desk.journal.set_switch(Level.ACTIVE, "test", "go on")
    again = trading.trade(open_desk(home, wire), "two")
    assert again.code == "DUPLICATE_RUN"
    assert len(wire.posts) == 5


def test_S21_a_run_that_died_and_is_restarted_under_a_halt_gives_the_rest_up(desk, wire, home):
    from tests.orders.desks import cut

    wire.faults[4] = "cut after"
    cut(desk)
    desk.journal.set_switch(Level.HALTED, "test", "stop")
    outlive_lease(desk)
    record = trading.trade(open_desk(home, wire), "two")
    assert record.code == "HALTED"
    assert len(wire.posts) == 4
    assert states(desk) == ["filled"] * 3 + ["unknown"] + ["abandoned"] * (TEN - 4)
    recovered = open_desk(home, wire).recovery("recover", passes=2).recover()
    assert recovered.clean
    assert states(desk)[3] == "filled"


def test_H04_reduce_only_lets_exits_through_and_no_entry(desk, wire, home):
    trading.trade(desk, "one")
    desk.journal.set_switch(Level.REDUCE_ONLY, "test", "careful")
    trading.trade(open_desk(home, wire, name="other"), "two")
    assert len(wire.posts) == TEN
    done = closing.flatten(desk, "test", "out", "flatten-1")
    assert done.flat
    assert [order.side for order in done.orders] == [Side.SELL] * TEN


def test_B09_a_part_that_filled_before_the_cancel_is_kept_and_the_rest_never_sent_again(home, tape):
    from tests.orders.desks import Wire

    tape.stopped = datetime.now(UTC)  # one quote fills a part once
    wire = Wire(tape, fill_share="0.37")
    desk = open_desk(home, wire)
    trading.trade(desk, "one")
    assert set(states(desk)) == {"partial"}
    canceled = closing.take_back(desk)
    assert canceled.left == ()
    assert set(states(desk)) == {"canceled"}
    filled = {order.symbol: order.filled for order in desk.history.orders()}
    assert all(0 < amount < 10 for amount in filled.values())
    assert {p.symbol: p.quantity for p in desk.history.positions()} == filled
    assert len(wire.posts) == TEN
