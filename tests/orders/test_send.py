"""Each order is sent once, whatever happens around the send."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from openbell.errors import BrokerUnavailable
from openbell.jobs import trading
from openbell.ports import Frozen, Level
from openbell.values.orders import OrderState
from openbell.values.record import Outcome
from tests.orders.desks import QUIET, SYMBOLS, PowerCut, Wire, cut, open_desk, outlive_lease, states

TEN = len(SYMBOLS)


def test_an_undisturbed_run_sends_every_order_once(desk, wire):
    record = trading.trade(desk, "one")
    assert record.outcome is Outcome.COMPLETED
    assert states(desk) == ["filled"] * TEN
    assert len(wire.posts) == len(set(wire.posts)) == TEN


def test_S03_S06_a_second_run_or_a_retry_of_the_same_slot_sends_nothing(desk, wire, home):
    trading.trade(desk, "one")
    for name in ("one-2", "another"):
        again = trading.trade(open_desk(home, wire), name)
        assert (again.outcome, again.code) == (Outcome.SKIPPED, "DUPLICATE_RUN")
    assert len(wire.posts) == TEN


def test_S06_executing_the_same_decision_twice_sends_once(desk, wire):
    run = trading.begin(desk, trading.TRADE, "one")
    market = trading.fetch_market(run)
    gated = trading.gate(run, market, trading.evaluate_market(run, market))
    first, second = trading.send_orders(run, market, gated), trading.send_orders(run, market, gated)
    assert len(wire.posts) == TEN
    assert [order.state for order in second.orders] == [order.state for order in first.orders]


def test_C07_a_restart_executes_the_frozen_plan_and_does_not_decide_again(desk, wire, home):
    asked = iter(range(100))

    def die_before_the_first_send():
        # Two questions by the guards and the fetch; the third is the first order's own.
        if next(asked) == 2:
            raise PowerCut

    wire.before_question = die_before_the_first_send
    cut(desk)
    assert (wire.posts, states(desk)) == ([], ["approved"] * TEN)
    frozen = [(order.client_id, order.quantity) for order in desk.history.orders()]
    wire.before_question = lambda: None
    wire.tape.price = Decimal(99)
    outlive_lease(desk)
    record = trading.trade(open_desk(home, wire), "second")
    assert record.outcome is Outcome.COMPLETED
    assert [(order.client_id, order.quantity) for order in desk.history.orders()] == frozen
    assert sorted(key for _, key in wire.posts) == sorted(key for key, _ in frozen)
    assert record.signals == ()


@pytest.mark.parametrize("nth", [1, 5, 10])
def test_C09_an_order_marked_and_never_sent_goes_out_once_after_two_look_ups(desk, wire, home, nth):
    wire.faults[nth] = "cut before"
    cut(desk)
    dead = wire.posts[-1][1]
    outlive_lease(desk)
    record = trading.trade(open_desk(home, wire), "second")
    assert record.outcome is Outcome.COMPLETED
    assert states(desk) == ["filled"] * TEN
    assert sorted(wire.accepted) == sorted({key for _, key in wire.posts})
    assert [key for _, key in wire.posts].count(dead) == 2


def test_C09_without_unique_ids_it_is_abandoned_with_an_alert(home, tape):
    wire = Wire(tape, unique=False)
    desk = open_desk(home, wire)
    wire.faults[3] = "cut before"
    cut(desk)
    dead = wire.posts[-1][1]
    outlive_lease(desk)
    trading.trade(open_desk(home, wire), "second")
    assert wire.accepted.count(dead) == 0
    assert next(o.state for o in desk.history.orders() if o.client_id == dead) is OrderState.ABANDONED
    assert ("ABANDONED", dead) in {(alert.kind, alert.subject) for alert in desk.history.alerts()}
    assert len(wire.accepted) == TEN - 1


@pytest.mark.parametrize("nth", [1, 5, 10])
@pytest.mark.parametrize("unique", [True, False])
def test_C10_C11_C13_an_order_that_arrived_is_found_and_never_repeated(home, tape, nth, unique):
    wire = Wire(tape, unique=unique)
    desk = open_desk(home, wire)
    wire.faults[nth] = "cut after"
    cut(desk)
    outlive_lease(desk)
    record = trading.trade(open_desk(home, wire), "second")
    assert record.outcome is Outcome.COMPLETED
    assert states(desk) == ["filled"] * TEN
    assert sorted(key for _, key in wire.posts) == sorted(set(wire.accepted))
    assert any("recovered=true" in order.detail for order in desk.history.orders())


def test_B01_an_unanswered_order_is_found_by_look_up(desk, wire):
    wire.faults[2] = "unanswered"
    record = trading.trade(desk, "one")
    assert record.outcome is Outcome.COMPLETED
    assert states(desk) == ["filled"] * TEN
    assert len(wire.posts) == TEN
    assert record.counters["unknown"] == 0


def test_B02_a_lost_order_is_sent_again_only_after_a_quiet_time(desk, wire):
    wire.faults[2] = "lost"
    trading.trade(desk, "one")
    lost = wire.posts[1]
    again = [start for start, key in wire.posts[2:] if key == lost[1]]
    assert len(again) == 1
    assert again[0] - lost[0] >= QUIET.total_seconds()
    assert wire.accepted.count(lost[1]) == 1
    assert [found.found for found in desk.journal.lookups(lost[1])] == []  # of the second mark, which was answered


def test_B02_an_order_that_shows_late_is_not_sent_again(desk, wire):
    wire.faults[1] = "unanswered"
    shown = []

    def hide(number):
        wire.hidden |= {wire.posts[0][1]}

    def show(span):
        shown.append(span)
        wire.hidden.clear()

    wire.before_post, desk.wait = hide, show
    trading.trade(desk, "one")
    assert shown == [QUIET]
    assert len(wire.posts) == TEN
    assert states(desk) == ["filled"] * TEN


def test_B06_a_basket_stops_at_two_unknown_outcomes(desk, wire):
    wire.faults = {2: "lost", 4: "unanswered"}
    desk.wait = lambda span: wire.hidden.update(key for _, key in wire.posts)
    trading.trade(desk, "one")
    assert states(desk).count("abandoned") >= TEN - 4
    assert len({key for _, key in wire.posts}) == 4


def test_B06_what_two_dead_attempts_left_unknown_does_not_stop_the_third(desk, wire, home):
    wire.faults = {1: "cut before", 2: "cut before"}
    for name in ("first", "second"):
        cut(open_desk(home, wire), name)
        outlive_lease(desk)
    record = trading.trade(open_desk(home, wire), "third")
    assert record.outcome is Outcome.COMPLETED
    assert states(desk) == ["filled"] * TEN
    assert sorted(wire.accepted) == sorted(set(wire.accepted))
    dead = [key for _, key in wire.posts[:2]]
    assert [[key for _, key in wire.posts].count(each) for each in dead] == [2, 2]


def test_B06_two_unknown_outcomes_of_its_own_stop_a_resumed_basket_too(desk, wire, home):
    wire.faults = {1: "cut before", 2: "lost", 3: "lost"}
    cut(desk)
    outlive_lease(desk)
    again = open_desk(home, wire)
    again.wait = lambda span: wire.hidden.update(key for _, key in wire.posts)
    again.quiet = timedelta(hours=1)
    trading.trade(again, "second")
    assert states(desk) == ["unknown"] * 3 + ["abandoned"] * (TEN - 3)
    assert len(wire.posts) == 3
    stopped = [order.detail for order in desk.history.orders() if order.state is OrderState.ABANDONED]
    assert all(detail.startswith("BASKET_STOPPED: 2 orders") for detail in stopped)


def test_B06_an_order_of_a_symbol_that_a_dead_attempt_left_unknown_is_not_sent(desk, wire, home):
    """Two legs of one symbol: the exit's outcome is not known, so the entry behind it waits for nobody."""
    run = trading.begin(desk, trading.TRADE, "one")
    market = trading.fetch_market(run)
    gated = trading.gate(run, market, trading.evaluate_market(run, market))
    first, other = gated.intents[0], gated.intents[1]
    twin = replace(other, symbol=first.symbol, leg=1)
    frozen = Frozen((first, twin), gated.verdicts[:2], {first.id: OrderState.UNKNOWN, twin.id: OrderState.APPROVED})
    sender = trading.sender_of(run, market)
    desk.journal.freeze(run.ring.slot, run.ring.fencing, "book", gated.intents, gated.verdicts)
    assert [order.state for order in sender.send_all(frozen)] == [OrderState.UNKNOWN, OrderState.ABANDONED]
    assert wire.posts == []


