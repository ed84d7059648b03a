"""Where an order at Interactive Brokers is found: open, executed or completed; and its executions."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from openbell import store
from openbell.errors import BrokerUnavailable
from openbell.stages.flatten import cancel_all
from openbell.stages.pace import Pace
from openbell.values.orders import OrderState
from tests.brokers.ibkr.asked import fills
from tests.contracts.venue import intent

# --- where an order is found -----------------------------------------------------------------------------------------


def test_I19_an_open_order_is_found_by_another_process(broker, elsewhere):
    broker.submit(intent("open", limit_price="95"))
    found = elsewhere.order("open")
    assert (found.state, found.quantity, found.limit_price) == (OrderState.ACKED, 10, 95)


def test_I19_I25_a_filled_order_is_found_with_its_size(gateway, broker, elsewhere):
    broker.submit(intent("filled"))
    found = elsewhere.order("filled")
    assert (found.state, found.quantity, found.filled) == (OrderState.FILLED, 10, 10)
    assert found.average_price == Decimal("100.01")


def test_I26_a_filled_order_is_found_when_its_executions_are_forgotten(gateway, broker, elsewhere):
    broker.submit(intent("filled"))
    gateway.restart(next_id=50)
    for each in (broker, elsewhere):
        found = each.order("filled")
        assert (found.state, found.quantity, found.filled) == (OrderState.FILLED, 10, 10)


def test_I19_an_order_that_only_executions_tell_of_is_found(gateway, broker, elsewhere):
    broker.submit(intent("made"))
    gateway.forget("completed made")
    for each in (broker, elsewhere):
        assert each.order("made").state is OrderState.FILLED


def test_I19_a_canceled_order_is_found_among_the_completed(broker, elsewhere):
    broker.submit(intent("gone", limit_price="95"))
    broker.cancel("gone")
    found = elsewhere.order("gone")
    assert (found.state, found.quantity, found.reason) == (OrderState.CANCELED, 10, "Cancelled by Trader")


@pytest.mark.parametrize("nothing", ["", "2147483647", "9223372036854775807", "1.7976931348623157E308"])
def test_I25_what_stands_for_no_quantity_is_no_quantity(gateway, broker, nothing):
    broker.submit(intent("gone", limit_price="95"))
    gateway.end("gone", "Cancelled", "Cancelled by Trader")
    gateway.script({"on": "completedOrders", "nothing": nothing})
    found = broker.order("gone")
    assert (found.state, found.quantity, found.filled) == (OrderState.CANCELED, 10, 0)


def test_an_order_that_expired_says_so(gateway, broker):
    broker.submit(intent("day", limit_price="95"))
    gateway.end("day", "Cancelled", "Expired")
    assert broker.order("day").state is OrderState.EXPIRED


def test_I19_a_source_that_does_not_answer_is_no_absence(gateway, connect):
    broker = connect(request_timeout=0.3)
    for source in ("allOpenOrders", "executions", "completedOrders"):
        gateway.script({"on": source, "swallow": True})
        with pytest.raises(BrokerUnavailable):
            broker.order("nowhere")
    assert broker.order("nowhere") is None


def test_I24_an_order_that_is_told_twice_is_one(gateway, broker):
    broker.submit(intent("twice", limit_price="95"))
    gateway.script({"on": "allOpenOrders", "twice": True, "times": 0})
    assert [order.client_id for order in broker.open_orders()] == ["twice"]
    assert broker.order("twice").state is OrderState.ACKED


def test_I42_orders_placed_by_hand_are_seen(gateway, broker):
    gateway.manual("AAPL", "BUY", "5", "90")
    (order,) = broker.open_orders()
    assert (order.client_id, order.symbol, order.remaining) == (f"perm-{order.broker_id}", "AAPL", 5)


def test_I23_I42_an_order_placed_by_hand_is_known_by_the_id_that_lists_give_it(gateway, broker):
    gateway.manual("AAPL", "BUY", "5", "90")
    (listed,) = broker.open_orders()
    assert broker.order(listed.client_id).broker_id == listed.broker_id
    assert broker.cancel(listed.client_id).code == "OTHER_CLIENT"


def test_I23_cancel_all_tells_why_an_order_is_still_open(gateway, broker, tmp_path):
    gateway.manual("AAPL", "BUY", "5", "90")
    url = f"sqlite:///{tmp_path / 'store.db'}"
    store.ensure(url)
    pace = Pace(lambda: datetime.now(UTC), lambda: datetime.now(UTC), lambda _: None)
    (left,) = cancel_all(store.open_journal(url), broker, pace, timedelta(0)).left
    assert left.reason == "only client 0, which placed the order, can cancel it"


def test_B27_two_live_orders_with_one_id_are_for_a_person(gateway, broker):
    broker.submit(intent("pair", limit_price="95"))
    gateway.manual("AAPL", "BUY", "10", "94", ref="pair", client=5, order_id=77)
    found = broker.order("pair")
    assert found.state is OrderState.UNKNOWN
    assert found.reason.startswith("DUPLICATE_LIVE: 2 live orders")


def test_B33_a_status_that_nobody_knows_is_unknown(gateway, broker):
    broker.submit(intent("odd", limit_price="95"))
    gateway.status("odd", "Quantum")
    found = broker.order("odd")
    assert (found.state, found.reason) == (OrderState.UNKNOWN, "status 'Quantum' is not known")


# --- executions ------------------------------------------------------------------------------------------------------


def test_I35_B32_a_correction_replaces_and_is_not_counted_twice(gateway, broker, elsewhere):
    broker.submit(intent("fixed"))
    (before,) = fills(broker)
    gateway.correct(before.id, "8", "100.50")
    for each in (broker, elsewhere):
        (after,) = fills(each)
        assert (after.corrects, after.quantity, after.price) == ((before.id,), 8, Decimal("100.50"))
        found = each.order("fixed")
        assert (found.filled, found.average_price) == (8, Decimal("100.5"))


def test_I35_an_execution_that_was_taken_back_is_gone(gateway, broker):
    broker.submit(intent("bust"))
    (before,) = fills(broker)
    gateway.correct(before.id, "0", "100.01")
    assert fills(broker) == ()
    (bust,) = broker.busts(before.time)
    assert (bust.fill, bust.client_id) == (before.id, "bust")
    assert broker.busts(before.time + timedelta(seconds=1)) == ()


@pytest.fixture
def far_away(monkeypatch):
    """This machine is in another zone than the gateway."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_I50_an_execution_with_a_time_in_utc_is_of_utc_wherever_this_runs(gateway, broker, far_away):
    broker.submit(intent("made"))
    gateway.script({"on": "executions", "dashed": True, "times": 0})
    (fill,) = fills(broker)
    assert fill.time <= broker.clock().now


