"""What becomes of an order when the way to Alpaca or the answer fails: one POST, and only clear words count."""

import time

import pytest
from pydantic import SecretStr

from openbell.brokers.alpaca.broker import AlpacaBroker
from openbell.brokers.alpaca.questions import Trading
from openbell.ports import Accepted, Rejected, Unknown
from openbell.values.orders import OrderState, Side
from openbell.venues.alpaca.keys import Keys
from openbell.venues.alpaca.transport import TIMEOUTS
from tests.contracts.alpaca_venue import opened
from tests.contracts.venue import intent
from tests.faultbroker.process import FaultBroker

ORDER = {"verb": "POST", "path": "/v2/orders"}


@pytest.fixture
def broker(double: FaultBroker) -> AlpacaBroker:
    return opened(double.url)


def posts(double: FaultBroker) -> int:
    return double.requests("POST").count("POST /v2/orders")


def hasty(double: FaultBroker) -> AlpacaBroker:
    """A broker whose patience is a fraction of the real one."""
    return AlpacaBroker(Trading(double.url, Keys(SecretStr("k"), SecretStr("s")), (0.5, 0.2)), "paper")


# --- no clear answer -----------------------------------------------------------------------------------------


def test_M3_every_call_waits_two_seconds_to_connect_and_five_to_be_answered():
    assert TIMEOUTS == (2, 5)


def test_B01_G03_M3_a_timeout_after_acceptance_is_unknown_and_found_by_look_up(double):
    broker = hasty(double)
    double.script(ORDER | {"delay_answer": 1})
    start = time.monotonic()
    answer = broker.submit(intent("b01"))
    assert isinstance(answer, Unknown)
    assert "Timeout" in answer.reason
    assert time.monotonic() - start < 0.9
    assert broker.order("b01").state is OrderState.FILLED
    assert (posts(double), len(double.orders())) == (1, 1)


def test_B02_a_timeout_before_acceptance_is_unknown_and_not_found(double):
    broker = hasty(double)
    double.script(ORDER | {"delay": 0.4, "drop": "before"})
    assert isinstance(broker.submit(intent("b02")), Unknown)
    assert broker.order("b02") is None
    assert (posts(double), double.orders()) == (1, [])


def test_M3_an_answer_that_comes_drop_by_drop_is_given_up(double):
    broker = hasty(double)
    double.script(ORDER | {"mangle": "drip"})
    start = time.monotonic()
    assert isinstance(broker.submit(intent("m3")), Unknown)
    assert time.monotonic() - start < 1
    assert len(double.orders()) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"headers": {"Content-Length": "5, 7"}},
        {"headers": {"Content-Encoding": "gzip"}},
        {"headers": {"Transfer-Encoding": "chunked"}},
        {"headers": {"X-Long": "x" * 70_000}},
        {"body": "[" * 100_000},
        {"body": "\x00\ufffd"},
    ],
    ids=str,
)
def test_B03_an_answer_that_breaks_the_rules_of_http_or_json_is_unknown(broker, double, answer):
    double.script(ORDER | {"status": 200, "when": "after"} | answer)
    assert isinstance(broker.submit(intent("b03")), Unknown)
    assert (posts(double), len(double.orders())) == (1, 1)
    assert broker.order("b03").state is OrderState.FILLED


@pytest.mark.parametrize("moment", ["before", "after"])
def test_B03_a_closed_connection_is_unknown(broker, double, moment):
    double.script(ORDER | {"drop": moment})
    assert isinstance(broker.submit(intent("b03")), Unknown)
    assert (broker.order("b03") is not None) == (moment == "after")
    assert posts(double) == 1


@pytest.mark.parametrize("how", ["html", "half", "empty", "text"])
def test_B03_an_answer_that_cannot_be_read_is_unknown(broker, double, how):
    double.script(ORDER | {"mangle": how})
    assert isinstance(broker.submit(intent("b03")), Unknown)
    assert broker.order("b03").state is OrderState.FILLED
    assert posts(double) == 1


@pytest.mark.parametrize(
    "change", [{"patch": {"client_order_id": "other"}}, {"remove": ["qty", "symbol"]}, {"patch": {"filled_qty": "NaN"}}]
)
def test_B03_an_order_that_cannot_be_read_or_is_not_ours_is_unknown(broker, double, change):
    double.script(ORDER | change)
    assert isinstance(broker.submit(intent("b03")), Unknown)
    assert posts(double) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504, 302, 408, 599])
@pytest.mark.parametrize("when", ["before", "after"])
def test_B06_M1_a_server_error_is_unknown_and_never_sent_again(broker, double, status, when):
    double.script(ORDER | {"status": status, "when": when, "times": 0})
    assert isinstance(broker.submit(intent("b06")), Unknown)
    assert posts(double) == 1
    assert len(double.orders()) == (when == "after")
    assert (broker.order("b06") is not None) == (when == "after")


def test_B06_a_broker_that_is_gone_is_unknown(tmp_path):
    with FaultBroker(tmp_path / "ledger.jsonl") as double:
        broker = opened(double.url)
    assert isinstance(broker.submit(intent("gone")), Unknown)
    assert isinstance(broker.cancel("gone"), Unknown)


# --- refusals ------------------------------------------------------------------------------------------------