def test_an_unanswered_question_before_a_send_is_a_denial(desk, wire):
    asked = iter(range(100))

    def fail_later():
        if next(asked) == 4:
            raise BrokerUnavailable("no answer")

    wire.before_question = fail_later
    trading.trade(desk, "one")
    assert sorted(states(desk)) == ["abandoned"] + ["filled"] * (TEN - 1)


def test_B05_our_id_on_another_order_halts_everything(desk, wire):
    wire.faults[1] = "lost"
    stranger = []

    def place_a_stranger(number):
        if number == 2:
            (mine,) = (u for u in desk.journal.unsettled() if u.intent.id == wire.posts[0][1])
            wire.paper.submit(replace(mine.intent, quantity=Decimal(3)))
            stranger.append(mine.intent.id)

    wire.before_post = place_a_stranger
    trading.trade(desk, "one")
    assert desk.journal.switch().level is Level.HALTED
    assert "ID_COLLISION" in {alert.kind for alert in desk.history.alerts()}
    assert [key for _, key in wire.posts].count(stranger[0]) == 1


def test_S08_what_is_left_when_the_window_closes_is_abandoned(home, wire):
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    desk = open_desk(home, wire, window={"exchange": "24/7", "grace": "24h", "closures": [tomorrow.isoformat()]})
    noon = datetime.combine(tomorrow, datetime.min.time(), UTC) + timedelta(hours=12)
    desk.now = lambda: noon if len(wire.posts) >= 4 else datetime.now(UTC)
    trading.trade(desk, "one")
    assert states(desk) == ["filled"] * 4 + ["abandoned"] * (TEN - 4)
    left = [order.detail for order in desk.history.orders() if order.state is OrderState.ABANDONED]
    assert all(detail.startswith("WINDOW_CLOSED") for detail in left)


