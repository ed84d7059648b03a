"""P09: a store that was deleted while the account holds positions sends nothing until a person has spoken."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from openbell import store
from openbell.jobs import trading
from openbell.jobs.reconciling import positions
from openbell.ports import Level
from openbell.values.orders import OrderState
from openbell.values.record import Outcome
from tests.orders.desks import SYMBOLS, open_desk


@pytest.fixture
def lost(desk, wire, home):
    """A desk with an empty store on an account that has ten positions."""
    trading.trade(desk, "buys")
    store.close(desk.settings.url)
    for file in home.glob("openbell.db*"):
        file.unlink()
    sent = len(wire.posts)
    again = open_desk(home, wire)
    again.wait = lambda span: None
    yield again
    assert len(wire.posts) == sent


def test_P09_a_deleted_store_is_found_by_the_orders_that_the_broker_has_of_us(lost):
    record = trading.trade(lost, "after")
    assert (record.outcome, record.code) == (Outcome.SKIPPED, "STATE_ROLLBACK")
    assert lost.journal.switch().level is Level.HALTED


def test_P09_positions_older_than_the_brokers_memory_are_nobodys_until_they_are_adopted(lost, wire):
    wire.fills = lambda since: ()
    record = trading.trade(lost, "after")
    assert {order.state for order in record.orders} == {OrderState.ABANDONED}
    assert all("UNRECONCILED" in order.reason for order in record.orders)
    lost.clock = lambda: datetime.now(UTC) + timedelta(minutes=10)
    assert positions(lost, "look").outcome is Outcome.COMPLETED
    found = {each.subject: each for each in lost.breaks.breaks()}
    assert {each.kind for each in found.values()} == {"FOREIGN_TRADE"}
    assert set(found) == set(SYMBOLS)
    assert lost.history.positions("book") == ()
    lost.breaks.adopt(found["S0"].number, "demo", "buy_and_hold", "ann", "it was ours")
    (held,) = lost.history.positions("book")
    assert (held.symbol, set(held.strategies)) == ("S0", {"buy_and_hold"})
    assert held.quantity > Decimal(0)
