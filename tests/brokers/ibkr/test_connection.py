"""The way to TWS or IB Gateway: every defect of it ends in a stated time and in words that an operator understands."""

import socket
import threading
import time
from contextlib import closing

import pytest

from openbell.errors import BrokerUnavailable, InputError
from openbell.ports import Accepted, Rejected
from tests.contracts.ibkr_venue import opened
from tests.contracts.venue import intent
from tests.twsdouble.process import TwsDouble

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


# --- ids of orders -------------------------------------------------------------------------------------------


# --- messages that cannot be read ----------------------------------------------------------------------------