def test_B04_a_limiter_that_says_so_did_not_take_the_order(broker, double):
    double.script(ORDER | {"status": 429, "headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1795000000"}})
    answer = broker.submit(intent("b04"))
    assert isinstance(answer, Rejected)
    assert answer.code == "RATE_LIMIT"
    assert "1795000000" in answer.message
    assert (posts(double), double.orders()) == (1, [])


def test_B04_a_bare_429_proves_nothing(broker, double):
    double.script(ORDER | {"status": 429, "when": "after", "body": "<html>slow down</html>"})
    assert isinstance(broker.submit(intent("b04")), Unknown)
    assert len(double.orders()) == 1


def test_B05_M2_a_repeated_id_with_the_same_content_is_our_own_order(broker, double):
    double.script(ORDER | {"status": 504, "when": "after"})
    assert isinstance(broker.submit(intent("b05")), Unknown)
    answer = broker.submit(intent("b05"))
    assert isinstance(answer, Accepted)
    assert answer.order.state is OrderState.FILLED
    assert answer.order.reason.startswith("recovered")
    assert len(double.orders()) == 1


@pytest.mark.parametrize("other", [{"quantity": "11"}, {"side": Side.SELL}, {"symbol": "MSFT"}])
def test_B05_a_repeated_id_with_other_content_is_a_collision(broker, other):
    broker.submit(intent("b05", limit_price="95"))
    answer = broker.submit(intent("b05", limit_price="95", **other))
    assert isinstance(answer, Unknown)
    assert answer.reason.startswith("ID_COLLISION: the broker has buy 10 AAPL under b05, not ")


def test_B05_a_repeated_id_of_an_order_that_is_not_shown_yet_is_unknown(broker, double):
    double.script(ORDER | {"drop": "after", "hide": 60})
    assert isinstance(broker.submit(intent("b05")), Unknown)
    assert broker.order("b05") is None
    assert isinstance(broker.submit(intent("b05")), Unknown)
    double.advance(61)
    assert broker.order("b05").state is OrderState.FILLED


def test_B05_a_repeated_id_whose_look_up_fails_is_unknown(broker, double):
    broker.submit(intent("b05"))
    double.script({"verb": "GET", "status": 503, "times": 0})
    assert isinstance(broker.submit(intent("b05")), Unknown)


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (403, 40310000, "insufficient buying power"),
        (403, 40310000, "potential wash trade detected. use complex orders"),
        (403, 40310000, "new orders are rejected by user request"),
        (422, 42210000, 'asset "ZZZZ" not found'),
        (422, 40010001, "qty is required"),
    ],
)
def test_B07_G11_a_refusal_in_alpacas_own_words_is_rejected_with_its_code(broker, double, status, code, message):
    double.script(ORDER | {"status": status, "code": code, "message": message})
    answer = broker.submit(intent("b07"))
    assert isinstance(answer, Rejected)
    assert answer.code == str(code)
    assert message.split('"')[0] in answer.message
    assert posts(double) == 1


@pytest.mark.parametrize("status", [403, 404, 422])
def test_B07_a_refusal_of_somebody_else_on_the_way_is_unknown(broker, double, status):
    double.script(ORDER | {"status": status, "when": "after", "body": "<html>blocked</html>"})
    assert isinstance(broker.submit(intent("b07")), Unknown)
    assert len(double.orders()) == 1


def test_B24_refused_keys_reject_the_order(broker, double):
    double.script(ORDER | {"status": 401})
    answer = broker.submit(intent("b24"))
    assert isinstance(answer, Rejected)
    assert answer.code == "UNAUTHORIZED"
    assert double.orders() == []


def test_X15_a_refusal_is_told_on_one_short_line(broker, double):
    double.script(ORDER | {"status": 403, "code": 40310000, "message": "no\n2026 FAKE \x1b[31mline " + "x" * 900})
    message = broker.submit(intent("x15")).message
    assert message.isprintable()
    assert len(message) < 400


def test_B08_G04_an_order_that_is_rejected_later_is_seen_by_the_next_look(broker, double):
    double.plan({"client_order_id": "b08", "fills": "never", "reject_after": 5, "reject_reason": "halted"})
    assert broker.submit(intent("b08")).order.state is OrderState.ACKED
    double.advance(6)
    order = broker.order("b08")
    assert (order.state, order.reason) == (OrderState.REJECTED, "halted")


# --- what is sent --------------------------------------------------------------------------------------------


def test_M4_amounts_travel_as_decimal_text_and_the_id_is_ours(broker, double):
    broker.submit(intent("m4", quantity="0.300000001", limit_price="95.10"))
    sent = next(line["body"] for line in double.ledger("request") if line["method"] == "POST")
    assert sent == {
        "client_order_id": "m4", "symbol": "AAPL", "qty": "0.300000001", "side": "buy", "type": "limit",
        "time_in_force": "day", "limit_price": "95.1",
    }  # fmt: skip


def test_I01_ids_that_are_not_unique_make_a_second_order_and_are_declared(tmp_path):
    with FaultBroker(tmp_path / "ledger.jsonl", unique_ids=False) as double:
        broker = opened(double.url, unique_ids=False)
        assert not broker.capabilities.unique_client_ids
        assert isinstance(broker.submit(intent("twice")), Accepted)
        assert isinstance(broker.submit(intent("twice")), Accepted)
        assert len(double.orders()) == 2
