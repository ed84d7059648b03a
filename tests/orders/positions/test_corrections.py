"""An execution that the venue corrects after it was booked: the old one goes and the new one comes, in one step."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from openbell.ports import Level
from openbell.values.account import Position
from openbell.values.orders import Fill, Side
from tests.orders.positions.venue import D, in_order, look, open_breaks


def corrected(wire, venue, fill, quantity, price, version=2):
    """The venue shows a newer version of a fill instead of it, and position and cash accordingly."""
    new = replace(fill, id=f"{fill.id}.0{version}", quantity=D(quantity), price=D(price), corrects=(fill.id,))
    venue.moves[fill.symbol] = new.signed - fill.signed
    venue.cash += fill.signed * fill.price - new.signed * new.price
    wire.fills = lambda since: (*(each for each in venue.fills(since) if each.id != fill.id), new)
    return new


@pytest.fixture
def booked(wire, venue):
    def found(symbol="S3") -> Fill:
        return next(f for f in venue.fills(datetime.now(UTC) - timedelta(hours=1)) if f.symbol == symbol)

    return found


def row(desk, symbol):
    return next(row for row in desk.history.positions("book") if row.symbol == symbol)


@pytest.mark.parametrize(("quantity", "price"), [("8", "100.01"), ("9.5", "101.50"), ("9", "99")])
def test_B32_I35_a_correction_after_the_end_is_one_break_and_the_books_follow(
    holding, wire, venue, clock, booked, quantity, price
):
    old = booked()
    new = corrected(wire, venue, old, quantity, price)
    record = look(holding, clock, "look")
    assert (record.counters["correction"], record.counters["repaired"], record.counters["breaks"]) == (1, 1, 0)
    assert open_breaks(holding) == [("CORRECTION", new.id)]
    held = row(holding, "S3")
    assert (held.quantity, held.average_price, held.strategies) == (
        D(quantity),
        D(price),
        {"buy_and_hold": D(quantity)},
    )
    assert holding.journal.switch().level is Level.ACTIVE, "two of one execution are no overfill"
    assert old in holding.history.fills(), "what was booked is never deleted"
    assert in_order(holding) == []
    for name in ("again", "and again"):
        assert look(holding, clock, name).counters["repaired"] == 0
    assert open_breaks(holding) == []
    assert in_order(holding) == []


def test_B32_the_break_of_a_correction_can_be_accepted_and_does_not_come_back(holding, wire, venue, clock, booked):
    corrected(wire, venue, booked(), "8", "100.01")
    look(holding, clock, "look")
    (found,) = holding.breaks.breaks()
    assert found.detail.endswith(" S3 at 100.01 to 8 S3 at 100.01")
    holding.breaks.accept(found.number, "ann", "as the statement says")
    assert look(holding, clock, "after").counters["breaks"] == 0
    assert row(holding, "S3").quantity == 8


def test_B32_a_correction_of_an_order_that_still_works_is_no_break(resting, wire, venue, clock):
    order = resting.history.orders()[0]
    then = datetime.now(UTC) - timedelta(minutes=10)
    part = Fill("e.01", order.client_id, order.symbol, Side.BUY, D(5), D(100), D(0), then)
    wire.fills = lambda since: (part,)
    held = wire.paper.account
    wire.account = lambda: replace(held(), positions=_holding(order.symbol, part), cash=held().cash - 500)
    look(resting, clock, "part")
    assert resting.history.order(order.client_id).filled == 5
    new = replace(part, id="e.02", quantity=D(4), corrects=("e.01",))
    wire.fills = lambda since: (new,)
    wire.account = lambda: replace(held(), positions=_holding(order.symbol, new), cash=held().cash - 400)
    look(resting, clock, "corrected")
    after = resting.history.order(order.client_id)
    assert (after.state.terminal, after.filled, row(resting, order.symbol).quantity) == (False, 4, 4)
    assert [found for found in resting.history.breaks() if found.kind != "MISSED_FILL"] == []
    assert in_order(resting) == []


def _holding(symbol, fill):
    return {symbol: Position(symbol, fill.quantity, fill.price)}
