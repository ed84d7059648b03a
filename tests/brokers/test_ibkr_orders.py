"""Orders at Interactive Brokers: a clear word, a lie or silence, and what the gateway's lists say afterwards."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from openbell.brokers.ibkr.codes import REFUSALS
from openbell.errors import BrokerUnavailable
from openbell.ports import Accepted, Rejected, Unknown
from openbell.values.orders import OrderState, OrderType, Side, TimeInForce
from tests.contracts.broker_contract import intent
from tests.contracts.ibkr_venue import opened
from tests.twsdouble.process import TwsDouble

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwsDouble]:
    with TwsDouble(tmp_path_factory.mktemp("gateway") / "ledger.jsonl") as double:
        yield double


@pytest.fixture
def double(process: TwsDouble) -> TwsDouble:
    process.reset()
    process.quote("AAPL", "99.99", "100.01")
    return process


@pytest.fixture
def connect(double: TwsDouble):
    made = []

    def connect(**terms):
        made.append(opened(double, **terms))
        return made[-1]

    yield connect
    for broker in made:
        broker.close()


@pytest.fixture
def broker(connect):
    return connect(ack_timeout=0.3)


@pytest.fixture
def elsewhere(connect):
    """Another process on the same account, which has sent nothing."""
    return connect(client_id=99)


def fills(broker):
    return broker.fills(broker.clock().now - HOUR)


# --- what goes out -------------------------------------------------------------------------------------------


def test_I18_our_id_travels_as_the_reference_and_every_term_is_named(double, broker):
    broker.submit(intent("ref-1", limit_price="95", time_in_force=TimeInForce.GTC))
    (order,) = double.orders()
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


def test_one_order_is_one_message(double, broker):
    broker.submit(intent("once"))
    assert double.requests("placeOrder") == ["placeOrder"]


def test_I22_the_venues_own_id_is_the_one_that_lasts(double, broker):
    answer = broker.submit(intent("perm"))
    assert answer.order.broker_id == str(double.orders()[0]["perm_id"])


def test_I39_what_is_held_on_an_exchange_is_sold_through_smart(double, broker):
    broker.submit(intent("in"))
    broker.submit(intent("out", Side.SELL))
    assert [order["exchange"] for order in double.orders()] == ["SMART", "SMART"]


# --- where an order is found ---------------------------------------------------------------------------------


def test_I19_an_open_order_is_found_by_another_process(broker, elsewhere):
    broker.submit(intent("open", limit_price="95"))
    found = elsewhere.order("open")
    assert (found.state, found.quantity, found.limit_price) == (OrderState.ACKED, 10, 95)


def test_I19_I25_a_filled_order_is_found_with_its_size(double, broker, elsewhere):
    broker.submit(intent("filled"))
    found = elsewhere.order("filled")
    assert (found.state, found.quantity, found.filled) == (OrderState.FILLED, 10, 10)
    assert found.average_price == Decimal("100.01")


def test_I26_a_filled_order_is_found_when_its_executions_are_forgotten(double, broker, elsewhere):
    broker.submit(intent("filled"))
    double.restart(next_id=50)
    for each in (broker, elsewhere):
        found = each.order("filled")
        assert (found.state, found.quantity, found.filled) == (OrderState.FILLED, 10, 10)


def test_I19_an_order_that_only_executions_tell_of_is_found(double, broker, elsewhere):
    broker.submit(intent("made"))
    double.forget("completed made")
    for each in (broker, elsewhere):
        assert each.order("made").state is OrderState.FILLED


def test_I19_a_canceled_order_is_found_among_the_completed(broker, elsewhere):
    broker.submit(intent("gone", limit_price="95"))
    broker.cancel("gone")
    found = elsewhere.order("gone")
    assert (found.state, found.quantity, found.reason) == (OrderState.CANCELED, 10, "Cancelled by Trader")


def test_an_order_that_expired_says_so(double, broker):
    broker.submit(intent("day", limit_price="95"))
    double.end("day", "Cancelled", "Expired")
    assert broker.order("day").state is OrderState.EXPIRED


def test_I19_a_source_that_does_not_answer_is_no_absence(double, connect):
    broker = connect(request_timeout=0.3)
    for source in ("allOpenOrders", "executions", "completedOrders"):
        double.script({"on": source, "swallow": True})
        with pytest.raises(BrokerUnavailable):
            broker.order("nowhere")
    assert broker.order("nowhere") is None


def test_I24_an_order_that_is_told_twice_is_one(double, broker):
    broker.submit(intent("twice", limit_price="95"))
    double.script({"on": "allOpenOrders", "twice": True, "times": 0})
    assert [order.client_id for order in broker.open_orders()] == ["twice"]
    assert broker.order("twice").state is OrderState.ACKED


def test_I42_orders_placed_by_hand_are_seen(double, broker):
    double.manual("AAPL", "BUY", "5", "90")
    (order,) = broker.open_orders()
    assert (order.client_id, order.symbol, order.remaining) == (f"perm-{order.broker_id}", "AAPL", 5)


def test_B27_two_live_orders_with_one_id_are_for_a_person(double, broker):
    broker.submit(intent("pair", limit_price="95"))
    double.manual("AAPL", "BUY", "10", "94", ref="pair", client=5, order_id=77)
    found = broker.order("pair")
    assert found.state is OrderState.UNKNOWN
    assert found.reason.startswith("DUPLICATE_LIVE: 2 live orders")


def test_B33_a_status_that_nobody_knows_is_unknown(double, broker):
    broker.submit(intent("odd", limit_price="95"))
    double.status("odd", "Quantum")
    found = broker.order("odd")
    assert (found.state, found.reason) == (OrderState.UNKNOWN, "status 'Quantum' is not known")


# --- no clear word -------------------------------------------------------------------------------------------


def test_I20_B02_a_swallowed_order_is_unknown_and_nowhere(double, broker):
    double.script({"on": "placeOrder", "swallow": True})
    answer = broker.submit(intent("lost"))
    assert isinstance(answer, Unknown)
    assert answer.reason == "no word about the order within 0.3 s"
    assert broker.order("lost") is None
    assert double.orders() == []


def test_B01_an_order_that_nobody_tells_of_is_unknown_and_then_found(double, broker):
    double.script({"on": "placeOrder", "mute": True})
    assert isinstance(broker.submit(intent("quiet", limit_price="95")), Unknown)
    assert broker.order("quiet").state is OrderState.ACKED


def test_an_acknowledgement_may_take_its_time(double, connect):
    broker = connect(ack_timeout=2)
    double.script({"on": "placeOrder", "delay": 0.3})
    assert isinstance(broker.submit(intent("slow", limit_price="95")), Accepted)


@pytest.mark.parametrize(("when", "arrived"), [("before", 0), ("after", 1)])
def test_B03_a_connection_that_breaks_while_an_order_goes_out_leaves_it_unknown(double, broker, when, arrived):
    double.script({"on": "placeOrder", "drop": when, "mute": True})
    answer = broker.submit(intent("torn", limit_price="95"))
    assert isinstance(answer, Unknown)
    assert "connection" in answer.reason
    assert len(double.orders()) == arrived
    assert (broker.order("torn") is not None) is bool(arrived)


def test_I01_a_reset_in_the_middle_of_an_order_leaves_it_unknown(double, broker):
    double.script({"on": "placeOrder", "mute": True, "notice": [1100, "Connectivity has been lost"]})
    assert isinstance(broker.submit(intent("reset", limit_price="95")), Unknown)


# --- words that are clear, and words that are not ------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_I38_B07_a_clear_word_is_a_refusal_with_its_code(double, broker, code):
    double.script({"on": "placeOrder", "error": [code, f"refused by {code}"]})
    answer = broker.submit(intent(f"no-{code}"))
    assert answer == Rejected(str(code), f"refused by {code}")


@pytest.mark.parametrize("status", ["Inactive", "Cancelled"])
def test_I31_a_refusal_counts_whatever_the_status_beside_it(double, broker, status):
    double.script({"on": "placeOrder", "error": [201, "Order rejected - reason:"], "status": status, "keep": True})
    assert isinstance(broker.submit(intent("no")), Rejected)
    assert broker.order("no") is None


@pytest.mark.parametrize("code", [10349, 404, 161, 105, 399, 2109, 10311, 99999])
def test_I29_B29_a_notice_is_no_cancellation_the_order_lives_and_fills(double, broker, code):
    double.script({"on": "placeOrder", "notice": [code, "Order TIF was set to DAY based on order preset."]})
    answer = broker.submit(intent("noted", limit_price="95"))
    assert isinstance(answer, Accepted)
    assert answer.order.state is OrderState.ACKED
    assert broker.order("noted").state is OrderState.ACKED
    assert [order.client_id for order in broker.open_orders()] == ["noted"]
    double.quote("AAPL", "94.00", "94.02")
    assert broker.order("noted").state is OrderState.FILLED


def test_I29_a_code_that_is_no_clear_word_leaves_the_order_unknown(double, broker):
    double.script({"on": "placeOrder", "error": [10399, "something that nobody has heard of"]})
    assert isinstance(broker.submit(intent("odd")), Unknown)


@pytest.mark.parametrize("status", ["Inactive", "Cancelled", "ApiCancelled"])
def test_I31_a_status_is_no_proof_of_death(double, broker, status):
    broker.submit(intent("alive", limit_price="95"))
    (order,) = double.orders()
    double.raw(3, order["order_id"], status, 0, 10, 0, order["perm_id"], 0, 0, 71, "", 0)
    assert broker.order("alive").state is OrderState.ACKED
    assert [each.client_id for each in broker.open_orders()] == ["alive"]


@pytest.mark.parametrize("status", ["Inactive", "Cancelled", "ApiCancelled"])
def test_I31_an_order_that_is_listed_as_open_lives_whatever_its_status_claims(double, broker, status):
    broker.submit(intent("alive", limit_price="95"))
    double.claim("alive", status)
    found = broker.order("alive")
    assert (found.state, found.reason) == (OrderState.ACKED, f"listed as open, but {status}")
    assert [each.client_id for each in broker.open_orders()] == ["alive"]


def test_I29_a_notice_leaves_no_mark_on_the_status(double, broker):
    double.script({"on": "placeOrder", "notice": [10349, "Order TIF was set to DAY based on order preset."]})
    double.script({"on": "allOpenOrders", "terse": True, "times": 0})
    broker.submit(intent("noted", limit_price="95"))
    found = broker.order("noted")
    assert (found.state, found.reason) == (OrderState.ACKED, "")


def test_I31_an_end_without_a_reason_is_borne_out_by_the_lists(double, connect):
    broker = connect(ack_timeout=2)
    double.script({"on": "placeOrder", "error": [10399, "odd"], "status": "Inactive", "keep": True})
    answer = broker.submit(intent("inactive"))
    assert isinstance(answer, Accepted)
    assert answer.order.state is OrderState.REJECTED
    assert answer.order.reason == "Rejected: odd"


def test_B08_an_order_that_is_refused_later_is_found_rejected_with_the_reason(double, broker):
    double.script({"on": "placeOrder", "then": [0.05, 201, "Order rejected - reason:NO TRADING PERMISSIONS"]})
    assert isinstance(broker.submit(intent("later", limit_price="95")), Accepted)
    end = time.monotonic() + 2
    while not (found := broker.order("later")).state.terminal:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert (found.state, found.filled) == (OrderState.REJECTED, 0)
    assert "NO TRADING PERMISSIONS" in found.reason


def test_I40_an_order_outside_of_the_hours_is_taken_and_says_that_it_waits(double, broker):
    double.set(is_open=False)
    answer = broker.submit(intent("night"))
    assert isinstance(answer, Accepted)
    end = time.monotonic() + 2
    while broker.order("night") is None:
        assert time.monotonic() < end
    assert broker.order("night").state is OrderState.ACKED


def test_I33_a_market_order_may_be_filled_with_its_first_word(broker):
    answer = broker.submit(intent("fast"))
    assert isinstance(answer, Accepted)
    assert broker.order("fast").state is OrderState.FILLED


# --- never twice ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [{"limit_price": "95"}, {}])
def test_an_order_that_the_gateway_has_already_is_not_sent_again(double, broker, elsewhere, fields):
    broker.submit(intent("same", **fields))
    answer = elsewhere.submit(intent("same", **fields))
    assert isinstance(answer, Accepted)
    assert answer.order.reason == "recovered: the broker had it already"
    assert [order["ref"] for order in double.orders()] == ["same"]


def test_B05_another_order_under_our_id_is_a_collision(double, broker, elsewhere):
    broker.submit(intent("same", limit_price="95"))
    answer = elsewhere.submit(replace(intent("same", limit_price="95"), symbol="MSFT"))
    assert isinstance(answer, Unknown)
    assert answer.reason.startswith("ID_COLLISION: the broker has buy 10 AAPL under same")
    assert len(double.orders()) == 1


def test_an_order_that_cannot_be_checked_first_is_not_sent(double, connect):
    broker = connect(request_timeout=0.3)
    double.script({"on": "allOpenOrders", "swallow": True})
    answer = broker.submit(intent("blind"))
    assert isinstance(answer, Rejected)
    assert answer.code == "NOT_SENT"
    assert double.requests("placeOrder") == []


# --- cancels -------------------------------------------------------------------------------------------------


def test_I23_only_the_client_that_placed_an_order_can_cancel_it(double, broker, elsewhere):
    broker.submit(intent("mine", limit_price="95"))
    answer = elsewhere.cancel("mine")
    assert answer == Rejected("OTHER_CLIENT", "only client 71, which placed the order, can cancel it")
    assert double.requests("cancelOrder") == []


def test_B12_a_cancel_that_stays_pending_is_pending(double, broker):
    broker.submit(intent("slow", limit_price="95"))
    double.script({"on": "cancelOrder", "pending": True})
    answer = broker.cancel("slow")
    assert isinstance(answer, Accepted)
    assert answer.order.state is OrderState.PENDING_CANCEL
    assert broker.order("slow").state is OrderState.PENDING_CANCEL


def test_a_cancel_that_is_swallowed_is_unknown_and_the_order_lives(double, broker):
    broker.submit(intent("deaf", limit_price="95"))
    double.script({"on": "cancelOrder", "swallow": True})
    assert isinstance(broker.cancel("deaf"), Unknown)
    assert broker.order("deaf").state is OrderState.ACKED


@pytest.mark.parametrize("code", [10147, 10148, 161])
def test_I34_a_cancel_that_comes_too_late_is_refused(double, broker, code):
    broker.submit(intent("late", limit_price="95"))
    double.script({"on": "cancelOrder", "error": [code, "cannot be cancelled, state: Filled"]})
    assert broker.cancel("late") == Rejected(str(code), "cannot be cancelled, state: Filled")


def test_I41_an_order_that_ended_with_the_day_cannot_be_canceled(double, broker):
    broker.submit(intent("day", limit_price="95"))
    double.end("day", "Cancelled", "Expired")
    answer = broker.cancel("day")
    assert isinstance(answer, Rejected)
    assert answer.code == "NOT_OPEN"


def test_B10_I34_a_fill_after_the_cancel_is_found(double, broker):
    broker.submit(intent("late", limit_price="95"))
    assert isinstance(broker.cancel("late"), Accepted)
    double.fill("late", "4", "95")
    found = broker.order("late")
    assert (found.state, found.filled, found.average_price) == (OrderState.CANCELED, 4, 95)
    assert [fill.quantity for fill in fills(broker)] == [4]


def test_an_order_survives_a_new_connection_and_can_still_be_canceled(double, broker):
    broker.submit(intent("gtc", limit_price="95", time_in_force=TimeInForce.GTC))
    double.cut()
    assert isinstance(broker.cancel("gtc"), Accepted)
    assert broker.order("gtc").state is OrderState.CANCELED


# --- executions ----------------------------------------------------------------------------------------------


def test_I35_B32_a_correction_replaces_and_is_not_counted_twice(double, broker, elsewhere):
    broker.submit(intent("fixed"))
    (before,) = fills(broker)
    double.correct(before.id, "8", "100.50")
    for each in (broker, elsewhere):
        (after,) = fills(each)
        assert (after.id, after.quantity, after.price) == (before.id, 8, Decimal("100.50"))
        found = each.order("fixed")
        assert (found.filled, found.average_price) == (8, Decimal("100.5"))


def test_I35_an_execution_that_was_taken_back_is_gone(double, broker):
    broker.submit(intent("bust"))
    (before,) = fills(broker)
    double.correct(before.id, "0", "100.01")
    assert fills(broker) == ()
    (bust,) = broker.busts(before.time)
    assert (bust.fill, bust.client_id) == (before.id, "bust")
    assert broker.busts(before.time + timedelta(seconds=1)) == ()


def test_I36_a_commission_that_does_not_come_holds_nothing_up(double, broker):
    double.set(commissions=False)
    broker.submit(intent("free"))
    begin = time.monotonic()
    assert [fill.fee for fill in fills(broker)] == [0]
    assert time.monotonic() - begin < 2


def test_I36_a_commission_that_comes_later_is_in_the_fill(double, broker):
    double.set(commissions=False)
    broker.submit(intent("fee"))
    double.set(commissions=True)
    assert [fill.fee for fill in fills(broker)] == [1]


def test_I37_commissions_are_there_however_often_fills_are_asked_for(broker):
    broker.submit(intent("fee"))
    assert [fills(broker)[0].fee for _ in range(3)] == [1, 1, 1]


def test_B11_fills_in_parts_are_one_sum(double, broker):
    double.script({"on": "placeOrder", "frozen": True})
    broker.submit(intent("parts", limit_price="100.01"))
    for quantity, price in (("3", "100.00"), ("3", "100.01"), ("4", "100.00")):
        double.fill("parts", quantity, price)
    found = broker.order("parts")
    assert (found.state, found.filled, found.average_price) == (OrderState.FILLED, 10, Decimal("100.003"))
    assert [fill.quantity for fill in fills(broker)] == [3, 3, 4]


# --- the account ---------------------------------------------------------------------------------------------


def test_B20_no_position_while_something_is_held_is_not_flat(double, broker):
    broker.submit(intent("held"))
    double.script({"on": "positions", "empty": True, "times": 0})
    with pytest.raises(BrokerUnavailable, match="do not agree with 1 of the portfolio"):
        broker.account()


def test_B20_an_empty_answer_once_is_asked_again(double, broker):
    broker.submit(intent("held"))
    double.script({"on": "positions", "empty": True})
    assert broker.account().quantity("AAPL") == 10


def test_values_that_one_list_lacks_come_from_the_other(double, broker):
    double.script({"on": "accountUpdates", "empty": True, "times": 0})
    assert broker.account().cash == 100_000
    assert double.requests("cancelAccountSummary") == ["cancelAccountSummary"]


def test_an_account_without_its_cash_is_an_error_and_not_zero(double, broker):
    double.script({"on": "accountUpdates", "empty": True, "times": 0})
    double.script({"on": "accountSummary", "empty": True, "times": 0})
    with pytest.raises(Exception, match="TotalCashValue is not among the account's values"):
        broker.account()


def test_an_account_in_another_currency_is_blocked(double, broker):
    double.set(currency="EUR")
    assert broker.account().blocked == "the account is kept in EUR, not in USD"


def test_I39_positions_go_by_our_symbols(double, connect):
    broker = connect()
    double.quote("BRK B", "400.00", "400.02")
    assert isinstance(broker.submit(intent("class", symbol="BRK.B")), Accepted)
    assert broker.account().quantity("BRK.B") == 10
    assert [order["symbol"] for order in double.orders()] == ["BRK B"]


# --- contracts -----------------------------------------------------------------------------------------------


def test_I52_an_ambiguous_symbol_is_refused_until_its_exchange_is_named(double, connect):
    double.listing(con_id=1, symbol="TWIN", primary="NYSE")
    double.listing(con_id=2, symbol="TWIN", primary="AMEX")
    double.quote("TWIN", "10.00", "10.01")
    broker = connect()
    assert broker.instruments(["TWIN", "AAPL"]).keys() == {"AAPL"}
    answer = broker.submit(intent("which", symbol="TWIN"))
    assert isinstance(answer, Rejected)
    assert "TWIN is ambiguous: 2 contracts, listed on AMEX, NYSE; name one in primary_exchange" in answer.message
    named = connect(client_id=5, primary_exchange={"TWIN": "AMEX"})
    assert named.instruments(["TWIN"])["TWIN"].venue == "AMEX"


def test_B13_a_contract_that_is_not_routed_is_not_tradable(double, broker):
    double.facts("IBM", smart=False)
    assert not broker.instruments(["IBM"])["IBM"].tradable


@pytest.mark.parametrize(
    ("hours", "is_open"),
    [
        ("20200102:0930-20200102:1600", False),
        ("20200102:CLOSED;20200103:CLOSED", False),
        ("20200102:0930-20990102:1600", True),
        ("20200101:0700-1830,1830-2330", False),
        ("", False),
    ],
)
def test_the_hours_of_the_reference_say_whether_it_is_open(double, broker, hours, is_open):
    double.facts("AAPL", hours=hours)
    assert broker.clock().is_open is is_open


def test_hours_that_cannot_be_read_are_an_error(double, broker):
    double.facts("AAPL", hours="whenever")
    with pytest.raises(Exception, match=r"trading hours .* cannot be read"):
        broker.clock()


def test_B34_the_clock_is_the_gateways(double, broker):
    before = broker.clock().now
    double.advance(1800)
    assert timedelta(minutes=29) < broker.clock().now - before < timedelta(minutes=31)


def test_capabilities_deny_what_the_venue_does_not_do(broker, connect):
    mine = broker.capabilities
    assert (mine.unique_client_ids, mine.fractions, mine.shorting) == (False, False, False)
    assert mine.order_types == frozenset(OrderType)
    assert connect(client_id=3, shorting=True).capabilities.shorting
