"""Orders for the day that the venue takes after its close: they would be executed in the next session."""

import json

import pytest

from openbell import store
from openbell.jobs import trading
from openbell.ports import Accepted
from openbell.settings import load_settings
from openbell.values.orders import OrderState, TimeInForce
from tests.contracts.alpaca_venue import opened
from tests.contracts.venue import intent
from tests.orders.desks import Tape
from tests.orders.venues import venue_desk

ORDER = {"verb": "POST", "path": "/v2/orders"}


@pytest.fixture
def broker(double):
    return opened(double.url)


@pytest.fixture
def shut(double):
    double.set(is_open=False)
    yield
    double.set(is_open=True)


def clocks(double):
    return double.requests("GET").count("GET /v2/clock")


@pytest.mark.parametrize("terms", [{}, {"limit_price": "95"}])
def test_G10_B31_an_order_for_the_day_that_waits_for_the_next_session_is_called_back(broker, double, shut, terms):
    answer = broker.submit(intent("night", **terms))
    assert isinstance(answer, Accepted)
    assert (answer.order.state, answer.order.reason) == (OrderState.CANCELED, answer.concern)
    assert "called back" in answer.concern
    double.set(is_open=True)
    double.quote("AAPL", "90", "90.01")
    assert broker.order("night").state is OrderState.CANCELED
    assert broker.account().positions == {}


def test_B31_what_cannot_be_called_back_is_told(broker, double, shut):
    double.script({"verb": "DELETE", "times": 0, "status": 503})
    answer = broker.submit(intent("night"))
    assert (answer.order.state, "whether it is gone is not known" in answer.concern) == (OrderState.ACKED, True)


def test_B31_a_clock_that_does_not_answer_is_told_and_the_order_is_left_alone(broker, double, shut):
    double.script({"verb": "GET", "path": "/v2/clock", "times": 0, "status": 503})
    answer = broker.submit(intent("night"))
    assert (answer.order.state, "is not known" in answer.concern) == (OrderState.ACKED, True)


def test_B31_within_one_session_the_venue_is_asked_once_whether_it_is_open(broker, double):
    double.plan({"fills": "never"})
    double.set(is_open=False)
    told = {"timestamp": "2026-11-24T15:00:00Z", "is_open": True, "next_close": "2100-01-01T00:00:00Z"}
    double.script({"verb": "GET", "path": "/v2/clock", "times": 0, "status": 200, "body": json.dumps(told)})
    answers = [broker.submit(intent(f"order-{number}")) for number in range(3)]
    double.set(is_open=True)
    assert [(answer.order.state, answer.concern) for answer in answers] == [(OrderState.ACKED, "")] * 3
    assert clocks(double) == 1


def test_B31_an_order_that_is_routed_or_lasts_costs_no_question(broker, double):
    broker.submit(intent("day", limit_price="95"))
    double.set(is_open=False)
    broker.submit(intent("lasting", limit_price="95", time_in_force=TimeInForce.GTC))
    double.set(is_open=True)
    assert clocks(double) == 0


@pytest.fixture
def overtaken(double, tmp_path, monkeypatch):
    """A run whose guards find the venue open, and whose order arrives when it is closed; its answer is hurt."""
    monkeypatch.setenv("OPENBELL_HOME", str(tmp_path))
    store.ensure(load_settings().url)

    def overtaken(answer):
        double.plan({"fills": "never"})
        double.script(ORDER | answer)
        double.script({"verb": "GET", "path": "/v2/clock", "nth": 2, "times": 0, "patch": {"is_open": False}})
        desk = venue_desk(double, Tape(), universe=("KO",))
        trading.trade(desk, "one")
        desk.recovery("recover", passes=2).recover()
        return desk

    yield overtaken
    store.close(load_settings().url)


@pytest.mark.parametrize("answer", [{"patch": {"status": "accepted"}}, {"drop": "after"}])
def test_B31_a_run_that_the_close_overtakes_leaves_an_alert_and_nothing_at_the_venue(overtaken, double, answer):
    desk = overtaken(answer)
    (order,) = desk.history.orders()
    assert (order.state, [row["status"] for row in double.orders()]) == (OrderState.CANCELED, ["canceled"])
    assert [(alert.kind, alert.subject) for alert in desk.history.alerts()] == [("CALLED_BACK", order.client_id)]
