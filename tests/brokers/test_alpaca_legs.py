"""Legs, hours and terms at Alpaca: what goes out, what the venue makes of it, and what the gate holds back before."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from openbell.brokers.alpaca.broker import AlpacaBroker
from openbell.errors import BrokerUnavailable, InputError
from openbell.ports import Accepted, Rejected
from openbell.risk.rules.order_terms import OrderTerms
from openbell.risk.rules.tradable import Tradable
from openbell.values.orders import OrderClass, OrderState, OrderType, Purpose, Side, TimeInForce
from openbell.values.verdict import Decision
from tests.contracts.alpaca_venue import opened
from tests.contracts.venue import intent
from tests.risk.books import a_book

LEGS = {"take_profit": Decimal(110), "stop_loss": Decimal(95)}


@pytest.fixture
def broker(double) -> AlpacaBroker:
    return opened(double.url)


def posted(double) -> dict:
    return [line["body"] for line in double.ledger("request") if line["method"] == "POST"][-1]


def states(double) -> dict[str, str]:
    return {f"{order['side']} {order['type']}": order["status"] for order in double.orders()}


# --- what goes out -------------------------------------------------------------------------------------------


def test_a_simple_order_says_nothing_of_legs_or_hours(broker, double):
    broker.submit(intent("s1"))
    assert not {"order_class", "take_profit", "stop_loss", "extended_hours"} & set(posted(double))


def test_a_bracket_goes_out_as_decimal_text_in_one_order(broker, double):
    broker.submit(replace(intent("b1"), take_profit=Decimal("110.10"), stop_loss=Decimal("95.5")))
    body = posted(double)
    assert (body["order_class"], body["type"], body["qty"]) == ("bracket", "market", "10")
    assert (body["take_profit"], body["stop_loss"]) == ({"limit_price": "110.1"}, {"stop_price": "95.5"})


@pytest.mark.parametrize("leg", list(LEGS))
def test_G30_an_entry_with_one_leg_is_an_oto(broker, double, leg):
    assert isinstance(broker.submit(replace(intent("o1"), **{leg: LEGS[leg]})), Accepted)
    assert posted(double)["order_class"] == "oto"


def test_an_exit_of_two_prices_is_an_oco_whose_limit_is_the_profit(broker, double):
    broker.submit(intent("opening"))
    wanted = intent("oco", Side.SELL, purpose=Purpose.EXIT, limit_price="110", stop_loss=Decimal(95))
    assert wanted.order_class is OrderClass.OCO
    answer = broker.submit(wanted)
    assert isinstance(answer, Accepted)
    assert posted(double)["take_profit"] == {"limit_price": "110"}
    assert (answer.order.limit_price, answer.order.quantity) == (Decimal(110), Decimal(10))


def test_G20_extended_hours_are_asked_for(broker, double):
    assert isinstance(broker.submit(replace(intent("x1", limit_price="95"), extended_hours=True)), Accepted)
    assert posted(double)["extended_hours"] is True


# --- what the venue makes of it ------------------------------------------------------------------------------


def test_G26_the_exits_of_a_bracket_sleep_until_the_entry_has_filled_whole(broker, double):
    double.set(share="0.5")
    broker.submit(replace(intent("b1"), **LEGS))
    assert states(double) == {"buy market": "partially_filled", "sell limit": "held", "sell stop": "held"}
    double.quote("AAPL", "99.99", "100.01")
    assert states(double) == {"buy market": "filled", "sell limit": "new", "sell stop": "held"}


@pytest.mark.parametrize(("bid", "ask", "filled"), [("110.00", "110.02", "limit"), ("94.90", "94.92", "stop")])
def test_B37_when_one_leg_fills_the_other_is_gone_and_the_position_closed(broker, double, bid, ask, filled):
    broker.submit(replace(intent("b1"), **LEGS))
    double.quote("AAPL", bid, ask)
    other = {"limit": "stop", "stop": "limit"}[filled]
    assert states(double)[f"sell {filled}"] == "filled"
    assert states(double)[f"sell {other}"] == "canceled"
    assert broker.account().quantity("AAPL") == 0
    assert broker.open_orders() == ()


def test_B37_G09_the_working_leg_is_among_the_open_orders_and_counts_once(broker):
    broker.submit(replace(intent("b1"), **LEGS))
    (leg,) = broker.open_orders()
    assert (leg.side, leg.type, leg.quantity, leg.state) == (Side.SELL, OrderType.LIMIT, 10, OrderState.ACKED)
    assert leg.client_id == "b1-tp"


def test_G30_canceling_the_entry_cancels_its_legs(broker, double):
    broker.submit(replace(intent("b1", limit_price="98"), **LEGS))
    broker.cancel("b1")
    assert set(states(double).values()) == {"canceled"}


def test_B37_one_price_of_an_oco_cancels_the_other(broker, double):
    broker.submit(intent("opening"))
    broker.submit(intent("oco", Side.SELL, purpose=Purpose.EXIT, limit_price="110", stop_loss=Decimal(95)))
    double.quote("AAPL", "94.90", "94.92")
    assert broker.order("oco").state is OrderState.CANCELED
    assert broker.account().quantity("AAPL") == 0


@pytest.mark.parametrize(
    ("held", "wanted", "words"),
    [
        (False, {"side": Side.SELL, "purpose": Purpose.EXIT, "limit_price": "110", "stop_loss": Decimal(95)}, "exit"),
        (False, {"take_profit": Decimal(100), "stop_loss": Decimal(95), "limit_price": "100"}, "base_price"),
        (False, {"quantity": "0.5", **LEGS}, "simple"),
        (False, {"take_profit": Decimal("110.001"), "stop_loss": Decimal(95)}, "sub-penny"),
        (True, {"side": Side.SELL, "take_profit": Decimal(95), "stop_loss": Decimal(110)}, "entry"),
    ],
)
def test_G28_G29_G30_what_the_venue_refuses_is_a_clear_rejection(broker, held, wanted, words):
    if held:
        broker.submit(intent("opening"))
    answer = broker.submit(intent("no", **wanted))
    assert isinstance(answer, Rejected)
    assert words in answer.message


# --- what the gate holds back --------------------------------------------------------------------------------


def judged(broker: AlpacaBroker, rule=None, **changes):
    """The word of a rule on an order, with the facts and capabilities that the adapter tells."""
    facts = dict(broker.instruments([changes.get("symbol", "AAPL")]))
    known = {"positions": {}, "prices": {"AAPL": Decimal(100)}, "instruments": facts}
    book = a_book(capabilities=broker.capabilities, **(known | changes.pop("book", {})))
    return (rule or OrderTerms()).judge(intent("g1", **changes), book)


GOOD = [
    {},
    {"limit_price": "95", "extended_hours": True},
    {"limit_price": "95", "extended_hours": True, "time_in_force": TimeInForce.GTC},
    {"time_in_force": TimeInForce.IOC},
    LEGS,
    {"side": Side.SELL, "take_profit": Decimal(90), "stop_loss": Decimal(105)},
    {"side": Side.SELL, "purpose": Purpose.EXIT, "limit_price": "110", "stop_loss": Decimal(95)},
    {"quantity": "0.01"},
    {"quantity": "0.001", "side": Side.SELL, "purpose": Purpose.EXIT},
]
BAD = [
    ({"extended_hours": True}, "limit day or gtc in extended hours"),
    ({"limit_price": "95", "extended_hours": True, "time_in_force": TimeInForce.IOC}, "limit day or gtc"),
    ({"limit_price": "95", "extended_hours": True, **LEGS}, "simple in extended hours"),
    ({"time_in_force": TimeInForce.IOC, **LEGS}, "day or gtc"),
    ({"take_profit": Decimal("100.005"), "stop_loss": Decimal(95)}, "above 100 by 0.01"),
    ({"take_profit": Decimal(110), "stop_loss": Decimal(101)}, "below 100 by 0.01"),
    ({"limit_price": "94", **LEGS}, "below 94 by 0.01"),
    ({"book": {"positions": {"AAPL": Decimal(1)}}, **LEGS}, "nothing in AAPL"),
    ({"quantity": "0.0099"}, "at least 1.00"),
]


@pytest.mark.parametrize("terms", GOOD, ids=str)
def test_B15_terms_that_alpaca_takes_pass_the_gate(broker, terms):
    assert judged(broker, **terms).decision is Decision.APPROVED


@pytest.mark.parametrize(("terms", "limit"), BAD, ids=str)
def test_B14_B15_B36_B37_terms_that_alpaca_refuses_are_denied_before_anything_is_sent(broker, double, terms, limit):
    ruling = judged(broker, **terms)
    assert ruling.decision is Decision.DENIED
    assert limit in ruling.limit
    assert double.requests("POST") == []


def test_G47_a_coin_takes_no_order_for_the_day(broker, double):
    double.quote("BTC/USD", "99.99", "100.01")
    assert judged(broker, symbol="BTC/USD").decision is Decision.DENIED
    assert judged(broker, symbol="BTC/USD", time_in_force=TimeInForce.GTC).decision is Decision.APPROVED


@pytest.mark.parametrize(
    ("price", "decision"),
    [("95.01", "approved"), ("95.001", "denied"), ("0.5051", "approved"), ("0.50511", "denied")],
)
def test_G19_ticks_are_checked_before_sending(broker, price, decision):
    assert judged(broker, Tradable(), limit_price=price).decision == decision


def test_G17_a_bracket_is_cut_to_whole_shares(broker):
    assert judged(broker, Tradable(), quantity="1.9").quantity == Decimal("1.9")
    assert judged(broker, Tradable(), quantity="1.9", **LEGS).quantity == 1
    assert judged(broker, Tradable(), quantity="0.9", **LEGS).decision is Decision.DENIED


# --- values --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "terms",
    [
        {"take_profit": Decimal(0)},
        {"stop_loss": Decimal("NaN")},
        {"take_profit": Decimal(95), "stop_loss": Decimal(110)},
        {"side": Side.SELL, "take_profit": Decimal(110), "stop_loss": Decimal(95)},
        {"type": OrderType.TRAILING_STOP, "trail": "5", "stop_loss": Decimal(95)},
        {"purpose": Purpose.EXIT, "stop_loss": Decimal(95)},
        {"purpose": Purpose.EXIT, "limit_price": "110", **LEGS},
    ],
)
def test_G31_legs_that_make_no_sense_are_no_intent(terms):
    with pytest.raises(InputError):
        intent("v1", **terms)


def test_B37_a_leg_whose_order_is_not_told_yet_is_nobody_elses(broker, double):
    broker.submit(replace(intent("b1"), **LEGS))
    double.quote("AAPL", "94.90", "94.92")
    other = opened(double.url)
    double.script({"verb": "GET", "path": "/v2/orders", "status": 200, "body": "[]"})
    with pytest.raises(BrokerUnavailable, match="not told yet"):
        other.fills(datetime.now(UTC) - timedelta(hours=1))
    assert [fill.client_id for fill in other.fills(datetime.now(UTC) - timedelta(hours=1))] == ["b1", "b1-sl"]
