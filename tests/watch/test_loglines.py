"""Log lines: what they carry, one line each, and never a secret."""

import io
import json
import logging

import pytest

from openbell import loglines
from openbell.settings import Settings, load_settings
from tests.faults.evidence import forms

CANARIES = {
    "OPENBELL_ALPACA_KEY_ID": "PKcanary0Zq7xW4mT",
    "OPENBELL_ALPACA_SECRET_KEY": "canary-alpaca-Zq7xW4mT/+9",
    "OPENBELL_WATCH_TOKEN": "canary-watch-Zq7xW4mT",
    "OPENBELL_NOTIFY_OPS": "https://user:canary-pass-1@hooks.example/canary-path-1?token=canary-query-1",
    "OPENBELL_NOTIFY_CHAT": "tgram://canary-bot-token-1/123456",
    "OPENBELL_DATABASE_URL": "postgresql://bell:canary-db-pass@db.example/openbell",
    "PREFECT_API_AUTH_STRING": "admin:canary-prefect-pass",
}
PIECES = (
    *("PKcanary0Zq7xW4mT", "canary-alpaca-Zq7xW4mT/+9", "canary-watch-Zq7xW4mT", "canary-pass-1", "canary-path-1"),
    *("canary-query-1", "canary-bot-token-1", "canary-db-pass", "canary-prefect-pass"),
)


@pytest.fixture
def settings(monkeypatch, tmp_path) -> Settings:
    for name, value in CANARIES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OPENBELL_HOME", str(tmp_path))
    monkeypatch.setenv("OPENBELL_LOG_LEVEL", "DEBUG")
    return load_settings()


@pytest.fixture
def said(settings):
    """Everything that a logger of openbell wrote, in the format asked for."""
    streams = []

    def begin(form):
        streams.append(io.StringIO())
        loglines.set_up(settings.model_copy(update={"log_format": form}), streams[-1])
        return streams[-1]

    logger = logging.getLogger("openbell")
    before = logger.level, logger.propagate, logger.handlers[:]
    yield begin
    logger.level, logger.propagate, logger.handlers[:] = before


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("secret", PIECES)
def test_X01_no_secret_in_a_line_in_whatever_form_it_comes(said, form, secret):
    stream, log = said(form), logging.getLogger("openbell.any")
    for shape in forms(secret):
        log.error("sent %s", shape.decode())
        error = ValueError(shape.decode())
        log.error("it failed with %s", {"key": shape.decode()}, extra={"order": shape.decode()}, exc_info=error)
    raw = stream.getvalue().encode()
    assert b"it failed with" in raw
    assert not [shape for shape in forms(secret) if shape in raw]


def test_the_search_itself_finds_a_secret(said, settings):
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger("other").addHandler(handler)
    logging.getLogger("other").error("%s", PIECES[0])
    logging.getLogger("other").removeHandler(handler)
    assert PIECES[0] in stream.getvalue()


def test_N06_a_json_line_says_which_run_plan_slot_and_order(said):
    stream = said("json")
    loglines.bind(run="run-1", plan="demo", slot="demo/trade/2026-07-06T13:35:00Z", job="trade")
    logging.getLogger("openbell.runs").info("order is filled", extra={"order": "ob-1"})
    line = json.loads(stream.getvalue())
    assert {name: line[name] for name in loglines.ABOUT} == {
        "plan": "demo",
        "job": "trade",
        "slot": "demo/trade/2026-07-06T13:35:00Z",
        "run": "run-1",
        "order": "ob-1",
    }
    assert (line["level"], line["logger"], line["message"]) == ("info", "openbell.runs", "order is filled")


@pytest.mark.parametrize("form", ["text", "json"])
def test_X15_a_reject_text_with_a_new_line_and_colours_stays_one_line(said, form):
    stream = said(form)
    hostile = 'no\n2026-07-06T00:00:00Z ERROR openbell: halted\r\x1b[31m{"level":"error"}\u2028x'
    logging.getLogger("openbell.runs").warning("%s", hostile)
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert len(text.splitlines()) == 1 or form == "json"
    assert "\x1b" not in text
    assert "\r" not in text


def test_doing_it_again_writes_each_line_once(said):
    said("json")
    stream = said("json")
    logging.getLogger("openbell.x").info("once")
    assert stream.getvalue().count("\n") == 1


def test_a_field_that_is_none_of_ours_is_refused():
    with pytest.raises(TypeError, match="password"):
        loglines.bind(password="x")


def test_a_run_by_hand_logs_json_lines_where_that_is_asked_for(home):
    quiet = home("run", "orders", "demo")
    assert quiet.stderr == ""
    told = home("run", "orders", "demo", OPENBELL_LOG_FORMAT="json")
    lines = [json.loads(line) for line in told.stderr.splitlines()]
    assert [(line["plan"], line["job"]) for line in lines] == [("demo", "orders")]
