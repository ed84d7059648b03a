"""Switching off and on, and arming a live account, as a person at a terminal does it."""

import sqlite3
import time
from datetime import UTC, datetime

import pytest

from openbell import store
from openbell.calendar.exchange import exchange
from openbell.desk import open_desk
from openbell.jobs import trading
from openbell.stages.permits import end_of_day
from openbell.values.record import Outcome
from tests.cli.enable.live import LIVE, PAPER, ibkr, trade, words
from tests.twsdouble.process import TwsDouble

# --- switching off and on ------------------------------------------------------------------------------------


def test_A07_a_plan_that_is_switched_off_skips_until_it_is_switched_on(empty, monkeypatch):
    monkeypatch.setenv("OPENBELL_HOME", str(empty.home))
    monkeypatch.setenv("OPENBELL_PLANS", str(empty.plans))
    before = (empty.plans / "demo.toml").read_bytes()
    assert empty("disable", "demo", "--reason", "earnings", "--actor", "kim").exit_code == 0
    record = trade()
    assert (record.outcome, record.code) == (Outcome.SKIPPED, "DISABLED")
    assert "switched off by kim: earnings" in record.message
    assert empty.json("status")["plans"][0]["state"] == "disabled"
    assert empty("enable", "demo", "--reason", "over", "--actor", "kim").exit_code == 0
    assert trade("run-2").code != "DISABLED"
    assert empty.json("status")["plans"][0]["state"] == "ready"
    assert (empty.plans / "demo.toml").read_bytes() == before
    assert [row[:4] for row in words(empty)] == [("off", "", "kim", "earnings"), ("on", "", "kim", "over")]


def test_A07_one_job_is_switched_off_and_the_others_go_on(empty):
    assert empty("disable", "demo", "--job", "alerts", "--reason", "too noisy", "--actor", "kim").exit_code == 0
    lines = {line["job"]: line for line in empty.json("jobs", "demo")}
    assert (lines["alerts"]["state"], lines["alerts"]["next"]) == ("disabled", None)
    assert "switched off by kim: too noisy" in lines["alerts"]["why"]
    assert lines["trade"]["state"] == "enabled"
    assert "alerts is still off by kim" in empty("enable", "demo").stdout
    empty("enable", "demo", "--job", "alerts")
    assert {line["state"] for line in empty.json("jobs", "demo")} == {"enabled"}


@pytest.mark.parametrize("actor", ["openbell", "auto:watchdog", " "])
def test_H03_an_automation_may_switch_off_and_never_on(empty, actor):
    assert empty("disable", "demo", "--actor", "auto:watchdog").exit_code == 0
    result = empty("enable", "demo", "--actor", actor)
    assert (result.exit_code, "only a person on" in result.stderr) == (1, True)
    assert empty.json("status")["plans"][0]["state"] == "disabled"


@pytest.mark.parametrize("command", ["enable", "disable"])
def test_an_unknown_plan_or_job_is_refused_and_nothing_is_written(empty, command):
    assert "did you mean 'demo'" in empty(command, "dmeo").stderr
    assert empty(command, "demo", "--job", "trad").exit_code == 2
    assert words(empty) == []


def test_a_plan_that_cannot_be_read_can_still_be_switched_off(empty):
    empty.write("name = ")
    assert empty("disable", "demo").exit_code == 0
    assert len(words(empty)) == 1


# --- arming --------------------------------------------------------------------------------------------------


def test_A10_I17_a_live_plan_does_nothing_until_it_is_armed_with_the_accounts_number(live, gateway):
    record = trade()
    assert (record.outcome, record.code) == (Outcome.SKIPPED, "NOT_ARMED")
    assert "`openbell enable demo --live`" in record.message
    assert gateway.requests() == [], "nobody asked the gateway anything"
    assert live.json("status")["plans"][0]["state"] == "not armed"
    result = live("enable", "demo", "--live", "--confirm", "4321", "--actor", "kim", "--reason", "first day")
    assert result.exit_code == 0, result.output
    assert words(live) == [("armed", "", "kim", "first day", LIVE, "live")]
    assert live.json("status")["plans"][0]["state"].startswith("armed until")
    assert trade("run-2").code not in ("NOT_ARMED", "ENVIRONMENT")


def test_A10_what_was_not_armed_is_told_once_and_forgotten_when_it_is(live):
    trade()
    trade("run-2")
    history = store.open_history(live.url)
    assert [alert.kind for alert in history.alerts()] == ["NOT_ARMED"]
    live("enable", "demo", "--live", "--confirm", "4321")
    assert history.alerts() == ()


@pytest.mark.parametrize("typed", ["", "1234", "321", "U7654321", "4321 "])
def test_H09_another_number_than_the_accounts_arms_nothing(live, typed):
    given = ("--confirm", typed) if typed else ()
    result = live("enable", "demo", "--live", *given)
    assert (result.exit_code, "nothing was done" in result.stderr) == (1, True)
    assert words(live) == []
    assert LIVE not in result.output, "the number is not given away to whoever must know it"


