"""The keys of an account are in no output, whatever goes wrong."""

import http.client
import json
import logging
import traceback
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from blocks.alpaca_account import AlpacaAccount
from openbell.brokers.alpaca import Alpaca
from openbell.errors import BrokerUnavailable, OpenbellError
from openbell.ports import Unknown
from openbell.venues.alpaca.keys import Keys
from tests.contracts.alpaca_venue import CANARY_ID, CANARY_SECRET, opened
from tests.contracts.venue import intent
from tests.faultbroker.process import FaultBroker
from tests.faults.evidence import forms

FAULTS = [
    {},
    {"drop": "before"},
    {"drop": "after"},
    {"status": 401},
    {"status": 401, "body": f"bad keys {CANARY_ID}:{CANARY_SECRET}"},
    {"status": 403, "code": 40310000, "message": f"key {CANARY_ID} with {CANARY_SECRET} may not"},
    {"status": 500, "body": CANARY_SECRET},
    {"status": 302, "headers": {"Location": "http://127.0.0.1:9/"}},
    {"status": 200, "body": json.dumps({"key": CANARY_ID, "secret": CANARY_SECRET})},
    {"mangle": "half"},
    {"patch": {"status": CANARY_SECRET, "symbol": None}},
]


def clean(text: str) -> bool:
    raw = text.encode()
    return not any(form in raw for secret in (CANARY_ID, CANARY_SECRET) for form in forms(secret))


def told(broker) -> Iterator[str]:
    """Everything that somebody could print after each call."""
    calls = {
        "submit": lambda: broker.submit(intent("x1")),
        "cancel": lambda: broker.cancel("x1"),
        "account": broker.account,
        "clock": broker.clock,
        "open_orders": broker.open_orders,
        "order": lambda: broker.order("x1"),
        "instruments": lambda: broker.instruments(["AAPL"]),
    }
    for call in calls.values():
        try:
            yield repr(call())
        except OpenbellError as error:
            yield "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
            yield f"{error!s} {error!r} {error.args}"


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_X01_no_key_in_any_text_outcome_traceback_or_log(double, fault, caplog):
    broker = opened(double.url)
    double.script(fault | {"times": 0, "path": "/v2/*"})
    with caplog.at_level(logging.DEBUG):
        texts = list(told(broker))
    assert all(clean(text) for text in texts)
    assert caplog.records
    assert clean(caplog.text)


def test_X01_a_key_that_alpaca_repeats_is_masked_and_the_rest_is_told(double):
    broker = opened(double.url)
    double.script({"verb": "POST", "status": 403, "code": 1, "message": f"key {CANARY_ID} may not"})
    assert "key ********** may not" in broker.submit(intent("x1")).message


def walk(item: object, seen: set[int]) -> Iterator[str]:
    """Text of an object and of all that its attributes lead to; a SecretStr shows what it prints."""
    if id(item) in seen:
        return
    seen.add(id(item))
    yield f"{item!r} {item!s}"
    if isinstance(item, (SecretStr, str, bytes, type, int)) or (callable(item) and not hasattr(item, "__dict__")):
        return
    inner = list(getattr(item, "__dict__", {}).values())
    inner += [getattr(item, name) for name in getattr(type(item), "__slots__", ()) if hasattr(item, name)]
    inner += list(item.values()) if isinstance(item, dict) else list(item) if isinstance(item, (list, tuple)) else []
    for part in inner:
        if type(part).__module__.split(".")[0] in ("openbell", "blocks", "requests", "urllib3", "builtins", "pydantic"):
            yield from walk(part, seen)


def test_X02_no_key_in_repr_vars_or_json_of_anything_that_holds_them(double):
    keys = SecretStr(CANARY_ID), SecretStr(CANARY_SECRET)
    broker, block = opened(double.url), AlpacaAccount(key_id=CANARY_ID, secret=CANARY_SECRET)
    spec = Alpaca(url=double.url).with_keys(*keys)
    broker.account()
    texts = [text for item in (broker, block, spec, Keys(*keys)) for text in walk(item, set())]
    assert len(texts) > 30
    texts += [block.model_dump_json(), json.dumps(spec.model_dump()), json.dumps(vars(broker), default=repr)]
    assert all(clean(text) for text in texts)


def test_X03_nothing_is_sent_while_the_wire_log_would_print_the_keys(double, monkeypatch, capsys):
    broker = opened(double.url)
    before = double.requests()
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    with pytest.raises(BrokerUnavailable, match="wire log"):
        broker.account()
    assert isinstance(broker.submit(intent("x3")), Unknown)
    assert capsys.readouterr().out == ""
    monkeypatch.undo()
    assert double.requests() == before


def test_the_search_itself_finds_a_key_in_any_form():
    assert not clean(f"x {CANARY_SECRET} y")
    assert not clean(quote(CANARY_SECRET, safe=""))
    assert not all(clean(text) for text in walk({"inner": [{"key": CANARY_ID}]}, set()))


def test_X01_the_double_writes_no_headers_either(tmp_path):
    with FaultBroker(tmp_path / "ledger.jsonl") as double:
        opened(double.url).submit(intent("x1"))
    assert '"client_order_id": "x1"' in double.path.read_text()
    assert clean(double.path.read_text())
