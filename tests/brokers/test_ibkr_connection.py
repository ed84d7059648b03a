"""The way to TWS or IB Gateway: every defect of it ends in a stated time and in words that an operator understands."""

import socket
import threading
import time
from contextlib import closing
from datetime import timedelta

import pytest

from openbell.errors import BrokerUnavailable, InputError
from openbell.ports import Accepted, Rejected
from openbell.values.orders import OrderState, TimeInForce
from tests.contracts.broker_contract import intent
from tests.contracts.ibkr_venue import opened
from tests.twsdouble.process import TwsDouble

HOUR = timedelta(hours=1)


# --- no connection -------------------------------------------------------------------------------------------


def test_a_refused_connection_says_what_to_switch_on(connect):
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(BrokerUnavailable, match=r"127\.0\.0\.1:\d+ as client 71: the connection is refused: start TWS"):
        connect(port=port)


def test_a_machine_that_is_not_there_is_named(connect):
    with pytest.raises(BrokerUnavailable, match=r"gateway\.invalid.*the machine cannot be reached"):
        connect(host="gateway.invalid")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"on": "handshake", "swallow": True}, r"nobody answers within 0\.3 s: the gateway waits for a login"),
        ({"on": "startApi", "swallow": True}, r"greeted and then did not start the session within 0\.3 s"),
        ({"on": "handshake", "drop": "before"}, "closed the connection before the session began"),
        ({"on": "startApi", "drop": "before"}, "closed the connection before the session began"),
    ],
)
def test_I06_a_gateway_that_hangs_or_hangs_up_is_told_from_one_that_refuses(gateway, connect, fault, words):
    gateway.script(fault)
    with pytest.raises(BrokerUnavailable, match=words):
        connect(connect_timeout=0.3)


def test_something_else_on_the_port_is_no_gateway(connect):
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def answer() -> None:
            line, _ = listener.accept()
            with line:
                line.recv(100)
                line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                line.recv(100)

        server = threading.Thread(target=answer)
        server.start()
        with pytest.raises(BrokerUnavailable, match=r"nobody answers within|closed the connection"):
            connect(port=listener.getsockname()[1], connect_timeout=0.3)
        server.join()


def test_I05_a_client_id_in_use_is_said_at_once_and_by_its_number(connect):
    connect()
    begin = time.monotonic()
    with pytest.raises(BrokerUnavailable, match=r"client id 71 is in use by another connection \(326\)"):
        connect(connect_timeout=5)
    assert time.monotonic() - begin < 2


def test_I04_an_id_that_the_gateway_still_holds_is_waited_for(connect):
    first = connect()
    threading.Timer(0.4, first.close).start()
    assert connect(id_patience=5).account().cash == 100_000


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("currentTime", "its clock"),
        ("positions", "positions"),
        ("allOpenOrders", "open orders"),
        ("completedOrders", "completed orders"),
        ("accountUpdates", "account values"),
        ("executions", "executions"),
    ],
)
def test_I07_B26_a_start_that_is_not_complete_is_no_connection(gateway, connect, message, words):
    gateway.script({"on": message, "swallow": True})
    with pytest.raises(BrokerUnavailable, match=rf"{words} did not come within 0\.3 s"):
        connect(request_timeout=0.3)
    assert connect().account_id == "DU1234567"


def test_I13_a_read_only_api_says_which_box_to_clear(gateway, connect):
    gateway.state(read_only=True)
    with pytest.raises(BrokerUnavailable, match=r"read-only \(321\): clear 'Read-Only API'"):
        connect()


def test_I13_a_read_only_api_that_lists_orders_refuses_them(gateway, connect):
    broker = connect()
    gateway.state(read_only="orders")
    answer = broker.submit(intent("ro"))
    assert isinstance(answer, Rejected)
    assert (answer.code, "Read-Only" in answer.message) == ("321", True)


# --- whose account -------------------------------------------------------------------------------------------


def test_I16_F03_a_live_login_behind_a_paper_plan_is_refused(gateway, connect):
    gateway.set(accounts=["U7654321"])
    with pytest.raises(InputError, match=r"mode paper was asked for, but account \.\.\.4321 is a live one"):
        connect()
    assert gateway.requests("placeOrder") == []


