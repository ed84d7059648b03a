"""openbell health: what it finds, and the exit code that it ends with."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from openbell import store
from openbell.ports import Level, OrderEvent
from openbell.values.orders import OrderState
from tests.store.samples import HOUR, PASS, event_of, intent_of, slot_at, verdict_of


def signs(result):
    return {(sign["name"], sign["plan"]): sign for sign in json.loads(result.stdout)["signs"]}


def found(home, name, plan=""):
    result = home("health", "--json")
    return result.exit_code, signs(result)[name, plan]


def test_a_new_installation_is_healthy(home):
    result = home("health")
    assert (result.exit_code, "healthy: " in result.stdout) == (0, True)


def test_without_a_store_nothing_is_healthy_and_none_is_made(home):
    store.close(home.url)
    (home.folder / "openbell.db").unlink()
    code, sign = found(home, "store")
    assert (code, sign["condition"], "openbell migrate" in sign["detail"]) == (1, "failed", True)
    assert not (home.folder / "openbell.db").exists()


def test_N05_slots_that_nobody_started_are_told_though_prefect_is_down(home):
    home.beat(timedelta(minutes=10))
    code, sign = found(home, "orders", "demo")
    assert (code, sign["condition"]) == (1, "failed")
    assert "nobody started" in sign["detail"]


def test_a_heartbeat_that_never_was_makes_nothing_missing(home):
    assert home("health").exit_code == 0


def test_an_open_breaker_is_a_failed_sign_with_its_reason(home):
    home.journal.latch("demo", "trade", "loss", "daily loss 3.1 % is above 3 %")
    code, sign = found(home, "trade", "demo")
    assert (code, sign["condition"]) == (1, "failed")
    assert "daily loss 3.1 %" in sign["detail"]


def test_a_halt_is_a_warning_somebody_meant_it(home):
    home.journal.set_switch(Level.HALTED, "ann", "maintenance")
    code, sign = found(home, "switch")
    assert (code, sign["condition"], sign["detail"]) == (0, "warning", "halted by ann: maintenance")


def test_an_open_break_is_a_failed_sign(home):
    home.journal.open_break("acct", "LATE_FILL", "f-1", "2 AAPL at 10")
    code, sign = found(home, "breaks")
    assert (code, sign["condition"]) == (1, "failed")
    assert "1 break open" in sign["detail"]


@pytest.mark.parametrize(("kind", "code"), [("VANISHED", 1), ("PRICE_ALERT", 0)])
def test_an_alert_counts_by_how_serious_its_kind_is(home, kind, code):
    home.journal.alert(kind, "ob-1", "look at it")
    assert found(home, "alerts")[0] == code


@pytest.mark.parametrize(("age", "condition", "code"), [(5, "warning", 0), (300, "failed", 1)])
def test_an_order_of_unknown_outcome_fails_when_it_is_old(home, age, condition, code):
    slot, at = slot_at(), datetime.now(UTC) - timedelta(seconds=age)
    intent = intent_of(slot)
    claim = home.journal.claim(slot, "run-1", HOUR)
    home.journal.freeze(slot, claim.fencing, "acct", [intent], [verdict_of(intent)])
    home.journal.begin_send(slot, claim.fencing, event_of(intent, OrderState.SENDING), False, PASS)
    home.journal.record(OrderEvent(intent.id, OrderState.UNKNOWN, at, "no answer"))
    exit_code, sign = found(home, "orders")
    assert (exit_code, sign["condition"]) == (code, condition)


def test_a_plan_that_cannot_be_read_is_a_failed_sign_and_the_others_are_judged(home):
    (home.folder / "plans" / "bad.toml").write_text("x = 1")
    code, sign = found(home, "plan")
    assert code == 1
    assert "bad.toml" in sign["detail"]
    assert ("trade", "demo") in signs(home("health", "--json"))


def test_an_unknown_plan_is_refused_with_the_nearest(home):
    result = home("health", "demmo")
    assert (result.exit_code, "did you mean 'demo'?" in result.stderr) == (1, True)
