"""What openbell doctor says of a venue: whether it answers, with which account, clock and calendar."""

import socket
import time
from contextlib import closing
from urllib.parse import quote

import pytest

from tests.cli.doctor.looks import KEYS, LONGEST, alpaca_plan, ibkr_plan, look, states
from tests.contracts.alpaca_venue import CANARY_ID, CANARY_SECRET


def test_G05_alpaca_answers(empty, prefect, alpaca):
    empty.write(alpaca_plan(alpaca.url))
    lines = look(empty, prefect, **KEYS)
    assert states(lines, "credentials", "broker", "account", "clock", "calendar") == ["ok"] * 5
    assert {line.split()[0] for line in alpaca.requests()} == {"GET"}, "nothing is ever sent"


def test_G05_a_gateway_answers(empty, prefect, gateway):
    empty.write(ibkr_plan(gateway.port))
    lines = look(empty, prefect)
    assert states(lines, "credentials", "broker", "account", "clock", "calendar") == ["ok"] * 5, lines
    assert gateway.orders() == []


@pytest.mark.parametrize("seconds", [3, -3, 1800])
def test_B34_a_clock_that_is_off(empty, prefect, alpaca, seconds):
    empty.write(alpaca_plan(alpaca.url))
    alpaca.set(offset=seconds)
    line = look(empty, prefect, **KEYS)["clock"]
    assert (line["state"], "NTP" in line["advice"]) == ("failed", True)
    alpaca.set(offset=0)


def test_B35_X03_a_broker_that_is_closed_while_our_calendar_is_open(empty, prefect, alpaca):
    empty.write(alpaca_plan(alpaca.url))
    alpaca.set(is_open=False)
    assert states(look(empty, prefect, **KEYS), "clock", "calendar") == ["ok", "failed"]
    alpaca.set(is_open=True)


def test_B35_X03_a_broker_whose_coming_sessions_are_shorter_than_ours(empty, prefect, alpaca):
    empty.write(alpaca_plan(alpaca.url).replace("24/7", "XNYS"))
    alpaca.script({"verb": "GET", "path": "/v2/calendar", "times": 0, "status": 200, "body": "[]"})
    line = look(empty, prefect, **KEYS)["sessions"]
    assert (line["state"], "no session at the venue" in line["detail"]) == ("failed", True)
    alpaca.script()


def test_X03_a_broker_that_tells_no_calendar_holds_nothing_up(empty, prefect, alpaca):
    empty.write(alpaca_plan(alpaca.url).replace("24/7", "XNYS"))
    alpaca.script({"verb": "GET", "path": "/v2/calendar", "times": 0, "status": 404, "body": "<html>"})
    assert states(look(empty, prefect, **KEYS), "sessions") == ["warning"]
    alpaca.script()


@pytest.mark.parametrize(("missing", "problem"), [
    ({"OPENBELL_ALPACA_KEY_ID": ""}, "missing or empty"),
    ({"OPENBELL_ALPACA_SECRET_KEY": "changeme"}, "placeholder"),
    ({"OPENBELL_ALPACA_SECRET_KEY": f"{CANARY_SECRET}\n"}, "white space"),
    ({"OPENBELL_ALPACA_SECRET_KEY": "another/secret"}, "refuses the keys"),
])  # fmt: skip
def test_F04_keys_that_are_none(empty, prefect, alpaca, missing, problem):
    empty.write(alpaca_plan(alpaca.url))
    lines = look(empty, prefect, **KEYS | missing)
    assert states(lines, "credentials", "broker", "account") == ["failed", "warning", "warning"]
    assert problem in lines["credentials"]["detail"]


def test_F03_an_account_of_the_other_mode(empty, prefect, alpaca, gateway):
    empty.write(alpaca_plan(alpaca.url))
    alpaca.set(account_number="928374650")
    line = look(empty, prefect, **KEYS)["account"]
    assert (line["state"], "is a live one" in line["detail"]) == ("failed", True)
    empty.write(ibkr_plan(gateway.port))
    gateway.set(accounts=["U7654321"])
    assert states(look(empty, prefect), "account") == ["failed"]


def test_a_blocked_account(empty, prefect, alpaca):
    empty.write(alpaca_plan(alpaca.url))
    alpaca.set(trading_blocked=True)
    assert states(look(empty, prefect, **KEYS), "account") == ["failed"]
    alpaca.set(trading_blocked=False)


FAULTS = [
    {"status": 500},
    {"mangle": "html"},
    {"mangle": "half"},
    {"mangle": "empty"},
    {"drop": "before"},
    {"delay": 20},
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_broker_that_answers_with_nonsense_or_not_at_all(empty, prefect, alpaca, fault):
    empty.write(alpaca_plan(alpaca.url))
    alpaca.script({"path": "/v2/account", "times": 0} | fault)
    before = time.monotonic()
    lines = look(empty, prefect, **KEYS)
    assert time.monotonic() - before < LONGEST
    assert lines["broker"]["state"] == "failed"


@pytest.mark.parametrize("kind", ["refused", "silent", "half-open"])
def test_a_gateway_that_does_not_answer(empty, prefect, gateway, kind):
    port, listening = gateway.port, socket.socket()
    with closing(listening):
        listening.bind(("127.0.0.1", 0))
        if kind != "silent":
            port = listening.getsockname()[1]
        if kind == "half-open":
            listening.listen()
        gateway.state(silent=kind == "silent")
        empty.write(ibkr_plan(port))
        before = time.monotonic()
        lines = look(empty, prefect)
        assert time.monotonic() - before < LONGEST
    assert states(lines, "broker", "clock") == ["failed", "warning"], lines


def test_A10_a_live_plan_that_is_not_armed(empty, prefect, gateway):
    empty.write(ibkr_plan(gateway.port, "live"))
    gateway.set(accounts=["U7654321"])
    line = look(empty, prefect)["enabled"]
    assert (line["state"], "`openbell enable demo --live`" in line["detail"]) == ("warning", True)


def test_X01_no_line_repeats_a_secret_whoever_does(empty, prefect, alpaca):
    target = f"tgram://{CANARY_SECRET}/chat"
    empty.write(alpaca_plan(alpaca.url) + 'notify = { targets = [{ to = "env:OPENBELL_NOTIFY_OPS" }] }\n')
    said = {"status": 500, "body": f"{CANARY_ID} {CANARY_SECRET}", "path": "/v2/account", "times": 0}
    written = prefect.url.replace("http://", f"http://kim:{quote(CANARY_SECRET, safe='')}@")
    wrongly = prefect.url.replace("http://", f"http://kim:{CANARY_SECRET}@")
    env = {**KEYS, "OPENBELL_NOTIFY_OPS": target, "PREFECT_API_AUTH_STRING": f"kim:{CANARY_SECRET}"}
    for fault, manner in (({}, ""), (said, "401"), ({"mangle": "html", "times": 0}, "html")):
        alpaca.script()
        alpaca.script(*([fault] if fault else []))
        prefect.manner = manner
        for words, url in ((("doctor",), written), (("doctor", "--json"), written), (("doctor",), wrongly)):
            told = empty(*words, PREFECT_API_URL=url, **env)
            assert CANARY_SECRET not in told.output
            assert quote(CANARY_SECRET, safe="") not in told.output
            assert CANARY_ID not in told.output
    assert any(authorization.startswith("Basic ") for _, authorization in prefect.asked)
