"""Cancels at Alpaca: a request that may hang, lose to a fill, or go unanswered; and nothing is ever replaced."""

import pytest

from openbell.brokers.alpaca.broker import AlpacaBroker
from openbell.ports import Accepted, Unknown
from openbell.values.orders import OrderState
from tests.contracts.alpaca_venue import opened
from tests.contracts.venue import intent
from tests.faultbroker.process import FaultBroker


@pytest.fixture
def broker(double: FaultBroker) -> AlpacaBroker:
    return opened(double.url)


def test_B12_G05_a_cancel_that_hangs_stays_pending(broker, double):
    double.plan({"client_order_id": "b12", "cancel_after": None})
    broker.submit(intent("b12", limit_price="95"))
    answer = broker.cancel("b12")
    assert isinstance(answer, Accepted)
    assert answer.order.state is OrderState.PENDING_CANCEL
    double.advance(600)
    assert broker.order("b12").state is OrderState.PENDING_CANCEL
    assert [order.client_id for order in broker.open_orders()] == ["b12"]


def test_B12_a_cancel_that_still_shows_the_order_alive_is_pending(broker, double):
    broker.submit(intent("b12", limit_price="95"))
    double.script({"verb": "DELETE", "status": 204, "body": ""})
    assert broker.cancel("b12").order.state is OrderState.PENDING_CANCEL


def test_B10_a_fill_after_the_cancel_is_seen(broker, double):
    double.plan({"client_order_id": "b10", "late_fill": {"after": 2, "qty": "4"}})
    broker.submit(intent("b10", limit_price="95"))
    broker.cancel("b10")
    assert (broker.order("b10").state, broker.order("b10").filled) == (OrderState.CANCELED, 0)
    double.advance(3)
    late = broker.order("b10")
    assert (late.state, late.filled) == (OrderState.CANCELED, 4)
    assert [fill.quantity for fill in broker.fills(late.updated.replace(year=2020))] == [4]


@pytest.mark.parametrize("fault", [{"status": 500}, {"drop": "after"}, {"status": 403, "body": "<html>"}])
def test_C16_a_cancel_without_a_clear_answer_is_unknown(broker, double, fault):
    broker.submit(intent("c16", limit_price="95"))
    double.script({"verb": "DELETE"} | fault)
    assert isinstance(broker.cancel("c16"), Unknown)
    assert double.requests("DELETE") == [f"DELETE /v2/orders/{double.orders()[0]['id']}"]


def test_C16_a_cancel_whose_look_up_fails_says_that_nothing_was_done(broker, double):
    broker.submit(intent("c16", limit_price="95"))
    double.script({"verb": "GET", "status": 503})
    answer = broker.cancel("c16")
    assert isinstance(answer, Unknown)
    assert "nothing was canceled" in answer.reason
    assert double.requests("DELETE") == []


def test_B30_G07_nothing_is_ever_replaced(broker, double):
    double.plan({"client_order_id": "b30", "fills": [{"after": 0, "qty": "4"}]})
    broker.submit(intent("b30"))
    assert broker.order("b30").state is OrderState.PARTIAL
    broker.cancel("b30")
    broker.submit(intent("b30-rest", quantity="6"))
    assert double.requests("PATCH") + double.requests("PUT") == []