def test_I16_F03_a_paper_login_behind_a_live_plan_is_refused(gateway, connect):
    with pytest.raises(InputError, match=r"mode live was asked for, but account \.\.\.4567 is a paper one"):
        connect(mode="live")


def test_I17_one_of_several_accounts_must_be_named_and_orders_name_it(gateway, connect):
    gateway.set(accounts=["DU1234567", "DU1112223"])
    with pytest.raises(InputError, match=r"has 2 accounts \(\.\.\.4567, \.\.\.2223\); name one in account"):
        connect()
    broker = connect(account="DU1112223")
    broker.submit(intent("named", limit_price="95"))
    assert (broker.account_id, gateway.orders()[0]["account"]) == ("DU1112223", "DU1112223")


def test_an_account_of_another_login_is_refused(connect):
    with pytest.raises(InputError, match=r"account \.\.\.9999 is not of this login"):
        connect(account="DU9999999")


def test_a_login_that_changes_later_is_never_used(gateway, connect):
    broker = connect()
    gateway.set(accounts=["DU7777777"])
    gateway.cut()
    with pytest.raises(BrokerUnavailable, match=r"the login is now of account \.\.\.7777, it was \.\.\.4567"):
        broker.account()
    assert isinstance(broker.submit(intent("elsewhere")), Rejected)
    assert gateway.requests("placeOrder") == []


# --- a connection that is lost -------------------------------------------------------------------------------


def test_a_cut_connection_is_made_anew_with_the_whole_start(gateway, connect):
    broker = connect()
    gateway.cut()
    assert broker.account().cash == 100_000
    assert gateway.requests("startApi") == ["startApi"] * 2
    assert gateway.requests("completedOrders") == ["completedOrders"] * 2


def test_I12_what_was_read_before_is_not_given_out_while_the_gateway_is_away(gateway, connect):
    broker = connect()
    broker.submit(intent("held"))
    gateway.state(refusing=True)
    gateway.cut()
    for question in (broker.account, broker.open_orders, broker.clock, lambda: broker.order("held")):
        with pytest.raises(BrokerUnavailable):
            question()


def test_I08_a_line_that_died_quietly_is_found_by_its_heartbeat(gateway, connect):
    broker = connect(heartbeat=0.05, request_timeout=0.3)
    gateway.mute_lines()
    time.sleep(0.06)
    assert broker.account().cash == 100_000
    assert isinstance(broker.submit(intent("alive")), Accepted)


def test_I08_a_gateway_that_answers_nobody_ends_in_an_error_and_nothing_is_sent(gateway, connect):
    broker = connect(request_timeout=0.2, connect_timeout=0.2)
    gateway.state(silent=True)
    with pytest.raises(BrokerUnavailable, match="did not come within"):
        broker.account()
    answer = broker.submit(intent("mute"))
    assert isinstance(answer, Rejected)
    assert answer.code == "NOT_SENT"
    assert gateway.requests("placeOrder") == []


def test_a_late_answer_is_never_taken_for_that_of_the_next_question(gateway, connect):
    broker = connect(request_timeout=0.3)
    broker.submit(intent("held"))
    gateway.script({"on": "positions", "delay": 0.5, "empty": True})
    with pytest.raises(BrokerUnavailable, match="positions did not come"):
        broker.account()
    assert broker.account().quantity("AAPL") == 10


def test_I11_a_drop_of_one_connection_leaves_others_of_the_process_alone(gateway, connect, tmp_path):
    broker = connect()
    with TwsDouble(tmp_path / "other.jsonl") as other:
        there = opened(other)
        other.script({"on": "positions", "delay": 0.3})
        found = []
        asking = threading.Thread(target=lambda: found.append(there.account().cash))
        asking.start()
        time.sleep(0.1)
        gateway.cut()
        asking.join()
        there.close()
    assert found == [100_000]
    assert broker.account().cash == 100_000


# --- the nightly reset ---------------------------------------------------------------------------------------


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


# --- ids of orders -------------------------------------------------------------------------------------------


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


# --- messages that cannot be read ----------------------------------------------------------------------------


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
