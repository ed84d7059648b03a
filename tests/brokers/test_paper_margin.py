"""Shorts, leverage and the maintenance margin of a paper account, with numbers worked out by hand."""

from decimal import Decimal

import pytest

from openbell.ports import Accepted, Rejected
from openbell.values.orders import OrderType, Side, TimeInForce
from tests.contracts.paper_venue import PaperVenue
from tests.contracts.venue import SYMBOL, intent

D = Decimal
GTC = {"time_in_force": TimeInForce.GTC}


def opened(**terms) -> PaperVenue:
    venue = PaperVenue(**{"slippage_bps": "0", "cash": "10000", **terms})
    venue.quote(SYMBOL, "100", "100")
    return venue


def code(venue: PaperVenue, *args, **fields) -> str:
    answer = venue.broker.submit(intent(*args, **fields))
    return answer.code if isinstance(answer, Rejected) else ""


# --- shorts ------------------------------------------------------------------------------------------------------


def test_a_short_earns_what_the_price_falls_less_fees():
    venue = opened(shorting=True, fee={"per_order": "1"})
    venue.broker.submit(intent("short", Side.SELL))
    assert (venue.broker.account().cash, venue.broker.account().reported_equity) == (10_999, 9_999)
    venue.quote(SYMBOL, "90", "90")
    assert venue.broker.account().reported_equity == 10_099
    venue.broker.submit(intent("cover"))
    account = venue.broker.account()
    assert (account.cash, account.reported_equity, dict(account.positions)) == (10_098, 10_098, {})


def test_a_short_loses_what_the_price_rises_and_its_position_says_so():
    venue = opened(shorting=True, leverage="2")
    venue.broker.submit(intent("short", Side.SELL))
    venue.broker.submit(intent("part", quantity="4"))
    venue.quote(SYMBOL, "110", "110")
    venue.broker.submit(intent("more", quantity="3"))
    position = venue.broker.account().positions[SYMBOL]
    assert (position.quantity, position.average_price, position.realized) == (-3, 100, -30)
    assert position.unrealized(D(110)) == -30


def test_a_short_uses_buying_power_and_covering_gives_it_back():
    venue = opened(shorting=True)
    venue.broker.submit(intent("short", Side.SELL, quantity="60"))
    assert venue.broker.account().buying_power == 4_000
    assert code(venue, "more", Side.SELL, quantity="41") == "BUYING_POWER"
    assert code(venue, "cover", quantity="60") == ""
    assert venue.broker.account().buying_power == 10_000


def test_covering_needs_no_buying_power():
    venue = opened(shorting=True)
    venue.broker.submit(intent("short", Side.SELL, quantity="100"))
    assert venue.broker.account().buying_power == 0
    assert code(venue, "cover", quantity="100") == ""


def test_B18_shorting_off_refuses_and_says_so():
    venue = opened()
    answer = venue.broker.submit(intent("short", Side.SELL))
    assert answer == Rejected("SHORT", "AAPL is not held and shorting is off")


# --- buying power ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("leverage", [1, 2, 4, 50])
def test_F05_exactly_the_leverage_may_be_used_and_not_one_share_more(leverage):
    venue = opened(leverage=str(leverage))
    assert venue.broker.account().buying_power == 10_000 * leverage
    assert code(venue, "over", quantity=str(100 * leverage + 1)) == "BUYING_POWER"
    assert code(venue, "full", quantity=str(100 * leverage)) == ""
    assert venue.broker.account().buying_power == 0
    assert venue.broker.account().cash == 10_000 - 10_000 * leverage
    assert code(venue, "one", quantity="1") == "BUYING_POWER"


def test_B16_the_fee_counts_against_buying_power():
    assert code(opened(fee={"per_order": "0.01"}), "all", quantity="100") == "BUYING_POWER"
    assert code(opened(), "all", quantity="100") == ""


def test_B16_a_market_buy_is_valued_with_its_slippage():
    assert code(opened(slippage_bps="100"), "all", quantity="100") == "BUYING_POWER"
    assert code(opened(slippage_bps="100"), "less", quantity="99") == ""


@pytest.mark.parametrize(
    ("fields", "held_back"),
    [
        ({"limit_price": "90"}, 900),
        ({"type": OrderType.STOP, "stop_price": "110"}, 1_100),
        ({"type": OrderType.STOP_LIMIT, "stop_price": "110", "limit_price": "112"}, 1_120),
        ({"type": OrderType.TRAILING_STOP, "trail": "5"}, 1_050),
        ({"side": Side.SELL, "limit_price": "120"}, 1_200),
    ],
)
def test_G12_each_open_order_holds_back_the_worst_that_it_may_pay(fields, held_back):
    venue = opened(shorting=True)
    assert code(venue, "open", **fields, **GTC) == ""
    assert venue.broker.account().buying_power == 10_000 - held_back


def test_G12_an_order_that_closes_holds_nothing_back():
    venue = opened()
    venue.broker.submit(intent("held", quantity="50"))
    venue.broker.submit(intent("exit", Side.SELL, quantity="50", limit_price="120", **GTC))
    assert venue.broker.account().buying_power == 5_000


def test_G12_only_the_rest_of_a_partly_filled_order_holds_back():
    venue = opened(fill_share="0.4")
    venue.broker.submit(intent("part", limit_price="100", **GTC))
    assert venue.broker.account().buying_power == 10_000 - 400 - 600


def test_gains_raise_buying_power_by_the_leverage():
    venue = opened(leverage="4")
    venue.broker.submit(intent("long", quantity="100"))
    venue.quote(SYMBOL, "110", "110")
    assert venue.broker.account().buying_power == 11_000 * 4 - 11_000


def test_an_order_that_waited_for_the_open_fills_at_the_opening_price():
    venue = opened()
    venue.shut()
    assert code(venue, "all", quantity="100") == ""
    venue.reopen()
    venue.quote(SYMBOL, "101", "101")
    account = venue.broker.account()
    assert (account.cash, account.reported_equity, account.buying_power) == (-100, 10_000, 0)


# --- maintenance -------------------------------------------------------------------------------------------------


def test_below_the_maintenance_margin_the_account_is_blocked_for_openings_only():
    venue = opened(leverage="4", maintenance="0.2")
    venue.broker.submit(intent("long", quantity="400"))
    venue.quote(SYMBOL, "94", "94")
    assert venue.broker.account().blocked == ""
    venue.quote(SYMBOL, "93", "93")
    assert venue.broker.account().blocked == "equity 7200 is below the maintenance margin 7440 of gross 37200"
    assert code(venue, "more", quantity="1") == "MAINTENANCE"
    assert code(venue, "out", Side.SELL, quantity="200") == ""
    assert venue.broker.account().blocked == ""


def test_lost_equity_is_shown_as_it_is():
    venue = opened(leverage="4")
    venue.broker.submit(intent("long", quantity="400"))
    venue.quote(SYMBOL, "50", "50")
    account = venue.broker.account()
    assert (account.reported_equity, account.buying_power) == (-10_000, 0)
    assert isinstance(venue.broker.submit(intent("out", Side.SELL, quantity="400")), Accepted)
    assert venue.broker.account().cash == -10_000
