"""Orders at Interactive Brokers: a clear word, a notice, a lie or silence."""

import time
from dataclasses import replace

import pytest

from openbell.brokers.ibkr.codes import REFUSALS
from openbell.brokers.ibkr.ids import OrderIds
from openbell.ports import Accepted, Rejected, Unknown
from openbell.values.orders import OrderState, Side, TimeInForce
from tests.contracts.venue import intent

# --- what goes out ---------------------------------------------------------------------------------------------------


def test_I18_our_id_travels_as_the_reference_and_every_term_is_named(gateway, broker):
    broker.submit(intent("ref-1", limit_price="95", time_in_force=TimeInForce.GTC))
    (order,) = gateway.orders()
    sent = {name: order[name] for name in ("ref", "client", "account", "tif", "type", "exchange", "limit")}
    assert sent == {
        "ref": "ref-1",
        "client": 71,
        "account": "DU1234567",
        "tif": "GTC",
        "type": "LMT",
        "exchange": "SMART",
        "limit": "95.0",
    }


def test_one_order_is_one_message(gateway, broker):
    broker.submit(intent("once"))
    assert gateway.requests("placeOrder") == ["placeOrder"]


def test_I22_the_venues_own_id_is_the_one_that_lasts(gateway, broker):
    answer = broker.submit(intent("perm"))
    assert answer.order.broker_id == str(gateway.orders()[0]["perm_id"])


def test_I39_what_is_held_on_an_exchange_is_sold_through_smart(gateway, broker):
    broker.submit(intent("in"))
    broker.submit(intent("out", Side.SELL))
    assert [order["exchange"] for order in gateway.orders()] == ["SMART", "SMART"]


# --- no clear word ---------------------------------------------------------------------------------------------------


def test_I20_B02_a_swallowed_order_is_unknown_and_nowhere(gateway, broker):
    gateway.script({"on": "placeOrder", "swallow": True})
    answer = broker.submit(intent("lost"))
    assert isinstance(answer, Unknown)
    assert answer.reason == "no word about the order within 0.3 s"
    assert broker.order("lost") is None
    assert gateway.orders() == []


def test_B01_an_order_that_nobody_tells_of_is_unknown_and_then_found(gateway, broker):
    gateway.script({"on": "placeOrder", "mute": True})
    assert isinstance(broker.submit(intent("quiet", limit_price="95")), Unknown)
    assert broker.order("quiet").state is OrderState.ACKED


def test_an_acknowledgement_may_take_its_time(gateway, connect):
    broker = connect(ack_timeout=2)
    gateway.script({"on": "placeOrder", "delay": 0.3})
    assert isinstance(broker.submit(intent("slow", limit_price="95")), Accepted)


@pytest.mark.parametrize(("when", "arrived"), [("before", 0), ("after", 1)])
def test_B03_a_connection_that_breaks_while_an_order_goes_out_leaves_it_unknown(gateway, broker, when, arrived):
    gateway.script({"on": "placeOrder", "drop": when, "mute": True})
    answer = broker.submit(intent("torn", limit_price="95"))
    assert isinstance(answer, Unknown)
    assert "connection" in answer.reason
    assert len(gateway.orders()) == arrived
    assert (broker.order("torn") is not None) is bool(arrived)


def test_I01_a_reset_in_the_middle_of_an_order_leaves_it_unknown(gateway, broker):
    gateway.script({"on": "placeOrder", "mute": True, "notice": [1100, "Connectivity has been lost"]})
    assert isinstance(broker.submit(intent("reset", limit_price="95")), Unknown)


# --- words that are clear, and words that are not --------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_I38_B07_a_clear_word_is_a_refusal_with_its_code(gateway, broker, code):
    gateway.script({"on": "placeOrder", "error": [code, f"refused by {code}"]})
    answer = broker.submit(intent(f"no-{code}"))
    assert answer == Rejected(str(code), f"refused by {code}")


@pytest.mark.parametrize("status", ["Inactive", "Cancelled"])
def test_I31_a_refusal_counts_whatever_the_status_beside_it(gateway, broker, status):
    gateway.script({"on": "placeOrder", "error": [201, "Order rejected - reason:"], "status": status, "keep": True})
    assert isinstance(broker.submit(intent("no")), Rejected)
    assert broker.order("no") is None


@pytest.mark.parametrize("code", [10349, 404, 161, 105, 399, 2109, 10311, 99999])
def test_I29_B29_a_notice_is_no_cancellation_the_order_lives_and_fills(gateway, broker, code):
    gateway.script({"on": "placeOrder", "notice": [code, "Order TIF was set to DAY based on order preset."]})
    answer = broker.submit(intent("noted", limit_price="95"))
    assert isinstance(answer, Accepted)
    assert answer.order.state is OrderState.ACKED
    assert broker.order("noted").state is OrderState.ACKED
    assert [order.client_id for order in broker.open_orders()] == ["noted"]
    gateway.quote("AAPL", "94.00", "94.02")
    assert broker.order("noted").state is OrderState.FILLED


def test_I29_a_code_that_is_no_clear_word_leaves_the_order_unknown(gateway, broker):
    gateway.script({"on": "placeOrder", "error": [10399, "something that nobody has heard of"]})
    answer = broker.submit(intent("odd"))
    assert isinstance(answer, Unknown)
    assert answer.reason.endswith(": 10399: something that nobody has heard of")


@pytest.mark.parametrize("status", ["Inactive", "Cancelled", "ApiCancelled"])
def test_I31_a_status_is_no_proof_of_death(gateway, broker, status):
    broker.submit(intent("alive", limit_price="95"))
    (order,) = gateway.orders()
    gateway.raw(3, order["order_id"], status, 0, 10, 0, order["perm_id"], 0, 0, 71, "", 0)
    assert broker.order("alive").state is OrderState.ACKED
    assert [each.client_id for each in broker.open_orders()] == ["alive"]


