"""Resets and restarts of the gateway, and what was missed meanwhile."""

import pytest

from openbell.errors import BrokerUnavailable
from openbell.ports import Accepted, Rejected
from openbell.values.orders import OrderState, TimeInForce
from tests.brokers.ibkr.asked import HOUR
from tests.contracts.venue import intent


@pytest.mark.parametrize("back", [1101, 1102])
def test_I01_B25_nothing_is_sent_while_the_servers_are_gone_and_all_is_read_before_the_next_order(
    gateway, connect, back
):
    broker = connect()
    gateway.message(1100, "Connectivity between IB and Trader Workstation has been lost.")
    answer = broker.submit(intent("night"))
    assert isinstance(answer, Rejected)
    assert (answer.code, "(1100)" in answer.message) == ("NOT_SENT", True)
    with pytest.raises(BrokerUnavailable, match=r"has lost Interactive Brokers' servers \(1100\)"):
        broker.account()
    gateway.message(back, "Connectivity between IB and Trader Workstation has been restored.")
    before = len(gateway.requests())
    assert isinstance(broker.submit(intent("morning")), Accepted)
    since = gateway.requests()[before:]
    read = ["positions", "allOpenOrders", "completedOrders", "accountUpdates", "executions"]
    assert [name for name in dict.fromkeys(since[: since.index("placeOrder")]) if name in read] == read
    assert [line["ref"] for line in gateway.ledger("order")] == ["morning"]


def test_I01_a_gateway_that_starts_without_its_servers_is_of_no_use_yet(gateway, connect):
    gateway.state(severed=True)
    with pytest.raises(BrokerUnavailable, match=r"\(1100\)"):
        connect()


@pytest.mark.parametrize("code", [2103, 2104, 2105, 2106, 2107, 2108, 2119, 2158])
def test_I09_news_of_data_farms_stops_nothing(gateway, connect, code):
    broker = connect()
    gateway.message(code, "Market data farm connection is broken:usfarm")
    assert isinstance(broker.submit(intent(f"farm{code}")), Accepted)


def test_I10_what_was_filled_while_nobody_listened_is_found(gateway, connect):
    broker = connect()
    broker.submit(intent("gtc", limit_price="95", time_in_force=TimeInForce.GTC))
    gateway.cut()
    gateway.quote("AAPL", "94.00", "94.02")
    assert broker.order("gtc").state is OrderState.FILLED
    assert [fill.client_id for fill in broker.fills(broker.clock().now - HOUR)] == ["gtc"]


def test_I03_B28_a_restart_that_sets_the_ids_back_changes_no_order(gateway, connect):
    broker = connect()
    broker.submit(intent("before", limit_price="95", time_in_force=TimeInForce.GTC))
    gateway.restart(next_id=1)
    assert isinstance(broker.submit(intent("after", quantity="3", limit_price="90")), Accepted)
    assert [(order["ref"], order["quantity"]) for order in gateway.orders()] == [("before", "10"), ("after", "3")]
    assert gateway.ledger("modify") == []


def test_I21_ids_go_beyond_those_of_orders_that_are_filled_already(gateway, connect):
    broker = connect()
    for number in range(5):
        broker.submit(intent(f"f{number}"))
    gateway.restart(next_id=1, forget=False)
    assert isinstance(broker.submit(intent("last")), Accepted)
    ids = [order["order_id"] for order in gateway.orders()]
    assert ids == sorted(set(ids))


def test_I21_an_id_that_was_used_is_a_clear_refusal(gateway, connect):
    broker = connect()
    gateway.script({"on": "placeOrder", "error": [103, "Duplicate order id"]})
    answer = broker.submit(intent("dup"))
    assert isinstance(answer, Rejected)
    assert answer.code == "103"


def test_I50_an_execution_in_an_unknown_zone_is_an_error_and_never_missing(gateway, connect):
    broker = connect()
    broker.submit(intent("zoned"))
    gateway.script({"on": "executions", "zone": "Mars/Phobos"})
    with pytest.raises(BrokerUnavailable, match="a message of the gateway could not be read"):
        broker.fills(broker.clock().now - HOUR)
    assert len(broker.fills(broker.clock().now - HOUR)) == 1


@pytest.mark.parametrize("message", ["executions", "allOpenOrders"])
def test_a_list_that_breaks_off_is_an_error(gateway, connect, message):
    broker = connect(request_timeout=0.3)
    broker.submit(intent("one", limit_price="95"))
    broker.submit(intent("two"))
    gateway.script({"on": message, "partly": 1})
    with pytest.raises(BrokerUnavailable, match="did not come within"):
        broker.order("two")
    assert broker.order("two").state is OrderState.FILLED
