"""Fills, facts of assets and the clock of Alpaca: what is missing counts against trading, what is odd is said."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from openbell.brokers.alpaca.broker import AlpacaBroker
from openbell.errors import BrokerError, BrokerUnavailable
from openbell.values.orders import Side
from tests.contracts.alpaca_venue import opened
from tests.contracts.broker_contract import intent

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def broker(double) -> AlpacaBroker:
    return opened(double.url)


def test_I19_fills_of_a_person_in_the_same_account_are_there_too(broker, double):
    broker.submit(intent("mine"))
    opened(double.url).submit(intent("theirs", Side.SELL, quantity="3"))
    assert [(fill.client_id, fill.signed) for fill in broker.fills(LONG_AGO)] == [("mine", 10), ("theirs", -3)]


def test_G45_a_short_sale_is_a_sale(broker, double):
    broker.submit(intent("g45"))
    double.script({"path": "/v2/account/activities/*", "patch": {"side": "sell_short"}})
    assert broker.fills(LONG_AGO)[0].side is Side.SELL


def test_B32_a_bust_is_never_left_out_silently(broker, double):
    broker.submit(intent("b32"))
    double.bust(broker.fills(LONG_AGO)[0].id)
    with pytest.raises(BrokerError, match="trade_bust; a person must look at it"):
        broker.fills(LONG_AGO)


@pytest.mark.parametrize("gone", ["easy_to_borrow", "borrow_status", "marginable", "maintenance_margin_requirement"])
def test_G24_facts_may_lack_fields(broker, double, gone):
    double.asset("AAPL", **{gone: None})
    assert broker.instruments(["AAPL"])["AAPL"].tradable


@pytest.mark.parametrize(
    ("fact", "field"), [("tradable", "tradable"), ("fractionable", "fractionable"), ("shortable", "shortable")]
)
def test_B13_B14_B18_a_fact_that_is_missing_counts_against_trading(broker, double, fact, field):
    double.asset("AAPL", **{fact: None})
    assert getattr(broker.instruments(["AAPL"])["AAPL"], field) is False


def test_B13_an_inactive_asset_cannot_be_traded(broker, double):
    double.asset("AAPL", status="inactive")
    assert not broker.instruments(["AAPL"])["AAPL"].tradable


def test_many_facts_cost_one_question_and_are_asked_once(broker, double):
    symbols = [f"S{number}" for number in range(30)]
    for symbol in symbols:
        double.quote(symbol, "9.99", "10.01")
    assert set(broker.instruments([*symbols, "ZZZZ"])) == set(symbols)
    assert set(broker.instruments(symbols)) == set(symbols)
    assert [request for request in double.requests() if "assets" in request] == ["GET /v2/assets"]


def test_G47_a_coin_is_ordered_and_held_under_one_name(broker, double):
    double.quote("BTC/USD", "99.99", "100.01")
    assert broker.instruments(["BTC/USD"])["BTC/USD"].asset_class == "crypto"
    broker.submit(intent("g47", symbol="BTC/USD", quantity="0.5"))
    assert broker.account().quantity("BTC/USD") == Decimal("0.5")


def test_G36_the_clock_has_an_offset_and_nanoseconds(broker, double):
    double.script({"path": "/v2/clock", "patch": {"timestamp": "2026-11-20T09:30:00.123456789-05:00"}})
    assert broker.clock().now == datetime(2026, 11, 20, 14, 30, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize("answer", [{"is_open": None}, {"is_open": "true"}, {"timestamp": "2026-11-20T09:30:00"}])
def test_B34_a_clock_that_is_not_clear_is_an_error(broker, double, answer):
    double.script({"path": "/v2/clock", "patch": answer})
    with pytest.raises(BrokerError):
        broker.clock()


def test_B34_the_venues_own_time_is_told(broker, double):
    double.advance(1800)
    assert broker.clock().now - datetime.now(UTC) > timedelta(minutes=29)


def test_a_broker_that_is_gone_is_unavailable(broker, double):
    double.script({"drop": "before", "times": 0})
    with pytest.raises(BrokerUnavailable, match="no answer"):
        broker.account()
