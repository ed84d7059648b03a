"""What a dead run leaves behind is finished by recovery, and a broken dependency stops a job without being hammered."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from openbell.errors import BrokerUnavailable, FeedUnavailable
from openbell.jobs import trading
from openbell.ports import Breaker, Claim, ClaimKind, Level, Switch
from openbell.stages.guards import Situation, check
from openbell.values.job import RECOVER, TRADE
from openbell.values.orders import OrderState
from openbell.values.record import Outcome
from tests.orders.desks import SYMBOLS, cut, open_desk, outlive_lease, plan_of, states

TEN = len(SYMBOLS)
STRICT = {"exchange": "24/7", "grace": "0s"}


def recovered(home, wire, passes=2):
    """As the flow does it, a day later: nothing may be sent any more."""
    return open_desk(home, wire, window=STRICT).recovery("recover", passes).recover()


def test_C02_a_slot_that_died_after_its_claim_is_closed_as_interrupted(desk, wire, home):
    claim = desk.journal.claim(slot_of(desk), "dead", timedelta(seconds=30))
    assert claim.held
    outlive_lease(desk)
    done = recovered(home, wire)
    assert done.interrupted == (slot_of(desk).key,)
    record = desk.history.run("dead")
    assert (record.outcome, record.code) == (Outcome.INTERRUPTED, "INTERRUPTED")
    assert trading.trade(open_desk(home, wire), "again").code == "DUPLICATE_RUN"


def slot_of(desk):
    from openbell.calendar.slots import slot_of as at

    return at(desk.plan, "trade", datetime.now(UTC))


@pytest.mark.parametrize(("fault", "nth"), [("cut before", 1), ("cut after", 1), ("cut before", 7), ("cut after", 7)])
def test_recovery_finishes_what_a_dead_run_left_and_sends_nothing_new(desk, wire, home, fault, nth):
    wire.faults[nth] = fault
    cut(desk)
    dead = wire.posts[-1][1]
    outlive_lease(desk)
    done = recovered(home, wire)
    assert done.clean
    assert done.abandoned == TEN - nth
    assert set(states(desk)) <= {"filled", "abandoned"}
    assert wire.accepted.count(dead) == 1
    assert {key for _, key in wire.posts} == set(wire.accepted)
    record = desk.history.run("first")
    assert record.outcome is Outcome.INTERRUPTED
    assert len(record.orders) == TEN


def test_a_second_recovery_finds_nothing(desk, wire, home):
    wire.faults[3] = "cut after"
    cut(desk)
    outlive_lease(desk)
    recovered(home, wire)
    again = recovered(home, wire)
    assert again.words() == "nothing to recover"


def test_alerts_of_unknown_orders_are_closed_once_they_are_answered(desk, wire, home):
    wire.faults[3] = "cut after"
    cut(desk)
    outlive_lease(desk)
    trading.trade(open_desk(home, wire), "second")
    assert [alert.kind for alert in desk.history.alerts()] == ["UNKNOWN_ORDER"]
    recovered(home, wire)
    assert desk.history.alerts() == ()


def test_C14_a_run_that_sealed_and_died_keeps_its_record(desk, wire, home):
    trading.trade(desk, "first")
    with closing(sqlite3.connect(home / "openbell.db")) as kept, kept:
        kept.execute("UPDATE slots SET outcome = NULL, lease_until = 0")
    again = trading.trade(open_desk(home, wire), "second")
    assert again.code == "DUPLICATE_RUN"
    assert len(wire.posts) == TEN
    assert recovered(home, wire).interrupted == ()


def test_a_broker_that_cannot_be_asked_leaves_an_order_unknown(desk, wire, home):
    wire.faults[1] = "cut after"
    cut(desk)
    outlive_lease(desk)
    real = wire.open_orders

    def silent():
        raise BrokerUnavailable("no answer")

    wire.open_orders = silent
    done = recovered(home, wire)
    assert (done.clean, len(done.waiting)) == (False, 1)
    assert states(desk)[0] == "unknown"
    wire.open_orders = real
    outlive_lease(desk)
    assert recovered(home, wire).clean
    assert states(desk)[0] == "filled"


def test_B10_a_fill_that_comes_after_the_end_is_booked_and_opens_a_break(desk, wire, home):
    trading.trade(desk, "one")
    from dataclasses import replace
    from decimal import Decimal

    fill = wire.paper.fills(datetime.now(UTC) - timedelta(hours=1))[0]
    late = replace(fill, id="late-1", quantity=Decimal(1))
    wire.fills = lambda since: (*wire.paper.fills(since), late)
    done = recovered(home, wire)
    assert done.followed == 1
    assert next(o for o in desk.history.orders() if o.client_id == late.client_id).state is OrderState.FILLED
    assert "LATE_FILL" in {found.kind for found in desk.history.breaks()}


def test_a_live_run_is_left_alone(desk, wire, home):
    wire.faults[3] = "cut after"
    cut(desk)
    done = recovered(home, wire)
    assert (done.interrupted, done.abandoned, done.followed) == ((), 0, 0)


# --- breakers ------------------------------------------------------------------------------------------------


def situation(desk, breaker, job=TRADE, probe=None):
    now = datetime.now(UTC)
    from openbell.calendar.window import decide

    return Situation(
        plan=plan_of(),
        job=job,
        as_of=now,
        switch=Switch(Level.ACTIVE, 0),
        breaker=breaker,
        claim=Claim(ClaimKind.WON, "x", 1),
        window=decide(plan_of().window, now),
        late_by=timedelta(hours=1),
        grace=timedelta(seconds=60),
        broker=desk.broker,
        simulated=False,
        account_limits=lambda account: "",
        probe=probe or (lambda before: before),
    )


def test_S18_ten_failures_open_the_breaker_of_the_job(desk, wire, home):
    def fails(*_):
        raise FeedUnavailable("no prices")

    wire.tape.bars = fails
    day, now = {"trade": {"every": "1m"}}, datetime.now(UTC)
    for number in range(10):
        one = open_desk(home, wire, schedule=day)
        record = trading.trade(one, f"run-{number}", planned=now - timedelta(minutes=number))
        assert (record.outcome, record.code) == (Outcome.FAILED, "DATA")
    standing = desk.journal.breaker("demo", "trade")
    assert (standing.open, standing.dependency) == (True, "data")
    record = trading.trade(open_desk(home, wire, schedule=day), "blocked", planned=now - timedelta(hours=1))
    assert (record.outcome, record.code) == (Outcome.SKIPPED, "BREAKER")


def test_an_open_breaker_asks_nothing_before_its_time_and_one_question_then(desk):
    asked = []

    def probe(before):
        asked.append(before)
        return Breaker(True, 10, "down", "broker", probes=len(asked))

    soon, past = datetime.now(UTC) + timedelta(minutes=1), datetime.now(UTC) - timedelta(minutes=1)
    closed = check(situation(desk, Breaker(True, 10, "down", "broker", retry_at=soon), probe=probe))[-1]
    assert (closed.code, asked) == ("BREAKER", [])
    half = check(situation(desk, Breaker(True, 10, "down", "broker", retry_at=past), probe=probe))[-1]
    assert (half.code, len(asked)) == ("BREAKER_PROBE", 1)


def test_a_latched_breaker_waits_for_a_person(desk):
    past = datetime.now(UTC) - timedelta(minutes=1)
    last = check(situation(desk, Breaker(True, 1, "loss", "loss", retry_at=past, latched=True)))[-1]
    assert (last.code, "breaker reset" in last.detail) == ("BREAKER", True)


def test_S09_X04_a_protective_job_is_held_back_by_neither_breaker_nor_lateness(desk):
    guards = check(situation(desk, Breaker(True, 10, "down", "broker"), job=RECOVER))
    assert all(guard.passed for guard in guards)
    late = check(situation(desk, Breaker(False, 0)))[-1]
    assert (late.name, late.code) == ("lateness", "LATE")