@pytest.mark.parametrize("status", ["Inactive", "Cancelled", "ApiCancelled"])
def test_I31_an_order_that_is_listed_as_open_lives_whatever_its_status_claims(gateway, broker, status):
    broker.submit(intent("alive", limit_price="95"))
    gateway.claim("alive", status)
    found = broker.order("alive")
    assert (found.state, found.reason) == (OrderState.ACKED, f"listed as open, but {status}")
    assert [each.client_id for each in broker.open_orders()] == ["alive"]


def test_I29_a_notice_leaves_no_mark_on_the_status(gateway, broker):
    gateway.script({"on": "placeOrder", "notice": [10349, "Order TIF was set to DAY based on order preset."]})
    gateway.script({"on": "allOpenOrders", "terse": True, "times": 0})
    broker.submit(intent("noted", limit_price="95"))
    found = broker.order("noted")
    assert (found.state, found.reason) == (OrderState.ACKED, "")


def test_I31_an_end_without_a_reason_is_borne_out_by_the_lists(gateway, connect):
    broker = connect(ack_timeout=2)
    gateway.script({"on": "placeOrder", "error": [10399, "odd"], "status": "Inactive", "keep": True})
    answer = broker.submit(intent("inactive"))
    assert isinstance(answer, Accepted)
    assert answer.order.state is OrderState.REJECTED
    assert answer.order.reason == "Rejected: odd"


def test_B08_an_order_that_is_refused_later_is_found_rejected_with_the_reason(gateway, broker):
    gateway.script({"on": "placeOrder", "then": [0.05, 201, "Order rejected - reason:NO TRADING PERMISSIONS"]})
    assert isinstance(broker.submit(intent("later", limit_price="95")), Accepted)
    end = time.monotonic() + 2
    while not (found := broker.order("later")).state.terminal:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert (found.state, found.filled) == (OrderState.REJECTED, 0)
    assert "NO TRADING PERMISSIONS" in found.reason


def test_B28_an_id_is_never_used_again_even_when_the_gateway_forgets_them_all(gateway, connect, tmp_path):
    """The gateway would take a used id for a change of the order that bears it."""
    kept = {"ids": OrderIds(tmp_path)}
    first = connect(**kept)
    for number in range(3):
        first.submit(intent(f"n{number}", limit_price="95"))
    first.close()
    gateway.restart(next_id=1)
    for order in gateway.orders():
        gateway.hide(order["ref"])
    second = connect(ids=OrderIds(tmp_path))
    assert isinstance(second.submit(intent("again", limit_price="95")), Accepted)
    numbers = [order["order_id"] for order in gateway.orders()]
    assert numbers == sorted(set(numbers))
    assert gateway.ledger("modify") == []


def test_B28_a_thousand_orders_cost_a_handful_of_writes(tmp_path):
    class Wire:
        next = 1

        def getReqId(self):
            self.next += 1
            return self.next - 1

        def updateReqId(self, least):
            self.next = max(self.next, least)

    ids, wire, written = OrderIds(tmp_path), Wire(), set()
    numbers = []
    for _ in range(1000):
        numbers.append(ids.issue(wire, "DU1", 71))
        written.add((tmp_path / "ibkr-DU1-71.id").read_text())
    assert numbers == list(range(1, 1001))
    assert len(written) == 10
    assert OrderIds(tmp_path).issue(Wire(), "DU1", 71) == 1001
    assert OrderIds(tmp_path).issue(Wire(), "DU1", 72) == 1


@pytest.mark.parametrize("content", ["", "many", "1e3", "\x00"])
def test_B28_an_id_that_cannot_be_read_lets_no_order_go(gateway, connect, tmp_path, content):
    (tmp_path / "ibkr-DU1234567-71.id").write_text(content)
    answer = connect(ids=OrderIds(tmp_path)).submit(intent("never"))
    assert isinstance(answer, Rejected)
    assert "does not hold the highest order id" in answer.message
    assert gateway.orders() == []


def test_I33_a_market_order_may_be_filled_with_its_first_word(broker):
    answer = broker.submit(intent("fast"))
    assert isinstance(answer, Accepted)
    assert broker.order("fast").state is OrderState.FILLED


# --- never twice -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [{"limit_price": "95"}, {}])
def test_an_order_that_the_gateway_has_already_is_not_sent_again(gateway, broker, elsewhere, fields):
    broker.submit(intent("same", **fields))
    answer = elsewhere.submit(intent("same", **fields))
    assert isinstance(answer, Accepted)
    assert answer.order.reason == "recovered: the broker had it already"
    assert [order["ref"] for order in gateway.orders()] == ["same"]


def test_B05_another_order_under_our_id_is_a_collision(gateway, broker, elsewhere):
    broker.submit(intent("same", limit_price="95"))
    answer = elsewhere.submit(replace(intent("same", limit_price="95"), symbol="MSFT"))
    assert isinstance(answer, Unknown)
    assert answer.reason.startswith("ID_COLLISION: the broker has buy 10 AAPL under same")
    assert len(gateway.orders()) == 1


def test_an_order_that_cannot_be_checked_first_is_not_sent(gateway, connect):
    broker = connect(request_timeout=0.3)
    gateway.script({"on": "allOpenOrders", "swallow": True})
    answer = broker.submit(intent("blind"))
    assert isinstance(answer, Rejected)
    assert answer.code == "NOT_SENT"
    assert gateway.requests("placeOrder") == []


# --- cancels ---------------------------------------------------------------------------------------------------------