def test_I36_a_commission_that_does_not_come_holds_nothing_up(gateway, broker):
    gateway.set(commissions=False)
    broker.submit(intent("free"))
    begin = time.monotonic()
    assert [fill.fee for fill in fills(broker)] == [0]
    assert time.monotonic() - begin < 2


def test_I36_a_commission_that_comes_later_is_in_the_fill(gateway, broker):
    gateway.set(commissions=False)
    broker.submit(intent("fee"))
    gateway.set(commissions=True)
    assert [fill.fee for fill in fills(broker)] == [1]


def test_I37_commissions_are_there_however_often_fills_are_asked_for(broker):
    broker.submit(intent("fee"))
    assert [fills(broker)[0].fee for _ in range(3)] == [1, 1, 1]


def test_B11_fills_in_parts_are_one_sum(gateway, broker):
    gateway.script({"on": "placeOrder", "frozen": True})
    broker.submit(intent("parts", limit_price="100.01"))
    for quantity, price in (("3", "100.00"), ("3", "100.01"), ("4", "100.00")):
        gateway.fill("parts", quantity, price)
    found = broker.order("parts")
    assert (found.state, found.filled, found.average_price) == (OrderState.FILLED, 10, Decimal("100.003"))
    assert [fill.quantity for fill in fills(broker)] == [3, 3, 4]
