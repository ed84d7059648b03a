"""An execution that the venue takes back goes out of the books once, and a person is told."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from openbell.jobs import trading
from openbell.ports import Level
from openbell.values.orders import Bust
from tests.orders.desks import open_desk
from tests.orders.test_recover import recovered


def held(desk) -> dict[str, Decimal]:
    return {row.symbol: row.quantity for row in desk.history.positions()}


def test_B32_a_bust_of_an_order_that_had_ended_is_taken_out_of_the_books_once(desk, wire, home):
    trading.trade(desk, "one")
    now = datetime.now(UTC)
    fill = wire.paper.fills(now - timedelta(hours=1))[0]
    before = held(desk)
    wire.busts = lambda since: (Bust(fill.id, fill.client_id, now), Bust("never-ours", "by-hand", now))
    wire.fills = lambda since: tuple(other for other in wire.paper.fills(since) if other.id != fill.id)
    for _ in range(2):
        recovered(home, wire)
    assert before.get(fill.symbol) == fill.quantity
    assert fill.symbol not in held(desk)
    assert {symbol: quantity for symbol, quantity in before.items() if symbol != fill.symbol} == held(desk)
    assert [found.subject for found in desk.history.breaks() if found.kind == "BUST"] == [fill.id]
    assert fill in desk.history.fills()


def test_a_broker_without_busts_is_not_asked_for_any(desk, wire, home):
    trading.trade(desk, "one")
    assert recovered(home, wire).clean
    assert open_desk(home, wire).journal.switch().level is Level.ACTIVE
