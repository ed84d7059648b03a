"""Entries with exits at Interactive Brokers: one group, transmitted with its last member or not at all."""

from decimal import Decimal

import pytest

from openbell.ports import Accepted, Rejected, Unknown
from openbell.values.orders import OrderState, Purpose, Side
from tests.contracts.venue import intent
from tests.twsdouble.process import TwsDouble

EXITS = {"take_profit": Decimal(110), "stop_loss": Decimal(95)}


def told(gateway: TwsDouble) -> list[tuple[str, ...]]:
    return [tuple(order[name] for name in ("ref", "action", "type", "tif", "status")) for order in gateway.orders()]


def test_I27_a_bracket_is_an_entry_and_two_exits_that_outlive_the_day(gateway, broker):
    assert isinstance(broker.submit(intent("b1", limit_price="99", **EXITS)), Accepted)
    assert told(gateway) == [
        ("b1", "BUY", "LMT", "DAY", "Submitted"),
        ("b1-tp", "SELL", "LMT", "GTC", "Submitted"),
        ("b1-sl", "SELL", "STP", "GTC", "PreSubmitted"),
    ]
    assert {order["limit"] for order in gateway.orders()} == {"99.0", "110.0", "None"}


@pytest.mark.parametrize(("name", "price"), [("take_profit", 110), ("stop_loss", 95)])
def test_an_entry_may_have_one_exit(gateway, broker, name, price):
    broker.submit(intent("one", **{name: Decimal(price)}))
    assert len(gateway.orders()) == 2
    assert broker.account().quantity("AAPL") == 10


def test_the_loss_ends_the_profit(gateway, broker):
    broker.submit(intent("down", **EXITS))
    gateway.quote("AAPL", "94.00", "94.02")
    assert [status for *_, status in told(gateway)] == ["Filled", "Cancelled", "Filled"]
    assert (broker.account().quantity("AAPL"), broker.open_orders()) == (0, ())


def test_canceling_the_entry_takes_its_exits_along(gateway, broker):
    broker.submit(intent("gone", limit_price="95.50", **EXITS))
    assert isinstance(broker.cancel("gone"), Accepted)
    assert broker.order("gone").state is OrderState.CANCELED
    assert broker.open_orders() == ()


def test_I27_a_group_whose_last_exit_is_swallowed_is_never_transmitted(gateway, broker):
    gateway.script({"on": "placeOrder", "nth": 3, "swallow": True})
    assert isinstance(broker.submit(intent("half", **EXITS)), Unknown)
    assert (gateway.orders(), broker.order("half")) == ([], None)


@pytest.mark.parametrize(
    "terms", [{"take_profit": Decimal("110.001"), "stop_loss": Decimal(95)}, {"stop_loss": Decimal("95.001")}]
)
def test_an_exit_off_the_tick_is_refused_with_the_whole_group(gateway, broker, terms):
    answer = broker.submit(intent("tick", **terms))
    assert isinstance(answer, Rejected)
    assert (answer.code, gateway.requests("placeOrder")) == ("110", [])


def oco(gateway: TwsDouble, broker) -> object:
    broker.submit(intent("held"))
    return intent("oco", Side.SELL, limit_price="110", stop_loss=Decimal(95), purpose=Purpose.EXIT)


def test_an_exit_of_two_prices_is_a_group_whose_stop_goes_first(gateway, broker):
    answer = broker.submit(oco(gateway, broker))
    assert isinstance(answer, Accepted)
    assert told(gateway)[1:] == [
        ("oco-sl", "SELL", "STP", "GTC", "PreSubmitted"),
        ("oco", "SELL", "LMT", "DAY", "Submitted"),
    ]


def test_I19_a_group_whose_limit_is_refused_leaves_no_stop_behind(gateway, broker):
    wanted = oco(gateway, broker)
    gateway.script({"on": "placeOrder", "nth": 2, "error": [201, "Order rejected - reason: no"]})
    assert isinstance(broker.submit(wanted), Rejected)
    assert (broker.order("oco"), broker.open_orders()) == (None, ())


def test_I19_a_group_whose_limit_never_arrives_is_unknown_and_its_stop_protects(gateway, broker):
    wanted = oco(gateway, broker)
    gateway.script({"on": "placeOrder", "nth": 2, "swallow": True})
    assert isinstance(broker.submit(wanted), Unknown)
    assert broker.order("oco") is None
    assert broker.order("oco-sl").state is OrderState.ACKED
