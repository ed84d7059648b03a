"""What the gate makes of quotes and listings that cannot be trusted."""

from decimal import Decimal

import pytest
from pydantic import ValidationError

from openbell.feeds.files import Files
from openbell.feeds.sample import Sample
from openbell.risk.rules.currency import Currency
from openbell.risk.rules.spread import Spread
from openbell.values.instrument import Instrument
from openbell.values.orders import OrderType
from openbell.values.quote import Quote
from openbell.values.verdict import Decision
from tests.risk.books import NOW, a_book, an_exit, an_intent


def spread(bid, ask):
    quote = Quote("AAA", Decimal(bid), Decimal(ask), Decimal(bid), NOW)
    return a_book(spreads={"AAA": quote.spread, "BBB": quote.spread})


@pytest.mark.parametrize(
    ("bid", "ask", "passes"),
    [
        ("100.00", "100.02", True),
        ("97.6", "102.4", True),
        ("97.5", "102.5", True),
        ("97.4", "102.6", False),
        ("97", "103", False),
        ("100", "100", False),
        ("100.02", "100.00", False),
    ],
)
def test_D23_a_market_entry_needs_a_spread_above_0_and_below_the_limit(bid, ask, passes):
    ruling = Spread().judge(an_intent(), spread(bid, ask))
    assert ruling.decision is (Decision.APPROVED if passes else Decision.DENIED)


def test_D23_it_says_what_is_wrong():
    assert "locked" in Spread().judge(an_intent(), spread("100", "100")).measured
    assert "crossed" in Spread().judge(an_intent(), spread("101", "100")).measured
    assert "unknown" in Spread().judge(an_intent(), a_book(spreads={})).measured


def test_D23_a_feed_of_locked_quotes_is_refused_before_it_holds_back_every_entry():
    for spec, fields in ((Sample, {}), (Files, {"path": "day.csv", "timeframe": "1d"})):
        assert spec(spread_bps="0.1", **fields)
        with pytest.raises(ValidationError, match="greater than 0"):
            spec(spread_bps=0, **fields)


def test_D23_an_order_with_a_limit_and_an_exit_do_not_depend_on_the_spread():
    limit = an_intent(type=OrderType.LIMIT, limit_price=Decimal(100))
    assert Spread().judge(limit, spread("100", "100")).decision is Decision.APPROVED
    assert not Spread.applies_to_exits
    assert an_exit().purpose.value == "exit"


@pytest.mark.parametrize(
    ("listing", "passes"),
    [
        (Instrument("AAA", venue="XNYS", currency="USD"), True),
        (Instrument("AAA", venue="XTSE", currency="CAD"), False),
        (Instrument("AAA", currency=""), False),
    ],
)
def test_D17_the_listing_must_trade_in_the_accounts_currency(listing, passes):
    ruling = Currency().judge(an_intent(), a_book(instruments={"AAA": listing}))
    assert ruling.decision is (Decision.APPROVED if passes else Decision.DENIED)
    if listing.venue and not passes:
        assert (ruling.measured, ruling.limit) == ("CAD at XTSE", "USD")


def test_D17_an_account_without_a_currency_buys_nothing():
    assert Currency().judge(an_intent(), a_book(currency="")).decision is Decision.DENIED
