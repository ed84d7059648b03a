"""The frozen plan, the send mark, order events, and the projections that move with them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from openbell.errors import IllegalTransition, StoreError
from openbell.ports import Forbidden, Level, OrderEvent, Reduced
from openbell.store.order_tables import FILLS, INTENTS, ORDER_EVENTS, ORDERS
from openbell.store.orders import event_digest, plan_of
from openbell.store.sealing import GENESIS, chain
from openbell.store.texts import fill_of as stored_fill
from openbell.store.watch_tables import SWITCHES
from openbell.values.market import Activity
from openbell.values.orders import OrderState, Purpose, Share, Side
from openbell.values.record import Outcome
from openbell.values.verdict import Decision
from tests.store.samples import (
    HOUR,
    PASS,
    START,
    D,
    event_of,
    fill_of,
    frozen_order,
    intent_of,
    slot_at,
    verdict_of,
)

S = OrderState


@pytest.fixture
def plan(journal):
    """A claimed slot with two approved intents and a denied one, not frozen yet."""
    slot = slot_at()
    journal.claim(slot, "run-1", HOUR)
    intents = [intent_of(slot), intent_of(slot, "MSFT", "5", Side.SELL), intent_of(slot, "KO", "7")]
    verdicts = [verdict_of(intents[2], Decision.DENIED, "0"), verdict_of(intents[1], Decision.CLIPPED, "4")]
    return slot, intents, [*verdicts, verdict_of(intents[0])]


def set_switch(store, level, epoch=1):
    row = {"epoch": epoch, "level": level, "actor": "ann", "reason": "drill", "time": START}
    with store.writing() as connection:
        connection.execute(insert(SWITCHES), row)


# --- freeze --------------------------------------------------------------------------------------------------


def test_freeze_gives_back_the_plan_in_its_own_order(journal, plan):
    slot, intents, verdicts = plan
    frozen = journal.freeze(slot, 1, "acct", intents, verdicts)
    assert frozen.intents == tuple(intents)
    assert frozen.verdicts == tuple(verdicts)
    assert frozen.states == {intents[0].id: S.APPROVED, intents[1].id: S.APPROVED, intents[2].id: S.DENIED}
    assert journal.frozen(slot) == frozen


def test_first_frozen_plan_wins_over_a_later_one(journal, plan):
    slot, intents, verdicts = plan
    first = journal.freeze(slot, 1, "acct", intents, verdicts)
    other = intent_of(slot, "TSLA")
    assert journal.freeze(slot, 1, "acct", [other], [verdict_of(other)]) == first


def test_empty_plan_is_frozen_as_well(journal, plan):
    slot, intents, verdicts = plan
    assert journal.frozen(slot) is None
    assert journal.freeze(slot, 1, "acct", [], []).intents == ()
    assert journal.freeze(slot, 1, "acct", intents, verdicts).intents == ()


def test_freeze_needs_one_verdict_for_each_intent(journal, plan):
    slot, intents, verdicts = plan
    for broken in (verdicts[:2], [*verdicts, verdicts[0]]):
        with pytest.raises(StoreError, match="one verdict for each intent"):
            journal.freeze(slot, 1, "acct", intents, broken)
    assert journal.frozen(slot) is None


def test_I9_freeze_under_a_stale_claim_is_refused(journal):
    slot, intent = slot_at(), intent_of(slot_at())
    journal.claim(slot, "run-1", timedelta(0))
    journal.claim(slot, "run-2", HOUR)
    with pytest.raises(StoreError, match="stale"):
        journal.freeze(slot, 1, "acct", [intent], [verdict_of(intent)])
    assert journal.frozen(slot) is None


def test_freeze_of_a_closed_slot_is_refused(journal, plan):
    slot, intents, verdicts = plan
    journal.release(slot, 1, Outcome.FAILED, "ERROR")
    with pytest.raises(StoreError, match="closed already as failed"):
        journal.freeze(slot, 1, "acct", intents, verdicts)


def test_I10_an_intent_id_is_frozen_once_whatever_the_slot(journal, plan):
    slot, intents, verdicts = plan
    journal.freeze(slot, 1, "acct", intents, verdicts)
    journal.claim(slot_at(1), "run-2", HOUR)
    with pytest.raises(StoreError, match=r"(?i)unique"):
        journal.freeze(slot_at(1), 1, "acct", intents[:1], [verdict_of(intents[0])])
    assert journal.frozen(slot_at(1)) is None


# --- begin_send ----------------------------------------------------------------------------------------------


@pytest.fixture
def sendable(journal):
    slot = slot_at()
    intent = intent_of(slot)
    journal.claim(slot, "run-1", HOUR)
    journal.freeze(slot, 1, "acct", [intent], [verdict_of(intent)])
    return slot, intent


def state_of(journal, slot):
    return next(iter(journal.frozen(slot).states.values()))


def test_begin_send_marks_the_order_once(journal, sendable):
    slot, intent = sendable
    assert journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS) is None
    assert state_of(journal, slot) is S.SENDING
    with pytest.raises(IllegalTransition, match="from sending to sending"):
        journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS)


def test_twenty_threads_begin_one_send_and_one_may(journal, sendable):
    slot, intent = sendable

    def send(_):
        try:
            return journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS)
        except IllegalTransition:
            return "refused"

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(send, range(20)))
    assert answers.count(None) == 1
    assert answers.count("refused") == 19


def test_I9_send_under_a_stale_claim_is_refused(journal):
    slot, intent = slot_at(), intent_of(slot_at())
    journal.claim(slot, "run-1", timedelta(0))
    journal.freeze(slot, 1, "acct", [intent], [verdict_of(intent)])
    journal.claim(slot, "run-2", HOUR)
    with pytest.raises(StoreError, match="stale"):
        journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS)
    assert journal.begin_send(slot, 2, event_of(intent, S.SENDING), False, PASS) is None


def test_send_after_the_lease_ran_out_is_refused(journal):
    slot, intent = slot_at(), intent_of(slot_at())
    journal.claim(slot, "run-1", timedelta(0))
    journal.freeze(slot, 1, "acct", [intent], [verdict_of(intent)])
    with pytest.raises(StoreError, match=r"lease on slot .* ran out"):
        journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS)
    assert state_of(journal, slot) is S.APPROVED


def test_halted_switch_forbids_every_send_and_nothing_is_written(store, journal, sendable):
    slot, intent = sendable
    set_switch(store, "halted")
    forbidden = journal.begin_send(slot, 1, event_of(intent, S.SENDING), True, PASS)
    assert forbidden == Forbidden("HALTED", "ann: drill (epoch 1)")
    assert state_of(journal, slot) is S.APPROVED


def test_reduce_only_lets_through_what_reduces(store, journal, sendable):
    slot, intent = sendable
    set_switch(store, "reduce_only")
    assert journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS).code == "REDUCE_ONLY"
    assert journal.begin_send(slot, 1, event_of(intent, S.SENDING), True, PASS) is None


def test_newest_epoch_of_the_switch_counts_and_an_unknown_level_halts(store, journal):
    assert journal.switch().level is Level.ACTIVE
    set_switch(store, "halted", 1)
    set_switch(store, "active", 2)
    assert (journal.switch().level, journal.switch().epoch) == (Level.ACTIVE, 2)
    set_switch(store, "paused", 3)
    assert journal.switch().level is Level.HALTED


def test_halt_file_halts_and_is_named(journal, sendable, tmp_path):
    slot, intent = sendable
    (tmp_path / "HALT").touch()
    forbidden = journal.begin_send(slot, 1, event_of(intent, S.SENDING), True, PASS)
    assert forbidden.code == "HALTED"
    assert str(tmp_path / "HALT") in forbidden.detail
    assert journal.switch().level is Level.HALTED


def test_begin_send_takes_only_sending_and_only_orders_of_its_slot(journal, sendable):
    slot, intent = sendable
    with pytest.raises(StoreError, match="cannot begin to be sent as acked"):
        journal.begin_send(slot, 1, event_of(intent, S.ACKED), False, PASS)
    journal.claim(slot_at(1), "run-2", HOUR)
    with pytest.raises(StoreError, match="belongs to slot"):
        journal.begin_send(slot_at(1), 1, event_of(intent, S.SENDING), False, PASS)
    with pytest.raises(StoreError, match="in no frozen plan"):
        journal.begin_send(slot, 1, OrderEvent("ob-nobody", S.SENDING, START), False, PASS)


def test_a_gate_may_lower_the_quantity_and_the_mark_says_so(store, journal, sendable):
    slot, intent = sendable
    less = Reduced(D("7.5"), "7.5 of 10 by gross: 1.01 against 1")
    assert journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, lambda _: less) == less
    with store.reading() as connection:
        events = select(ORDER_EVENTS.c.state, ORDER_EVENTS.c.quantity, ORDER_EVENTS.c.detail)
        assert [tuple(row) for row in connection.execute(events)][1:] == [("sending", D("7.5"), less.detail)]
        assert connection.execute(select(ORDERS.c.quantity)).scalar() == D("7.5")
    frozen = journal.frozen(slot)
    assert (frozen.intents[0].quantity, frozen.reduced) == (D(10), {intent.id: D("7.5")})
    assert [order.quantity for order in journal.unsettled()] == [D("7.5")]


@pytest.mark.parametrize("quantity", ["10", "10.000000001", "0", "-1"])
def test_no_gate_may_raise_the_quantity_or_send_nothing(journal, sendable, quantity):
    slot, intent = sendable
    with pytest.raises(StoreError, match="cannot go with"):
        journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, lambda _: Reduced(D(quantity), ""))
    assert state_of(journal, slot) is S.APPROVED


def test_an_order_that_was_marked_before_is_not_lowered_again(journal, sendable):
    slot, intent = sendable
    journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, lambda _: Reduced(D(8), ""))
    journal.record(event_of(intent, S.UNKNOWN))
    with pytest.raises(StoreError, match="of 8 cannot go with 7"):
        journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, lambda _: Reduced(D(7), ""))
    assert journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS) is None
    assert [order.quantity for order in journal.unsettled()] == [D(8)]


def test_I13_more_than_an_order_was_lowered_to_halts(journal, sendable):
    slot, intent = sendable
    journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, lambda _: Reduced(D(8), ""))
    journal.record(event_of(intent, S.ACKED))
    journal.record(event_of(intent, S.PARTIAL), [fill_of(intent, 1, "9")])
    assert journal.switch().level is Level.HALTED


# --- record --------------------------------------------------------------------------------------------------


def test_C15_a_fill_is_applied_once_however_often_it_is_reported(journal, history):
    intent = frozen_order(journal)
    first, second = fill_of(intent, 1, "4"), fill_of(intent, 2, "6", "101")
    journal.record(event_of(intent, S.PARTIAL), [first, first])
    journal.record(event_of(intent, S.PARTIAL), [first])
    journal.record(event_of(intent, S.FILLED), [first, second])
    (position,) = history.positions("acct")
    assert (position.quantity, position.average_price) == (D(10), D("100.8"))
    assert position.strategies == {"sma": D(10)}
    assert history.fills("acct") == (second, first)


def test_order_row_tells_what_is_filled_at_which_price(journal, history):
    intent = frozen_order(journal)
    (row,) = history.orders(open_only=True)
    assert (row.state, row.filled, row.average_price) == (S.ACKED, D(0), None)
    journal.record(event_of(intent, S.PARTIAL), [fill_of(intent, 1, "4")])
    journal.record(event_of(intent, S.FILLED, 3, "done"), [fill_of(intent, 2, "6", "101")])
    (row,) = history.orders("demo")
    assert (row.state, row.filled, row.average_price, row.detail) == (S.FILLED, D(10), D("100.8"), "done")
    assert (row.run_id, row.slot, row.updated) == (f"run-{intent.slot}", intent.slot, START + timedelta(minutes=3))
    assert history.orders(open_only=True) == ()


def test_C12_a_refused_step_writes_neither_event_nor_fill(store, journal, history):
    intent = frozen_order(journal)
    journal.record(event_of(intent, S.CANCELED))
    with pytest.raises(IllegalTransition, match="from canceled to filled"):
        journal.record(event_of(intent, S.FILLED), [fill_of(intent, 1, "10")])
    assert history.fills() == ()
    assert history.positions() == ()
    with store.reading() as connection:
        states = connection.execute(select(ORDER_EVENTS.c.state).order_by(ORDER_EVENTS.c.sequence)).scalars().all()
    assert states == ["approved", "sending", "acked", "canceled"]


def test_fill_of_another_order_is_refused(journal):
    intent = frozen_order(journal)
    other = intent_of(slot_at(), "MSFT")
    with pytest.raises(StoreError, match="fill fill-1 is not of order"):
        journal.record(event_of(intent, S.FILLED), [fill_of(other, 1, "10")])


def test_event_of_an_order_that_was_never_frozen_is_refused(journal):
    with pytest.raises(StoreError, match="in no frozen plan"):
        journal.record(OrderEvent("ob-nobody", S.ACKED, START))


def test_I19_position_does_not_depend_on_the_order_of_fills(journal, history):
    there, back = (frozen_order(journal, slot_at(day)) for day in (0, 1))
    for intent, numbers in ((there, (1, 2, 3)), (back, (3, 1, 2))):
        parts = {1: "1", 2: "2.5", 3: "3"}
        for number in numbers:
            fill = fill_of(intent, f"{intent.slot}-{number}", parts[number], f"10{number}")
            journal.record(event_of(intent, S.PARTIAL), [fill])
    (position,) = history.positions()
    assert position.quantity == D(13)
    first, second = history.orders()
    assert (first.filled, first.average_price) == (second.filled, second.average_price)


def test_strategies_share_a_fill_pro_rata_and_opposite_ones_keep_their_sign(journal, history):
    shares = (Share("trend", D(9)), Share("revert", D(-3)), Share("hold", D(1)))
    intent = frozen_order(journal, quantity="7", shares=shares)
    journal.record(event_of(intent, S.PARTIAL), [fill_of(intent, 1, "2")])
    (position,) = history.positions()
    assert sum(position.strategies.values()) == 2
    assert position.strategies["revert"] == D("-0.857142857")
    journal.record(event_of(intent, S.FILLED), [fill_of(intent, 2, "5")])
    (position,) = history.positions()
    assert position.strategies == {"trend": D(9), "revert": D(-3), "hold": D(1)}


def test_closed_position_is_no_longer_listed(journal, history):
    buy = frozen_order(journal)
    journal.record(event_of(buy, S.FILLED), [fill_of(buy, 1, "10")])
    sell = frozen_order(journal, slot_at(1), side=Side.SELL, purpose=Purpose.EXIT)
    journal.record(event_of(sell, S.FILLED), [fill_of(sell, 2, "10", "102")])
    assert history.positions() == ()


def rows_behind(store, client_id):
    with store.reading() as connection:
        found = (
            connection.execute(select(table).filter_by(client_id=client_id)).first() for table in (INTENTS, ORDERS)
        )
        return [row._asdict() for row in found]


def test_events_chain_over_their_fills_and_count_without_a_gap(store, journal):
    intent = frozen_order(journal)
    journal.record(event_of(intent, S.PARTIAL), [fill_of(intent, 1, "4")])
    journal.record(event_of(intent, S.FILLED), [fill_of(intent, 2, "6")])
    with store.reading() as connection:
        events = connection.execute(select(ORDER_EVENTS).order_by(ORDER_EVENTS.c.sequence)).all()
        fills = connection.execute(select(FILLS).order_by(FILLS.c.sequence)).all()
    columns = ("client_id", "state", "time", "written", "detail", "broker_id", "fencing")
    previous = GENESIS
    for number, event in enumerate(events, start=1):
        ours = [stored_fill(row) for row in fills if row.event == event.sequence]
        plan = plan_of(*rows_behind(store, event.client_id), slot_at().session) if event.state == "approved" else ()
        content = event_digest({name: getattr(event, name) for name in columns}, ours, plan)
        assert (event.sequence, event.previous_hash) == (number, previous)
        assert event.hash == chain(previous, number, content)
        previous = event.hash


# --- activity ------------------------------------------------------------------------------------------------


def test_activity_counts_what_was_sent_and_books_what_was_filled(journal):
    early, late = frozen_order(journal, slot_at(0)), frozen_order(journal, slot_at(1), symbol="MSFT", side=Side.SELL)
    journal.record(event_of(early, S.FILLED), [fill_of(early, 1, "10")])
    day_start, recent_since = START - HOUR, START + HOUR
    assert journal.activity("demo", "acct", day_start, recent_since) == Activity({("sma", "AAPL"): D(10)}, 2)
    both = frozenset({("AAPL", "buy"), ("MSFT", "sell")})
    assert journal.activity("demo", "acct", START + HOUR, START) == Activity({("sma", "AAPL"): D(10)}, 0, both)
    assert late.symbol == "MSFT"
    assert journal.activity("other", "acct", day_start, day_start) == Activity()
    assert journal.activity("demo", "else", day_start, day_start) == Activity()


def test_breaker_is_closed_before_its_first_failure(journal):
    breaker = journal.breaker("demo", "trade")
    assert (breaker.open, breaker.failures) == (False, 0)
