"""Fills, facts of assets and the clock of Alpaca: what is missing counts against trading, what is odd is said."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from openbell.brokers.alpaca.broker import AlpacaBroker
from openbell.errors import BrokerError, BrokerUnavailable
from openbell.ports import busts_of
from openbell.values.orders import Side, TimeInForce
from tests.contracts.alpaca_venue import opened
from tests.contracts.venue import intent

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


def test_B32_a_bust_takes_its_execution_out_of_the_fills_and_is_told(broker, double):
    for name in ("b32", "good"):
        broker.submit(intent(name))
    gone, stands = broker.fills(LONG_AGO)
    double.bust(gone.id)
    assert broker.fills(LONG_AGO) == (stands,)
    (bust,) = broker.busts(LONG_AGO)
    assert (bust.fill, bust.client_id) == (gone.id, "b32")
    assert bust.time >= gone.time
    assert broker.busts(bust.time + timedelta(seconds=1)) == ()
    assert busts_of(broker, LONG_AGO) == (bust,)


def test_B32_a_bust_that_names_nothing_is_of_the_one_execution_like_it(broker, double):
    broker.submit(intent("b32", quantity="3"))
    (fill,) = broker.fills(LONG_AGO)
    double.bust(fill.id)
    double.script({"path": "/v2/account/activities/*", "remove": ["previous_id"], "times": 0})
    assert broker.fills(LONG_AGO) == ()
    assert [bust.fill for bust in broker.busts(LONG_AGO)] == [fill.id]


def test_B32_a_bust_that_could_be_of_two_is_never_left_out_silently(broker, double):
    double.set(share="0.5")
    broker.submit(intent("b32"))
    double.quote("AAPL", "99.99", "100.01")
    first, _ = broker.fills(LONG_AGO)
    double.bust(first.id)
    double.script({"path": "/v2/account/activities/*", "remove": ["previous_id"], "times": 0})
    for ask in (broker.fills, broker.busts):
        with pytest.raises(BrokerError, match=r"trade_bust .* names no execution; a person must look at it"):
            ask(LONG_AGO)


def test_B32_an_execution_of_an_unknown_kind_is_never_left_out_silently(broker, double):
    broker.submit(intent("b32"))
    double.script({"path": "/v2/account/activities/*", "patch": {"type": "quantum_fill"}})
    with pytest.raises(BrokerError, match="is a quantum_fill; a person must look at it"):
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


@pytest.mark.parametrize(
    ("facts", "shortable"),
    [
        ({"borrow_status": "easy_to_borrow", "easy_to_borrow": None}, True),
        ({"borrow_status": None, "easy_to_borrow": True}, True),
        ({"borrow_status": None, "easy_to_borrow": None}, True),
        ({"borrow_status": "hard_to_borrow"}, False),
        ({"borrow_status": "hard_to_borrow", "easy_to_borrow": None}, False),
        ({"borrow_status": None, "easy_to_borrow": False}, False),
        ({"borrow_status": ["new"]}, False),
    ],
)
def test_B18_G24_what_is_hard_to_borrow_is_not_sold_short(broker, double, facts, shortable):
    double.asset("AAPL", **facts)
    assert broker.instruments(["AAPL"])["AAPL"].shortable is shortable


def test_B18_a_coin_is_never_sold_short(broker, double):
    double.quote("BTC/USD", "99.99", "100.01")
    assert not broker.instruments(["BTC/USD"])["BTC/USD"].shortable


@pytest.mark.parametrize(("price", "tick"), [("1", "0.01"), ("0.9999", "0.0001"), ("250", "0.01")])
def test_G19_prices_below_a_dollar_have_a_finer_step(broker, price, tick):
    assert broker.instruments(["AAPL"])["AAPL"].tick_at(Decimal(price)) == Decimal(tick)


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
    broker.submit(intent("g47", symbol="BTC/USD", quantity="0.5", time_in_force=TimeInForce.GTC))
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