def test_I17_the_arming_ends_with_the_day_of_the_exchange(live):
    live("enable", "demo", "--live", "--confirm", "4321")
    now = datetime.now(UTC)
    midnight = end_of_day(now, exchange("24/7").zone)
    (arming,) = [live.json("enable", "demo", "--live", "--confirm", "4321")["armed"]["arming"]]
    assert datetime.fromisoformat(arming["expires"]) == midnight
    desk = open_desk("demo")
    desk.clock = lambda: midnight
    assert trading.trade(desk, "run-1").code == "NOT_ARMED"


def test_a_live_plan_that_was_switched_off_must_be_armed_anew(live):
    live("enable", "demo", "--live", "--confirm", "4321")
    live("disable", "demo")
    live("enable", "demo")
    assert trade().code == "NOT_ARMED"
    live("disable", "demo")
    live("enable", "demo", "--live", "--confirm", "4321")
    assert trade("run-2").code not in ("NOT_ARMED", "DISABLED")


def test_F03_another_account_behind_the_port_than_the_one_that_was_armed(live, gateway):
    live("enable", "demo", "--live", "--confirm", "4321")
    gateway.reset()
    gateway.set(accounts=["U9999999"])
    record = trade()
    assert (record.code, "was armed for account ...4321" in record.message) == ("ENVIRONMENT", True)


#: What the plan says, what its account says, and the login: only where all three agree is there anything to arm.
STATEMENTS = [(p, a, n) for p in ("paper", "live") for a in ("paper", "live") for n in (PAPER, LIVE)]


@pytest.mark.parametrize(("plan", "account", "number"), STATEMENTS)
def test_F03_plan_terms_and_login_must_agree_before_anything_is_armed_or_sent(live, gateway, plan, account, number):
    gateway.set(accounts=[number])
    live.write(ibkr(gateway.port, account, plan))
    agree = plan == account == ("live" if number == LIVE else "paper")
    armed = live("enable", "demo", "--live", "--confirm", number[-4:])
    assert (armed.exit_code == 0) is (agree and plan == "live"), armed.output
    record = trade()
    allowed = record.code not in ("NOT_ARMED", "ENVIRONMENT")
    assert allowed is agree
    if plan == "paper" and not agree:
        assert record.code == "ENVIRONMENT"
    assert agree or gateway.orders() == []


@pytest.mark.parametrize("key", ["PKREAL7Q2", "AKREAL7Q2"])
def test_F03_keys_of_the_other_mode_end_as_a_stored_skip(empty, monkeypatch, key):
    mode = {"PK": "live", "AK": "paper"}[key[:2]]
    empty.write(f"""\
name = "demo"
mode = "{mode}"
universe = ["AAPL"]
window = {{ exchange = "24/7" }}
strategies = [{{ use = "buy_and_hold" }}]
account = {{ broker = "alpaca", name = "desk", params = {{ mode = "{mode}" }} }}
""")
    for name, value in {"HOME": str(empty.home), "PLANS": str(empty.plans), "ALPACA_KEY_ID": key}.items():
        monkeypatch.setenv(f"OPENBELL_{name}", value)
    monkeypatch.setenv("OPENBELL_ALPACA_SECRET_KEY", "real/secret")
    result = empty("enable", "demo", "--live", "--confirm", "0000")
    assert (result.exit_code, words(empty)) == (1, [])
    assert trade().code == ("NOT_ARMED" if mode == "live" else "ENVIRONMENT")
    assert key not in result.output


def test_F03_validate_finds_a_plan_and_an_account_that_disagree(empty, gateway):
    path = empty.write(ibkr(gateway.port, mode="paper", plan="live"))
    result = empty("validate", "demo")
    assert (result.exit_code, f"{path}:2: mode: the plan says live" in result.stderr) == (1, True), result.stderr


def test_X18_a_store_that_others_can_read_is_not_armed(live):
    (live.home / "openbell.db").chmod(0o644)
    result = live("enable", "demo", "--live", "--confirm", "4321")
    assert (result.exit_code, "is open to others (mode 0644)" in result.stderr) == (1, True)
    assert words(live) == []


def test_a_gateway_that_is_not_there_arms_nothing_and_says_so_within_a_bound(live, gateway):
    with TwsDouble(live.home / "gone.jsonl") as gone:
        port = gone.port
    live.write(ibkr(port))
    before = time.monotonic()
    result = live("enable", "demo", "--live", "--confirm", "4321")
    assert (result.exit_code, "connection is refused" in result.stderr) == (1, True)
    assert time.monotonic() - before < 10
    assert words(live) == []


def test_live_and_one_job_do_not_go_together(live):
    assert live("enable", "demo", "--live", "--job", "trade").exit_code == 2


def test_a_paper_plan_needs_no_arming(empty):
    result = empty("enable", "demo", "--live", "--confirm", "0000")
    assert (result.exit_code, "needs no arming" in result.stderr) == (1, True)


def test_X14_an_arming_that_was_edited_is_found(live):
    live("enable", "demo", "--live", "--confirm", "4321")
    assert live("verify").exit_code == 0
    with sqlite3.connect(live.home / "openbell.db") as file:
        file.execute("DROP TRIGGER permits_no_update")
        file.execute("UPDATE permits SET expires = expires + 86400000000")
    file.close()
    result = live("verify")
    assert (result.exit_code, "permits 1" in result.stdout) == (1, True)
