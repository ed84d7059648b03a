"""Faults of a venue from the socket to the books: sender and recovery on the fault broker."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from openbell.jobs import closing, trading
from openbell.ports import Level
from openbell.values.orders import OrderState
from openbell.values.record import Outcome
from tests.orders.desks import PowerCut, outlive_lease, states
from tests.orders.venues import ORDER, UNIVERSE, broken, posts, taken, venue_desk, waits

ALL = len(UNIVERSE)


@pytest.fixture
def desk(home, double, tape):
    return venue_desk(double, tape)


def recovered(double, tape, later=timedelta(0), passes=2):
    """As the flow does it, at a later time by the run's clock."""
    desk = venue_desk(double, tape)
    desk.now = lambda: datetime.now(UTC) + later
    return desk.recovery("recover", passes).recover()


def alerts(desk):
    return {(alert.kind, alert.subject) for alert in desk.history.alerts()}


# --- an answer that cannot be read ---------------------------------------------------------------------------


@pytest.mark.parametrize("unique", [True, False])
@pytest.mark.parametrize(
    "hurt", [{"drop": "after"}, {"mangle": "half"}, {"mangle": "html"}, {"mangle": "empty"}, {"mangle": "text"}]
)
def test_B03_an_answer_that_breaks_off_is_looked_up_and_never_taken_for_a_refusal(double, tape, home, hurt, unique):
    desk = venue_desk(double, tape, unique)
    double.script(ORDER | {"nth": 2} | hurt)
    record = trading.trade(desk, "one")
    assert record.outcome is Outcome.COMPLETED
    assert states(desk) == ["filled"] * ALL
    assert sorted(posts(double)) == sorted(set(posts(double))) == sorted(taken(double))
    found = next(order for order in desk.history.orders() if order.client_id == posts(double)[1])
    assert "recovered=true" in found.detail
    recovered(double, tape)
    assert (alerts(desk), broken(desk)) == (set(), [])


def test_B03_an_answer_that_breaks_off_before_the_order_was_taken_is_sent_again_once(desk, double):
    double.script(ORDER | {"nth": 2, "drop": "before"})
    trading.trade(desk, "one")
    assert states(desk) == ["filled"] * ALL
    assert len(posts(double)) == ALL + 1
    assert len(taken(double)) == len(set(taken(double))) == ALL


# --- too many requests ---------------------------------------------------------------------------------------


def limited(seconds, **rule):
    """The answer of a limiter that has taken nothing; ``seconds`` until its budget is back, None when it is silent."""
    told = {} if seconds is None else {"X-RateLimit-Reset": str(int(time.time()) + seconds)}
    return ORDER | {"status": 429, "headers": {"X-RateLimit-Remaining": "0"} | told} | rule


@pytest.mark.parametrize("times", [1, 3])
def test_B04_a_refusal_for_lack_of_budget_is_sent_again_under_its_id_when_the_budget_is_back(desk, double, times):
    slept = waits(desk)
    double.script(limited(12, nth=2, times=times))
    record = trading.trade(desk, "one")
    assert record.outcome is Outcome.COMPLETED
    assert states(desk) == ["filled"] * ALL
    second = posts(double)[1]
    assert (posts(double).count(second), taken(double).count(second)) == (1 + times, 1)
    assert timedelta(seconds=10 * times) < sum(slept, timedelta(0)) <= timedelta(seconds=12 * times)
    assert (alerts(desk), broken(desk)) == (set(), [])


@pytest.mark.parametrize("seconds", [None, 90])
def test_B04_without_a_time_or_beyond_a_minute_it_is_refused_and_the_next_order_waits(desk, double, seconds):
    slept = waits(desk)
    double.script(limited(seconds, nth=2))
    trading.trade(desk, "one")
    assert timedelta(seconds=2) < sum(slept, timedelta(0)) <= timedelta(seconds=61 if seconds else 4)
    assert states(desk) == ["filled", "rejected", *["filled"] * (ALL - 2)]
    assert len(posts(double)) == ALL
    refused = next(order for order in desk.history.orders() if order.state is OrderState.REJECTED)
    assert refused.detail.startswith("RATE_LIMIT: ")


def test_B04_one_order_is_waited_for_a_minute_in_all(desk, double):
    slept = waits(desk)
    double.script(limited(25, nth=1, times=4))
    trading.trade(desk, "one")
    first = posts(double)[0]
    assert posts(double).count(first) == 3
    assert sum(slept, timedelta(0)) <= timedelta(seconds=100)
    assert states(desk) == ["rejected", *["filled"] * (ALL - 1)]


def test_B04_nothing_is_waited_for_beyond_the_latest_to_send(desk, double):
    slept = waits(desk)
    double.script(limited(30, nth=2))
    run = trading.begin(desk, trading.TRADE, "one")
    run.planned = datetime.now(UTC) - timedelta(hours=24, seconds=40)
    market = trading.fetch_market(run)
    trading.send_orders(run, market, trading.gate(run, market, trading.evaluate_market(run, market)))
    assert slept == []
    assert states(desk)[1] == "rejected"


