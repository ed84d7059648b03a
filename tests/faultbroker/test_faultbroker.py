"""The fault broker itself: what it writes down is what happened, and it fails exactly as told."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.faultbroker.process import FaultBroker

ROOT = Path(__file__).parents[2]
ORDER = {"symbol": "AAPL", "qty": "10", "side": "buy", "type": "market", "time_in_force": "day"}


@pytest.fixture
def double(tmp_path):
    with FaultBroker(tmp_path / "ledger.jsonl") as double:
        yield double


def call(url: str, verb: str, path: str, body: dict | None = None):
    """(status, JSON) of a request; status 0 when the connection was closed."""
    data = json.dumps(body).encode() if body is not None else None
    headers = {"APCA-API-KEY-ID": "id", "APCA-API-SECRET-KEY": "secret"}
    request = urllib.request.Request(url + path, data, headers, method=verb)
    try:
        with urllib.request.urlopen(request, timeout=5) as reply:
            text = reply.read()
            return reply.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())
    except OSError:
        return 0, None


def place(double: FaultBroker, client_id: str, **changes):
    return call(double.url, "POST", "/v2/orders", ORDER | {"client_order_id": client_id} | changes)


@pytest.mark.parametrize(
    "command", [["-m", "tests.faultbroker"], ["tests/faultbroker"], ["tests/faultbroker/server.py"]]
)
def test_it_starts_by_hand_and_prints_its_address(tmp_path, command):
    run = [sys.executable, *command, "--ledger", str(tmp_path / "ledger.jsonl")]
    with subprocess.Popen(run, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        status, clock = call(url, "GET", "/v2/clock")
        process.kill()
    assert (status, clock["is_open"]) == (200, True)


def test_a_tied_broker_ends_with_its_starter(tmp_path):
    run = [sys.executable, "tests/faultbroker", "--tied", "--ledger", str(tmp_path / "ledger.jsonl")]
    with subprocess.Popen(run, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline()
        process.stdin.close()
        assert process.wait(5) == 0


def test_the_ledger_has_arrival_then_acceptance_then_fill_then_answer(double):
    before = time.time()
    assert place(double, "a1")[0] == 200
    lines = double.ledger()
    assert [line["kind"] for line in lines] == ["request", "accepted", "fill", "state", "answer"]
    assert [line["seq"] for line in lines] == [1, 2, 3, 4, 5]
    assert before <= lines[0]["time"] <= lines[-1]["time"] <= time.time()
    assert lines[0]["mono"] <= lines[-1]["mono"]
    assert lines[1]["request"] == 1
    assert (lines[0]["method"], lines[0]["path"], lines[0]["body"]["client_order_id"]) == ("POST", "/v2/orders", "a1")


def test_the_ledger_is_appended_to(double):
    place(double, "a1")
    text = double.path.read_text()
    double.reset()
    place(double, "a2")
    assert double.path.read_text().startswith(text)
    assert [line["client_order_id"] for line in double.ledger("accepted")] == ["a2"]


@pytest.mark.parametrize(("moment", "taken"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("how", ["drop", "status"])
def test_a_fault_strikes_before_or_after_the_deed(double, how, moment, taken):
    double.script({"verb": "POST"} | ({"drop": moment} if how == "drop" else {"status": 504, "when": moment}))
    assert place(double, "a1")[0] == (0 if how == "drop" else 504)
    assert len(double.orders()) == len(double.ledger("accepted")) == taken
    assert double.ledger("answer")[0]["status"] == (0 if how == "drop" else 504)


def test_a_fault_strikes_the_nth_match_as_often_as_told(double):
    double.script({"verb": "POST", "match": "hurt", "nth": 2, "times": 2, "status": 500})
    names = ["hurt1", "fine1", "hurt2", "fine2", "hurt3", "hurt4"]
    assert [place(double, name, qty="1")[0] for name in names] == [200, 200, 500, 200, 500, 200]


def test_a_misspelt_fault_is_refused(double):
    with pytest.raises(ValueError, match="unknown keys"):
        double.script({"verb": "POST", "dorp": "after"})


def test_a_delay_is_waited_for(double):
    double.script({"delay": 0.1, "delay_answer": 0.1})
    start = time.monotonic()
    place(double, "a1")
    assert time.monotonic() - start >= 0.2


def test_a_repeated_id_is_refused_as_alpaca_does(double):
    place(double, "a1")
    assert place(double, "a1") == (422, {"code": 40010001, "message": "client_order_id must be unique"})


def test_a_repeated_id_is_a_second_order_in_the_other_personality(tmp_path):
    with FaultBroker(tmp_path / "ledger.jsonl", unique_ids=False) as double:
        assert [place(double, "a1")[0] for _ in range(2)] == [200, 200]
        assert len(double.ledger("accepted")) == 2


def test_a_new_order_is_shown_late(double):
    double.set(lag=5)
    _, order = place(double, "a1")
    shown = ["/v2/orders:by_client_order_id?client_order_id=a1", f"/v2/orders/{order['id']}"]
    assert [call(double.url, "GET", path)[0] for path in shown] == [404, 404]
    assert call(double.url, "GET", "/v2/orders?status=all")[1] == []
    assert len(double.orders()) == 1
    double.advance(6)
    assert [call(double.url, "GET", path)[0] for path in shown] == [200, 200]


def test_orders_come_fifty_at_a_time_and_newest_first(double):
    for number in range(51):
        place(double, f"a{number}", qty="1")
    rows = call(double.url, "GET", "/v2/orders?status=all")[1]
    assert [row["client_order_id"] for row in rows] == [f"a{number}" for number in range(50, 0, -1)]
    assert len(call(double.url, "GET", "/v2/orders?status=all&limit=900")[1]) == 51


def test_a_plan_fills_in_parts(double):
    double.plan({"symbol": "AAPL", "fills": [{"after": 0, "qty": "3"}, {"after": 10, "qty": "7", "price": "101"}]})
    assert (place(double, "a1")[1]["filled_qty"], double.orders()[0]["status"]) == ("3", "partially_filled")
    double.advance(11)
    assert (double.orders()[0]["filled_qty"], double.orders()[0]["status"]) == ("10", "filled")
    assert [line["qty"] for line in double.ledger("fill")] == ["3", "7"]


def test_all_orders_are_canceled_with_one_status_each(double):
    for name in ("a1", "a2"):
        place(double, name, type="limit", limit_price="90")
    status, rows = call(double.url, "DELETE", "/v2/orders")
    assert (status, [row["status"] for row in rows]) == (207, [200, 200])
    assert {order["status"] for order in double.orders()} == {"canceled"}
