"""What the venue itself names as the cause of a difference is booked as that, and is no break."""

from datetime import UTC, datetime

import pytest

from openbell.errors import BrokerUnavailable
from openbell.jobs import trading
from openbell.values.breaks import Activity, NonTrade
from tests.orders.desks import open_desk
from tests.orders.positions.venue import D, Venue, in_order, look, open_breaks

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
FEE = Activity("fee-1", NonTrade.FEE, TODAY, D("-3.21"), detail="FEE: TAF of the day")


@pytest.fixture
def names(wire):
    """The venue names these, and counts how often it is asked."""
    asked = []

    def name(*activities):
        wire.activities = lambda since: (asked.append(since), activities)[1]
        return asked

    return name


@pytest.mark.parametrize(("kind", "amount"), [
    (NonTrade.FEE, "-3.21"), (NonTrade.FEE, "-0.02"), (NonTrade.DIVIDEND, "12.5"), (NonTrade.DEPOSIT, "5000"),
])  # fmt: skip
def test_H10_cash_that_the_venue_explains_is_booked_as_that_and_is_no_break(holding, venue, clock, names, kind, amount):
    asked = names(Activity("one", kind, TODAY, D(amount)))
    venue.cash += D(amount)
    assert look(holding, clock, "look").counters["breaks"] == 0
    assert holding.breaks.kept("book", TODAY).cash == holding.broker().account().cash
    assert "one" in holding.breaks.kept("book", TODAY).taken
    assert look(holding, clock, "again").counters["breaks"] == 0
    assert len(asked) == 1, "where nothing differs nothing is asked"
    assert in_order(holding) == []


def test_H10_cash_that_is_not_explained_as_a_whole_waits_for_a_person(holding, venue, clock, names):
    names(FEE)
    venue.cash -= 500
    look(holding, clock, "look")
    ((kind, _),) = open_breaks(holding)
    assert (kind, holding.breaks.breaks()[0].cash, holding.breaks.kept("book", TODAY).taken) == ("CASH", -500, set())


def test_H10_what_is_named_before_it_is_taken_waits_for_its_cash(holding, venue, clock, names):
    names(FEE)
    assert look(holding, clock, "named").counters["breaks"] == 0
    assert holding.breaks.kept("book", TODAY).taken == set()
    venue.cash -= D("3.21")
    assert look(holding, clock, "taken").counters["breaks"] == 0
    assert holding.breaks.kept("book", TODAY).taken == {"fee-1"}


def test_G47_a_fee_that_is_taken_in_the_coin_comes_off_the_position_and_the_strategys_part(home, wire, clock, names):
    desk = open_desk(home, wire, universe=("BTC/USD",))
    venue = Venue(wire)
    trading.trade(desk, "buys")
    desk.clock = lambda: datetime.now(UTC) + clock["ahead"]
    desk.wait = lambda span: None
    look(desk, clock, "opening")
    held = wire.paper.account().quantity("BTC/USD")
    fee = -(held * D("0.0025")).quantize(D("0.000000001"))
    venue.moves["BTC/USD"] = fee
    names(Activity("cfee-1", NonTrade.FEE, TODAY, symbol="BTC/USD", quantity=fee))
    assert look(desk, clock, "look").counters["breaks"] == 0
    (row,) = desk.history.positions("book")
    assert (row.quantity, sum(row.strategies.values())) == (held + fee, held + fee)
    assert in_order(desk) == []


def test_H10_a_venue_that_does_not_answer_for_them_explains_nothing(holding, venue, clock, wire):
    def silent(since: datetime) -> tuple:
        raise BrokerUnavailable("503")

    wire.activities = silent
    venue.cash -= 500
    look(holding, clock, "look")
    assert open_breaks(holding) == [("CASH", "cash")]
