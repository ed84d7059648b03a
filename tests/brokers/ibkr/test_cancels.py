"""Orders at Interactive Brokers that are taken back, are only held, or end while they are asked about."""

import pytest

from openbell.ports import Accepted, Rejected, Unknown
from openbell.values.orders import OrderState, TimeInForce
from tests.brokers.ibkr.asked import fills
from tests.contracts.venue import intent


@pytest.mark.parametrize("terms", [{}, {"limit_price": "95"}])
def test_I40_B29_B31_an_order_for_the_day_that_is_only_held_is_taken_back_at_once(gateway, broker, terms):
    gateway.set(is_open=False)
    answer = broker.submit(intent("night", **terms))
    assert isinstance(answer, Accepted)
    assert answer.order.state is OrderState.CANCELED
    assert answer.order.reason.startswith("399: Order Message: your order will not be placed at the exchange until")
    assert "would have waited for the next session" in answer.order.reason == answer.concern
    gateway.set(is_open=True)
    gateway.quote("AAPL", "90.00", "90.01")
    assert broker.order("night").state is OrderState.CANCELED
    assert broker.account().positions == {}


def test_I40_B29_what_is_held_and_cannot_be_taken_back_is_known_to_be_on_its_way_out(gateway, broker):
    gateway.set(is_open=False)
    gateway.script({"on": "cancelOrder", "pending": True})
    answer = broker.submit(intent("night"))
    assert (answer.order.state, answer.order.reason[:4]) == (OrderState.PENDING_CANCEL, "399:")


def test_I40_an_order_that_lasts_may_wait_for_the_open(gateway, broker):
    gateway.set(is_open=False)
    lasting = intent("night", limit_price="95", time_in_force=TimeInForce.GTC)
    assert broker.submit(lasting).order.state is OrderState.ACKED
    assert broker.order("night").state is OrderState.ACKED


def test_I40_an_order_that_is_routed_a_moment_later_is_left_alone(gateway, broker):
    """Only what the venue says it holds back is taken back; one that works says so by its status."""
    assert broker.submit(intent("day", limit_price="95")).order.state is OrderState.ACKED
    assert gateway.requests("cancelOrder") == []


def test_I23_only_the_client_that_placed_an_order_can_cancel_it(gateway, broker, elsewhere):
    broker.submit(intent("mine", limit_price="95"))
    answer = elsewhere.cancel("mine")
    assert answer == Rejected("OTHER_CLIENT", "only client 71, which placed the order, can cancel it")
    assert gateway.requests("cancelOrder") == []


def test_B12_a_cancel_that_stays_pending_is_pending(gateway, broker):
    broker.submit(intent("slow", limit_price="95"))
    gateway.script({"on": "cancelOrder", "pending": True})
    answer = broker.cancel("slow")
    assert isinstance(answer, Accepted)
    assert answer.order.state is OrderState.PENDING_CANCEL
    assert broker.order("slow").state is OrderState.PENDING_CANCEL


def test_a_cancel_that_is_swallowed_is_unknown_and_the_order_lives(gateway, broker):
    broker.submit(intent("deaf", limit_price="95"))
    gateway.script({"on": "cancelOrder", "swallow": True})
    assert isinstance(broker.cancel("deaf"), Unknown)
    assert broker.order("deaf").state is OrderState.ACKED


@pytest.mark.parametrize("code", [10147, 10148, 161])
def test_I34_a_cancel_that_comes_too_late_is_refused(gateway, broker, code):
    broker.submit(intent("late", limit_price="95"))
    gateway.script({"on": "cancelOrder", "error": [code, "cannot be cancelled, state: Filled"]})
    assert broker.cancel("late") == Rejected(str(code), "cannot be cancelled, state: Filled")


def test_I41_an_order_that_ended_with_the_day_cannot_be_canceled(gateway, broker):
    broker.submit(intent("day", limit_price="95"))
    gateway.end("day", "Cancelled", "Expired")
    answer = broker.cancel("day")
    assert isinstance(answer, Rejected)
    assert answer.code == "NOT_OPEN"


def test_B10_I34_a_fill_after_the_cancel_is_found(gateway, broker):
    broker.submit(intent("late", limit_price="95"))
    assert isinstance(broker.cancel("late"), Accepted)
    gateway.fill("late", "4", "95")
    found = broker.order("late")
    assert (found.state, found.filled, found.average_price) == (OrderState.CANCELED, 4, 95)
    assert [fill.quantity for fill in fills(broker)] == [4]


def test_an_order_survives_a_new_connection_and_can_still_be_canceled(gateway, broker):
    broker.submit(intent("gtc", limit_price="95", time_in_force=TimeInForce.GTC))
    gateway.cut()
    assert isinstance(broker.cancel("gtc"), Accepted)
    assert broker.order("gtc").state is OrderState.CANCELED
