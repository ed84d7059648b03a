"""The path that every job takes from claim to seal, whatever its own stages are."""

from datetime import UTC, datetime, timedelta

import pytest

import openbell.jobs.run
from openbell.errors import FeedUnavailable
from openbell.ports import Level
from openbell.store.verify import verify
from openbell.values.job import ORDERS, PRICES, RECOVER, TRADE
from openbell.values.record import Outcome
from openbell.values.work import Worked
from tests.orders.desks import open_desk

FOUND = Worked("3 orders looked at", {"checked": 3}, {"seen": ["a", "b"]})
LATE = timedelta(hours=3)


def begin(desk, job=ORDERS, run="one", planned=None):
    return openbell.jobs.run.begin(desk, job, run, planned)


def test_a_job_is_sealed_with_what_it_found_and_its_slot_is_closed(desk):
    run = begin(desk)
    assert not run.blocked
    record = openbell.jobs.run.complete(run, FOUND)
    assert (record.job, record.outcome, record.message) == ("orders", Outcome.COMPLETED, FOUND.message)
    assert desk.history.run("one") == record
    assert (record.counters, record.details) == ({"checked": 3}, {"seen": ["a", "b"]})
    assert begin(desk, run="two").story.guards[-1].code == "DUPLICATE_RUN"
    assert all(found.ok for found in verify(desk.settings.url))


def test_a_job_that_did_not_get_through_says_so(desk):
    record = openbell.jobs.run.complete(
        begin(desk), Worked("the broker is silent", outcome=Outcome.FAILED, code="BLIND")
    )
    assert (record.outcome, record.code) == (Outcome.FAILED, "BLIND")


def test_a_failure_is_sealed_and_counts_for_the_breaker_of_the_job(desk):
    record = openbell.jobs.run.fail(begin(desk), FeedUnavailable("no prices"))
    assert (record.outcome, record.code) == (Outcome.FAILED, "DATA")
    assert desk.journal.breaker("demo", "orders").failures == 1
    assert desk.journal.breaker("demo", "trade").failures == 0


def test_X04_a_backlog_of_a_job_that_protects_works_once_for_the_newest_slot(desk):
    now = datetime.now(UTC)
    first = begin(desk, run="late-1", planned=now - LATE)
    openbell.jobs.run.complete(first, FOUND)
    second = begin(desk, run="late-2", planned=now - LATE + timedelta(minutes=61))
    assert first.ring.slot.planned > now - timedelta(hours=2)
    assert second.story.guards[-1].code == "DUPLICATE_RUN"


def test_X04_what_adds_risk_answers_to_its_own_slot_and_is_late(home, wire):
    desk = open_desk(home, wire, schedule={"trade": {"every": "1m"}}, window={"exchange": "24/7"})
    late = begin(desk, TRADE, planned=datetime.now(UTC) - LATE)
    assert late.ring.slot.planned < datetime.now(UTC) - LATE + timedelta(minutes=1)
    assert late.story.guards[-1].code == "LATE"


def test_a_halt_stops_what_sends_and_nothing_else(desk):
    desk.journal.set_switch(Level.HALTED, "ops", "drill")
    assert not begin(desk).blocked
    assert begin(desk, TRADE, run="two").story.guards[-1].code == "HALTED"


def test_A07_a_job_that_is_not_enabled_is_a_stored_skip(home, wire):
    desk = open_desk(home, wire, schedule={"orders": {"enabled": False}})
    record = openbell.jobs.run.skip(begin(desk))
    assert (record.outcome, record.code) == (Outcome.SKIPPED, "JOB_DISABLED")
    assert "orders of demo is not enabled" in record.message


def test_a_closed_venue_stops_what_needs_an_open_market_and_nothing_else(desk, wire):
    wire.is_open = False
    assert not begin(desk).blocked
    assert begin(desk, PRICES, run="two").story.guards[-1].code == "CALENDAR_DISAGREE"


def test_a_job_without_questions_to_the_broker_asks_none(desk, wire):
    wire.before_question = pytest.fail
    run = begin(desk, RECOVER)
    assert "broker" not in {guard.name for guard in run.story.guards}
    assert (run.ring.slot.planned.second, run.ring.slot.planned.microsecond) == (0, 0)
