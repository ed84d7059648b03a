"""Account, contracts and clock of Interactive Brokers."""

from datetime import UTC, date, datetime, timedelta

import pytest

from openbell.errors import BrokerUnavailable
from openbell.ports import Accepted, Rejected
from openbell.values.orders import OrderType
from tests.contracts.venue import intent

# --- the account -----------------------------------------------------------------------------------------------------


def test_B20_no_position_while_something_is_held_is_not_flat(gateway, broker):
    broker.submit(intent("held"))
    gateway.script({"on": "positions", "empty": True, "times": 0})
    with pytest.raises(BrokerUnavailable, match="do not agree with 1 of the portfolio"):
        broker.account()


@pytest.mark.parametrize("times", [1, 2])
def test_B19_B20_what_is_not_shown_at_once_is_asked_for_again(gateway, broker, times):
    broker.submit(intent("held"))
    gateway.script({"on": "positions", "empty": True, "times": times})
    assert broker.account().quantity("AAPL") == 10


def test_what_the_gateway_complains_of_explains_an_answer_that_does_not_come(gateway, connect):
    broker = connect(request_timeout=0.3)
    gateway.message(10141, "Paper trading disclaimer must first be accepted for API connection.")
    gateway.message(2108, "Market data farm connection is inactive but should be available upon demand.usfarm")
    gateway.script({"on": "positions", "swallow": True})
    with pytest.raises(BrokerUnavailable, match=r"positions did not come within 0\.3 s; the gateway said 10141: Paper"):
        broker.account()


def test_values_that_one_list_lacks_come_from_the_other(gateway, broker):
    gateway.script({"on": "accountUpdates", "empty": True, "times": 0})
    assert broker.account().cash == 100_000
    assert gateway.requests("cancelAccountSummary") == ["cancelAccountSummary"]


def test_an_account_without_its_cash_is_an_error_and_not_zero(gateway, broker):
    gateway.script({"on": "accountUpdates", "empty": True, "times": 0})
    gateway.script({"on": "accountSummary", "empty": True, "times": 0})
    with pytest.raises(Exception, match="TotalCashValue is not among the account's values"):
        broker.account()


def test_an_account_in_another_currency_is_blocked(gateway, broker):
    gateway.set(currency="EUR")
    assert broker.account().blocked == "the account is kept in EUR, not in USD"


def test_I39_positions_go_by_our_symbols(gateway, connect):
    broker = connect()
    gateway.quote("BRK B", "400.00", "400.02")
    assert isinstance(broker.submit(intent("class", symbol="BRK.B")), Accepted)
    assert broker.account().quantity("BRK.B") == 10
    assert [order["symbol"] for order in gateway.orders()] == ["BRK B"]


# --- contracts -------------------------------------------------------------------------------------------------------


def test_I52_an_ambiguous_symbol_is_refused_until_its_exchange_is_named(gateway, connect):
    gateway.listing(con_id=1, symbol="TWIN", primary="NYSE")
    gateway.listing(con_id=2, symbol="TWIN", primary="AMEX")
    gateway.quote("TWIN", "10.00", "10.01")
    broker = connect()
    assert broker.instruments(["TWIN", "AAPL"]).keys() == {"AAPL"}
    answer = broker.submit(intent("which", symbol="TWIN"))
    assert isinstance(answer, Rejected)
    assert "TWIN is ambiguous: 2 contracts, listed on AMEX, NYSE; name one in primary_exchange" in answer.message
    named = connect(client_id=5, primary_exchange={"TWIN": "AMEX"})
    assert named.instruments(["TWIN"])["TWIN"].venue == "AMEX"


def test_B13_a_contract_that_is_not_routed_is_not_tradable(gateway, broker):
    gateway.facts("IBM", smart=False)
    assert not broker.instruments(["IBM"])["IBM"].tradable


@pytest.mark.parametrize(
    ("hours", "is_open"),
    [
        ("20200102:0930-20200102:1600", False),
        ("20200102:CLOSED;20200103:CLOSED", False),
        ("20200102:0930-20990102:1600", True),
        ("20200101:0700-1830,1830-2330", False),
        ("", False),
    ],
)
def test_the_hours_of_the_reference_say_whether_it_is_open(gateway, broker, hours, is_open):
    gateway.facts("AAPL", hours=hours)
    assert broker.clock().is_open is is_open


def test_hours_that_cannot_be_read_are_an_error(gateway, broker):
    gateway.facts("AAPL", hours="whenever")
    with pytest.raises(Exception, match=r"trading hours .* cannot be read"):
        broker.clock()


def test_B34_the_clock_is_the_gateways(gateway, broker):
    before = broker.clock().now
    gateway.advance(1800)
    assert timedelta(minutes=29) < broker.clock().now - before < timedelta(minutes=31)


def test_capabilities_deny_what_the_venue_does_not_do(broker, connect):
    mine = broker.capabilities
    assert (mine.unique_client_ids, mine.fractions, mine.shorting) == (False, False, False)
    assert mine.order_types == frozenset(OrderType)
    assert connect(client_id=3, shorting=True).capabilities.shorting


def test_X03_coming_sessions_are_those_of_the_reference(gateway, connect):
    hours = "20261126:CLOSED;20261127:0930-20261127:1300;20261130:0930-1200,1300-1600"
    gateway.facts("AAPL", hours=hours)
    told = connect().sessions(date(2026, 11, 26), date(2026, 11, 30))
    assert told == {
        date(2026, 11, 26): None,
        date(2026, 11, 27): (datetime(2026, 11, 27, 14, 30, tzinfo=UTC), datetime(2026, 11, 27, 18, tzinfo=UTC)),
        date(2026, 11, 30): (datetime(2026, 11, 30, 14, 30, tzinfo=UTC), datetime(2026, 11, 30, 21, tzinfo=UTC)),
    }


def test_X03_what_the_clock_was_told_of_the_hours_is_not_asked_for_again(gateway, broker):
    gateway.facts("AAPL", hours="20261127:0930-20261127:1300")
    broker.clock()
    asked = len(gateway.requests("contractDetails"))
    assert asked
    assert broker.sessions(date(2026, 11, 27), date(2026, 11, 27))[date(2026, 11, 27)] is not None
    assert len(gateway.requests("contractDetails")) == asked
    assert broker.sessions(date(2026, 12, 24), date(2026, 12, 24)) == {}, "of days beyond it says nothing"
