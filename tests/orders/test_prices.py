"""The prices job: fresh quotes of what is held, and nothing made up for what has none."""

from datetime import timedelta
from decimal import Decimal

import pytest

from openbell.jobs import trading
from openbell.jobs.pricing import prices
from openbell.values.record import Outcome
from tests.orders.desks import SYMBOLS, open_desk


class Asked:
    """A feed that keeps the questions for quotes, and leaves out or ages some of the answers."""

    def __init__(self, tape, without=(), old=()):
        self.tape, self.without, self.old, self.questions = tape, set(without), set(old), []

    def __call__(self, symbols, as_of):
        self.questions.append(tuple(symbols))
        found = {s: q for s, q in type(self.tape).quotes(self.tape, symbols, as_of).items() if s not in self.without}
        return {s: _aged(q) if s in self.old else q for s, q in found.items()}


def _aged(quote):
    return type(quote)(quote.symbol, quote.bid, quote.ask, quote.last, quote.time - timedelta(minutes=10))


@pytest.fixture
def holding(desk, tape):
    trading.trade(desk, "buys")
    tape.price = Decimal(110)
    return desk


def test_C07_positions_are_valued_and_the_books_know_the_new_marks(holding):
    record = prices(holding, "look")
    assert record.counters == {"checked": 10, "updated": 10, "unknown": 0}
    first = record.details["worth"][0]
    # Bought 9.999... shares at the ask of 100.01, worth the mid of 110 and 110.01 now.
    held = record.holdings[0]
    assert Decimal(first["value"]) == (held.quantity * Decimal("110.005")).quantize(Decimal("0.01"))
    assert Decimal(first["unrealized"]) > 0
    assert record.equity is not None
    marks = {row.symbol: row.mark for row in holding.history.positions()}
    assert set(marks.values()) == {Decimal("110.005")}
    assert holding.history.equity("book")[-1].equity == record.equity


def test_C05_all_positions_are_asked_for_in_one_question(holding, wire):
    asked = Asked(wire.tape)
    wire.tape.quotes = asked
    prices(holding, "look")
    assert SYMBOLS in asked.questions


@pytest.mark.parametrize(("fault", "why"), [("without", "no quote"), ("old", "older than 10 s")])
def test_a_position_without_a_usable_price_is_unknown_and_so_is_equity(holding, wire, fault, why):
    wire.tape.quotes = Asked(wire.tape, **{fault: ["S3"]})
    record = prices(holding, "look")
    assert record.counters == {"checked": 10, "updated": 9, "unknown": 1}
    assert why in record.details["unknown"]["S3"]
    assert next(held for held in record.holdings if held.symbol == "S3").mark is None
    assert record.equity is None
    assert "1 without a price" in record.message


def test_nothing_held_asks_for_nothing(home, wire):
    desk = open_desk(home, wire)
    asked = Asked(wire.tape)
    wire.tape.quotes = asked
    record = prices(desk, "look")
    assert (record.outcome, record.message, asked.questions) == (Outcome.COMPLETED, "nothing is held", [])