def test_S07_a_start_after_the_window_closed_sends_nothing(home, wire):
    today = datetime.now(UTC).date().isoformat()
    desk = open_desk(home, wire, window={"exchange": "24/7", "grace": "24h", "closures": [today]})
    record = trading.trade(desk, "one", planned=datetime.now(UTC) - timedelta(seconds=1))
    assert (record.outcome, record.code, wire.posts) == (Outcome.SKIPPED, "CLOSURE", [])


def test_I21_no_entry_while_an_order_of_the_symbol_is_unknown(desk, wire, home):
    wire.faults[1] = "lost"
    desk.wait = lambda span: None
    desk.quiet = timedelta(hours=1)
    trading.trade(desk, "one")
    unknown = next(order for order in desk.history.orders() if order.state is OrderState.UNKNOWN)
    other = open_desk(home, wire, name="other")
    other.quiet = timedelta(hours=1)
    trading.trade(other, "two")
    mine = next(o for o in other.history.orders(plan="other") if o.symbol == unknown.symbol)
    assert mine.state is OrderState.ABANDONED
    assert mine.detail.startswith("UNRECONCILED")
    assert len(wire.posts) == 2 * TEN - 1


def test_I7_the_last_gate_denies_what_the_account_no_longer_has_room_for(desk, wire, home):
    def spend_elsewhere(number):
        if number == 5:
            wire.before_post = lambda _: None
            trading.trade(open_desk(home, wire, name="other"), "two")

    wire.before_post = spend_elsewhere
    tight = open_desk(home, wire, risk={"max_positions": 20, "max_orders_per_run": 20, "max_position_weight": "0.001"})
    tight.lease = timedelta(seconds=20)
    trading.trade(tight, "one")
    abandoned = [o for o in tight.history.orders(plan="demo") if o.state is OrderState.ABANDONED]
    assert len(abandoned) == TEN - 5
    assert all(order.detail.startswith("max_position_weight") for order in abandoned)


def test_S09_X04_a_backlog_of_an_hour_ends_as_skips_in_under_a_second_each(home, wire):
    desk = open_desk(home, wire, schedule={"trade": {"every": "1m"}}, window={"exchange": "24/7"})
    now = datetime.now(UTC)
    started = datetime.now(UTC)
    for back in range(60, 3, -1):
        record = trading.trade(desk, f"late-{back}", planned=now - timedelta(minutes=back))
        assert (record.outcome, record.code) == (Outcome.SKIPPED, "LATE")
    assert (datetime.now(UTC) - started) / 57 < timedelta(seconds=1)
    assert wire.posts == []
