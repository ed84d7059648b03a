"""Steps and fills of orders, and the books that follow from them."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from openbell.errors import IllegalTransition, StoreError
from openbell.ports import OrderEvent
from openbell.store.order_tables import FILLS, INTENTS, ORDER_EVENTS, ORDERS
from openbell.store.orders import event_digest, plan_of
from openbell.store.sealing import GENESIS, chain
from openbell.store.texts import fill_of as stored_fill
from openbell.values.market import Activity
from openbell.values.orders import OrderState, Purpose, Share, Side
from tests.store.samples import (
    HOUR,
    START,
    D,
    event_of,
    fill_of,
    frozen_order,
    intent_of,
    slot_at,
)

S = OrderState


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
