"""Nothing is silent: a slot that nobody worked on is written down and told, with the Prefect server up or down."""

from datetime import UTC, datetime, timedelta

import pytest

import openbell.jobs.run
from openbell.jobs import trading
from openbell.jobs.heartbeat import heartbeat
from openbell.ports import Level
from openbell.store.verify import verify
from openbell.values.job import HEARTBEAT, ORDERS, RECOVER, TRADE
from openbell.values.record import Outcome
from openbell.values.work import Worked
from tests.orders.desks import open_desk

OFF = {job: {"enabled": False} for job in ("exits", "positions", "prices", "alerts", "snapshot")}
EVERY_MINUTE = {"trade": {"every": "1m"}, "orders": {"every": "1m"}, **OFF}


class Clock:
    def __init__(self):
        self.now = datetime.now(UTC).replace(second=20, microsecond=0)

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    """The one clock of all runs, moved by hand."""
    return Clock()


@pytest.fixture
def desk(home, wire, clock):
    made = open_desk(home, wire, schedule=EVERY_MINUTE, window={"exchange": "24/7"})
    made.clock = clock
    return made


def watch(desk, clock):
    """The first heartbeat: from here on nothing is silent."""
    assert heartbeat(desk, "beat-0").counters == {"missed": 0}


def work(desk, job, clock):
    run = openbell.jobs.run.begin(desk, job, f"{job.name}-{clock.now:%H%M%S}", clock.now)
    return openbell.jobs.run.complete(run, Worked("done"))


def missed(desk):
    return {(run.job, run.planned) for run in desk.history.runs(limit=1000) if run.outcome is Outcome.MISSED}


def test_I15_the_slots_of_a_dead_worker_are_missed_after_two_intervals_and_told_once_a_job(desk, clock):
    start = clock.now.replace(second=0)
    watch(desk, clock)
    work(desk, TRADE, clock)
    work(desk, ORDERS, clock)
    clock.now += timedelta(minutes=5)
    record = heartbeat(desk, "beat-1")
    expected = {start + timedelta(minutes=n) for n in (1, 2, 3)}
    assert missed(desk) == {(job, planned) for job in ("trade", "orders") for planned in expected}
    assert (record.counters, record.outcome) == ({"missed": 6}, Outcome.COMPLETED)
    assert {alert.subject for alert in desk.history.alerts() if alert.kind == "MISSED"} == {"demo/trade", "demo/orders"}
    clock.now += timedelta(minutes=1)
    assert heartbeat(desk, "beat-2").counters == {"missed": 2}
    assert len([alert for alert in desk.history.alerts() if alert.kind == "MISSED"]) == 2
    assert all(found.ok for found in verify(desk.settings.url))


def test_I15_a_second_heartbeat_finds_nothing_more(desk, clock):
    watch(desk, clock)
    work(desk, TRADE, clock)
    clock.now += timedelta(minutes=5)
    heartbeat(desk, "beat-1")
    before = missed(desk)
    clock.now += timedelta(seconds=5)
    assert heartbeat(desk, "beat-2").code == "DUPLICATE_RUN"
    assert missed(desk) == before


def test_I15_what_was_before_the_first_heartbeat_of_a_plan_is_not_missed(desk, clock):
    work(desk, TRADE, clock)
    clock.now += timedelta(hours=2)
    assert heartbeat(desk, "beat-1").counters == {"missed": 0}
    assert missed(desk) == set()


def test_S16_the_heartbeat_alone_tells_that_nobody_watches_what_is_held(home, wire, clock):
    on = EVERY_MINUTE | {"exits": {"every": "30s"}, "trade": {"every": "24h"}}
    desk = open_desk(home, wire, schedule=on, window={"exchange": "24/7", "grace": "24h"})
    trading.trade(desk, "buys")
    desk.clock = clock
    heartbeat(desk, "beat-0")
    assert [alert.kind for alert in desk.history.alerts()] == []
    clock.now += timedelta(minutes=3)
    heartbeat(desk, "beat-1")
    assert ("PROTECTION_STALE", "demo") in {(alert.kind, alert.subject) for alert in desk.history.alerts()}


def test_S12_an_alert_is_closed_when_the_job_runs_again(desk, clock):
    watch(desk, clock)
    work(desk, TRADE, clock)
    clock.now += timedelta(minutes=4)
    heartbeat(desk, "beat-1")
    assert "demo/trade" in {alert.subject for alert in desk.history.alerts()}
    clock.now += timedelta(minutes=1)
    work(desk, TRADE, clock)
    clock.now += timedelta(minutes=1)
    heartbeat(desk, "beat-2")
    assert "demo/trade" not in {alert.subject for alert in desk.history.alerts()}


def test_X04_the_newest_slot_of_a_job_that_protects_is_told_and_stays_free(home, wire, clock):
    hourly = {"trade": {"enabled": False}, "orders": {"every": "6h"}, **OFF}
    desk = open_desk(home, wire, schedule=hourly, window={"exchange": "24/7"})
    desk.clock = clock
    clock.now = clock.now.replace(hour=0, minute=30)
    if clock.now > datetime.now(UTC):
        clock.now -= timedelta(days=1)
    watch(desk, clock)
    work(desk, RECOVER, clock)
    clock.now += timedelta(hours=9)
    heartbeat(desk, "beat-1")
    assert missed(desk) == set()
    assert "demo/orders" in {alert.subject for alert in desk.history.alerts()}
    late = openbell.jobs.run.begin(desk, ORDERS, "late")
    assert late.ring.slot.planned.hour == 6
    assert {guard.name: guard.passed for guard in late.story.guards}["slot"]


def test_C01_a_slot_that_was_missed_is_not_worked_on_afterwards(desk, clock):
    watch(desk, clock)
    work(desk, TRADE, clock)
    planned = clock.now.replace(second=0) + timedelta(minutes=1)
    clock.now += timedelta(minutes=5)
    heartbeat(desk, "beat-1")
    late = openbell.jobs.run.begin(desk, TRADE, "late", planned)
    assert late.story.guards[-1].code == "DUPLICATE_RUN"


def test_S13_a_halt_does_not_stop_the_heartbeat(desk, clock):
    desk.journal.set_switch(Level.HALTED, "ops", "drill")
    assert not openbell.jobs.run.begin(desk, HEARTBEAT, "beat").blocked
