"""Entries with exits at Interactive Brokers: one group, transmitted with its last member or not at all."""

from decimal import Decimal

import pytest

from openbell.ports import Accepted, Rejected, Unknown
from openbell.values.orders import OrderState, Purpose, Side
from tests.contracts.broker_contract import intent
from tests.contracts.ibkr_venue import opened
from tests.twsdouble.process import TwsDouble

EXITS = {"take_profit": Decimal(110), "stop_loss": Decimal(95)}


@pytest.fixture
def broker(gateway: TwsDouble):
    broker = opened(gateway, ack_timeout=0.3)
    yield broker
    broker.close()


def told(gateway: TwsDouble) -> list[tuple[str, ...]]:
    return [tuple(order[name] for name in ("ref", "action", "type", "tif", "status")) for order in gateway.orders()]


def test_I27_a_bracket_is_an_entry_and_two_exits_that_outlive_the_day(gateway, broker):
    assert isinstance(broker.submit(intent("b1", limit_price="99", **EXITS)), Accepted)
    assert told(gateway) == [
        ("b1", "BUY", "LMT", "DAY", "Submitted"),
        ("leg-profit-b1", "SELL", "LMT", "GTC", "Submitted"),
        ("leg-loss-b1", "SELL", "STP", "GTC", "PreSubmitted"),
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


def test_an_exit_of_two_prices_is_beyond_the_venue_here(gateway, broker):
    broker.submit(intent("held"))
    wanted = intent(
        "oco", Side.SELL, limit_price="110", stop_loss=Decimal(95), purpose=Purpose.EXIT, reference=Decimal(100)
    )
    answer = broker.submit(wanted)
    assert isinstance(answer, Rejected)
    assert answer.message == "nothing was sent: oco orders are not taken here"
