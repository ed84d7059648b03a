"""The orders job: every order that is not terminal, however old, is followed to its end."""

from dataclasses import replace
from decimal import Decimal

import pytest

from openbell.errors import BrokerUnavailable
from openbell.jobs import trading
from openbell.jobs.following import orders
from openbell.values.orders import OrderState
from openbell.values.record import Outcome
from tests.orders.desks import SYMBOLS, open_desk, states

TEN = len(SYMBOLS)


class Book:
    """The broker's orders, of which a test makes something else than what they are."""

    def __init__(self, wire):
        self.wire, self.real, self.changes = wire, wire.open_orders, {}
        self.order = wire.order
        wire.open_orders = self.open_orders
        wire.order = self.one

    def open_orders(self):
        made = (self._changed(order) for order in self.real())
        return tuple(order for order in made if not order.state.terminal)

    def one(self, client_id):
        found = self.order(client_id)
        return None if found is None else self._changed(found)

    def _changed(self, order):
        return replace(order, **self.changes.get(order.client_id, {}))


@pytest.fixture
def resting(home, wire):
    """Ten orders that rest at the broker: its market has closed since."""
    wire.is_open = False
    wire.clock = lambda: replace(type(wire).clock(wire), is_open=True)
    desk = open_desk(home, wire)
    trading.trade(desk, "buys")
    assert set(states(desk)) == {"acked"}
    return desk


def test_I01_nothing_open_is_nothing_to_do(desk):
    record = orders(desk, "look")
    assert (record.outcome, record.message, record.counters["checked"]) == (Outcome.COMPLETED, "no order is open", 0)


def test_I01_I02_fills_are_applied_once_and_counted(resting, wire):
    wire.is_open = True
    record = orders(resting, "look")
    assert (record.counters["checked"], record.counters["filled"]) == (TEN, TEN)
    assert set(states(resting)) == {"filled"}
    assert len(resting.history.fills("book")) == TEN
    assert sum(held.quantity for held in resting.history.positions()) > 0


def test_I03_cancels_rejects_and_expiries_are_counted_and_named(resting, wire):
    book = Book(wire)
    ids = [order.client_id for order in resting.history.orders()]
    book.changes = {
        ids[0]: {"state": OrderState.CANCELED},
        ids[1]: {"state": OrderState.REJECTED, "reason": "halted"},
        ids[2]: {"state": OrderState.EXPIRED},
    }
    record = orders(resting, "look")
    wanted = {"checked": TEN, "canceled": 1, "rejected": 1, "expired": 1, "filled": 0}
    assert {name: record.counters[name] for name in wanted} == wanted
    assert {line["order"]: line["state"] for line in record.details["changed"]}[ids[1]] == "rejected"
    assert "1 rejected" in record.message


def test_a_second_look_finds_nothing_new(resting):
    orders(resting, "look")
    found = resting.journal.unsettled("book")
    assert len(found) == TEN
    again = resting.recovery("again").recover()
    assert (again.clean, len(resting.journal.unsettled("book"))) == (True, TEN)


def test_a_broker_that_does_not_answer_fails_the_look_and_changes_nothing(resting, wire):
    def silent(*_):
        raise BrokerUnavailable("no answer")

    wire.open_orders = silent
    before = states(resting)
    record = orders(resting, "look")
    assert states(resting) == before
    assert record.outcome in (Outcome.FAILED, Outcome.COMPLETED)


def test_B09_what_was_filled_before_a_cancel_stays(resting, wire):
    book = Book(wire)
    first = resting.history.orders()[0]
    book.changes = {first.client_id: {"state": OrderState.CANCELED, "filled": Decimal(0)}}
    orders(resting, "look")
    row = resting.history.order(first.client_id)
    assert (row.state, row.filled) == (OrderState.CANCELED, Decimal(0))
    assert resting.history.order("unknown") is None
