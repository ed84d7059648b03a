"""What the paper venue refuses, each by its code, and what it does when prices do not come."""

from collections.abc import Sequence

import pytest

from openbell.errors import BrokerUnavailable, FeedUnavailable
from openbell.ports import Accepted, Rejected
from openbell.values.orders import OrderState, OrderType, Side, TimeInForce
from tests.contracts.paper_venue import PaperVenue
from tests.contracts.venue import SYMBOL, intent

GTC = {"time_in_force": TimeInForce.GTC}


@pytest.fixture
def venue() -> PaperVenue:
    return opened()


def opened(**terms) -> PaperVenue:
    venue = PaperVenue(**{"slippage_bps": "0", **terms})
    venue.quote(SYMBOL, "99.99", "100.01")
    return venue


def refused(venue: PaperVenue, *args, **fields) -> str:
    answer = venue.broker.submit(intent(*args, **fields))
    return answer.code if isinstance(answer, Rejected) else ""


def test_every_refusal_says_its_code_the_value_and_the_bound(venue):
    venue.broker.submit(intent("held"))
    cases = {
        "DUPLICATE": intent("held"),
        "NO_QUOTE": intent("n1", symbol="NOPE"),
        "TICK": intent("n2", limit_price="95.005"),
        "FRACTION": intent("n3", quantity="0.5", **GTC),
        "QUANTITY": intent("n4", Side.SELL, quantity="11"),
        "BUYING_POWER": intent("n5", quantity="5000"),
    }
    answers = {code: venue.broker.submit(wanted) for code, wanted in cases.items()}
    assert {code: answer.code for code, answer in answers.items()} == {code: code for code in cases}
    assert answers["BUYING_POWER"].message == "cost 500050 at 100.01 is above buying power 98999.9"
    assert answers["TICK"].message == "limit_price 95.005 is not a multiple of 0.01"
    assert answers["QUANTITY"].message.startswith("sell 11 AAPL is above available 10, held 10")


def test_an_order_type_that_is_not_taken_is_refused():
    venue = opened(order_types=["limit"])
    assert refused(venue, "m1") == "ORDER_TYPE"
    assert venue.broker.capabilities.order_types == {OrderType.LIMIT}


@pytest.mark.parametrize(
    ("terms", "fields", "code"),
    [
        ({"fractions": False}, {"quantity": "0.4"}, "FRACTION"),
        ({"fractions": False}, {"quantity": "1.9"}, "FRACTION"),
        ({}, {"quantity": "1.9"}, ""),
        ({}, {"quantity": "0.0000000001"}, "FRACTION"),
        ({}, {"quantity": "1.9", "time_in_force": TimeInForce.IOC}, "FRACTION"),
        ({"shorting": True}, {"quantity": "1.9", "side": Side.SELL}, "SHORT"),
        ({}, {"quantity": "1", "side": Side.SELL}, "SHORT"),
        ({"shorting": True}, {"quantity": "1", "side": Side.SELL}, ""),
    ],
)
def test_B14_B15_B18_rules_of_fractions_and_shorts(terms, fields, code):
    assert refused(opened(**terms), "x", **fields) == code


def test_G14_shares_behind_an_open_sale_are_spoken_for(venue):
    venue.broker.submit(intent("held"))
    venue.broker.submit(intent("first", Side.SELL, quantity="6", limit_price="120"))
    assert refused(venue, "second", Side.SELL, quantity="5", limit_price="120") == "QUANTITY"
    assert refused(venue, "third", Side.SELL, quantity="4", limit_price="120") == ""


def test_G15_one_order_never_turns_a_position():
    venue = opened(shorting=True, leverage="4")
    venue.broker.submit(intent("held"))
    assert refused(venue, "flip", Side.SELL, quantity="11") == "QUANTITY"
    venue.broker.submit(intent("out", Side.SELL))
    venue.broker.submit(intent("short", Side.SELL))
    assert refused(venue, "flop", quantity="11") == "QUANTITY"


@pytest.mark.parametrize(
    ("resting", "new", "code"),
    [
        ({"limit_price": "101"}, {}, "WASH_TRADE"),
        ({"limit_price": "101"}, {"limit_price": "100.99"}, ""),
        ({"limit_price": "101"}, {"limit_price": "101"}, "WASH_TRADE"),
        ({"type": OrderType.STOP, "stop_price": "90"}, {"limit_price": "80"}, "WASH_TRADE"),
        ({"type": OrderType.TRAILING_STOP, "trail": "5"}, {}, ""),
    ],
)
def test_G13_orders_that_could_trade_with_each_other_are_refused(venue, resting, new, code):
    venue.broker.submit(intent("held"))
    assert isinstance(venue.broker.submit(intent("resting", Side.SELL, **resting)), Accepted)
    assert refused(venue, "new", **new) == code


def test_a_refused_id_may_be_used_again(venue):
    assert refused(venue, "again", quantity="5000") == "BUYING_POWER"
    assert isinstance(venue.broker.submit(intent("again", quantity="5")), Accepted)


# --- prices that do not come -------------------------------------------------------------------------------------


class Silent:
    """Quotes that fail while told to."""

    def __init__(self, venue: PaperVenue) -> None:
        self.venue = venue
        self.down = False

    def __call__(self, symbols: Sequence[str], as_of):
        if self.down:
            raise FeedUnavailable("sample feed did not answer")
        return PaperVenue.newest(self.venue, symbols, as_of)


@pytest.fixture
def silent(venue) -> Silent:
    feed = Silent(venue)
    venue.newest = feed
    venue.broker = venue.another()
    venue.broker.submit(intent("resting", limit_price="95"))
    feed.down = True
    return feed


def test_without_prices_a_question_is_unavailable(venue, silent):
    with pytest.raises(BrokerUnavailable, match="paper account test has no prices: sample feed did not answer"):
        venue.broker.account()


def test_without_prices_an_order_is_refused_and_leaves_no_trace(venue, silent):
    assert refused(venue, "new") == "UNAVAILABLE"
    silent.down = False
    assert venue.broker.order("new") is None


def test_without_prices_a_cancel_still_works(venue, silent):
    assert isinstance(venue.broker.cancel("resting"), Accepted)
    silent.down = False
    assert venue.broker.order("resting").state is OrderState.CANCELED