def test_B04_I8_what_is_halted_while_it_waits_is_not_sent(desk, double):
    double.script(limited(12, nth=2))
    desk.wait = lambda span: desk.journal.set_switch(Level.HALTED, "test", "stop")
    trading.trade(desk, "one")
    second = posts(double)[1]
    assert posts(double) == [posts(double)[0], second]
    assert states(desk) == ["filled", *["abandoned"] * (ALL - 1)]
    assert alerts(desk) == {("ABANDONED", second)}
    assert broken(desk) == []


def test_B04_a_run_that_dies_while_it_waits_is_recovered_like_any_other(desk, double, tape):
    def die(span):
        raise PowerCut

    double.script(limited(12, nth=2))
    desk.wait = die
    with pytest.raises(PowerCut):
        trading.trade(desk, "one")
    assert states(desk)[1] == "sending"
    outlive_lease(desk)
    again = venue_desk(double, tape)
    again.ticks = lambda: time.time() + 12
    record = trading.trade(again, "two")
    assert record.outcome is Outcome.COMPLETED
    assert states(desk) == ["filled"] * ALL
    assert len(taken(double)) == len(set(taken(double))) == ALL


# --- accepted first, and then? -------------------------------------------------------------------------------


def test_B08_an_order_that_is_rejected_later_is_followed_released_and_told(desk, double, tape):
    double.plan({"symbol": "KO", "fills": "never", "reject_after": 5})
    trading.trade(desk, "one")
    rejected = next(order for order in desk.history.orders() if order.symbol == "KO")
    assert rejected.state is OrderState.ACKED
    double.advance(6)
    done = recovered(double, tape)
    assert done.clean
    after = next(order for order in desk.history.orders() if order.symbol == "KO")
    assert (after.state, after.detail) == (OrderState.REJECTED, "rejected by the market")
    assert ("REJECTED_LATER", rejected.client_id) in alerts(desk)
    assert desk.journal.unsettled() == ()
    assert posts(double).count(rejected.client_id) == 1
    assert broken(desk) == []


def test_B12_a_cancel_that_is_never_carried_out_blocks_the_symbol_and_is_told_after_five_minutes(desk, double, tape):
    trading.trade(desk, "one")
    double.plan({"symbol": "KO", "fills": "never", "cancel_after": None})
    more = {"use": "fixed_cash", "params": {"notional": 1500}}
    trading.trade(venue_desk(double, tape, name="more", universe=("KO",), sizing=more), "two")
    stuck = desk.history.orders(plan="more")[0]
    waits(desk)
    assert [order.client_id for order in closing.take_back(desk).left] == [stuck.client_id]
    assert desk.history.orders(plan="more")[0].state is OrderState.PENDING_CANCEL
    for minutes, told in ((1, False), (4, False), (6, True), (10, True)):
        recovered(double, tape, timedelta(minutes=minutes))
        assert (("CANCEL_STUCK", stuck.client_id) in alerts(desk)) is told
        assert desk.history.orders(plan="more")[0].state is OrderState.PENDING_CANCEL
    assert len([alert for alert in desk.history.alerts() if alert.kind == "CANCEL_STUCK"]) == 1
    count = len(posts(double))
    done = closing.flatten(desk, "test", "out", "flatten-1")
    assert set(done.left) == {"KO"}
    assert len(posts(double)) == count + ALL - 1
    double.status(stuck.client_id, "canceled")
    recovered(double, tape)
    assert desk.history.orders(plan="more")[0].state is OrderState.CANCELED


# --- refused -------------------------------------------------------------------------------------------------


def test_B24_keys_that_are_refused_in_the_middle_of_a_basket_stop_it_and_open_the_breaker_at_once(desk, double):
    double.script(ORDER | {"nth": 2, "status": 401})
    trading.trade(desk, "one")
    assert states(desk) == ["filled", "rejected", *["abandoned"] * (ALL - 2)]
    assert len(posts(double)) == 2
    standing = desk.journal.breaker("demo", "trade")
    assert (standing.open, standing.dependency, standing.failures) == (True, "broker", 1)


@pytest.mark.parametrize(("status", "code"), [(403, 40310000), (422, 42210000)])
def test_B07_an_order_that_the_venue_refuses_is_rejected_with_its_code_and_not_repeated(desk, double, status, code):
    double.script(ORDER | {"nth": 2, "status": status, "code": code, "message": "insufficient buying power"})
    trading.trade(desk, "one")
    assert states(desk) == ["filled", "rejected", *["filled"] * (ALL - 2)]
    assert len(posts(double)) == len(set(posts(double))) == ALL
    refused = next(order for order in desk.history.orders() if order.state is OrderState.REJECTED)
    assert refused.detail.startswith(f"{code}: ")
    assert desk.journal.unsettled() == ()
    assert (desk.journal.breaker("demo", "trade").dependency, broken(desk)) == ("rejects", [])
