"""Clocks and calendars of a venue over several runs: what one finds wrong, the next ones remember."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from openbell.jobs.run import Run, begin, seal, skip
from openbell.values.job import EXITS, TRADE, Job
from openbell.values.record import Outcome
from tests.orders.venues import posts, venue_desk

EVERY_MINUTE = {"trade": {"every": "1m"}, "exits": {"every": "1m"}}


@pytest.fixture
def double(process):
    process.reset()
    yield process
    process.set(offset=0, is_open=True)


@pytest.fixture
def desk(double, tape):
    return venue_desk(double, tape, schedule=EVERY_MINUTE)


def told(desk) -> list[tuple[str, str]]:
    return [(alert.kind, alert.detail) for alert in desk.history.alerts()]


def code(run: Run) -> str:
    return next((guard.code for guard in run.story.guards if not guard.passed), "")


@pytest.fixture
def ring(desk):
    """Each run takes a minute of its own, so that none is a second start; how late it is does not matter here."""
    minutes = iter(range(60))

    def rung(job: Job = TRADE) -> str:
        number = next(minutes)
        planned = desk.clock().replace(second=0, microsecond=0) - timedelta(minutes=number)
        run = begin(desk, job, f"run-{number}", planned)
        skip(run) if run.blocked else seal(run, Outcome.COMPLETED, "", "nothing to do")
        return code(run)

    return rung


def test_K08_B35_a_surprise_closure_is_remembered_for_the_session_and_told_once(desk, ring, double):
    double.set(is_open=False)
    assert [ring(), ring()] == ["CALENDAR_DISAGREE"] * 2
    assert ring(EXITS) == "CALENDAR_DISAGREE", "nobody can sell where nothing trades"
    assert [kind for kind, _ in told(desk)] == ["CALENDAR_DISAGREE"]
    double.set(is_open=True)
    assert ring() == "CALENDAR_DISAGREE", "closed wins for the rest of the session"
    assert len(told(desk)) == 1
    assert posts(double) == []


def test_K14_what_protects_goes_on_as_soon_as_the_venue_is_open_again(desk, ring, double):
    double.set(is_open=False)
    assert ring() == "CALENDAR_DISAGREE"
    double.set(is_open=True)
    assert begin(desk, EXITS, "exits-again").blocked is False


def test_K08_the_next_session_is_free_of_it(desk, ring, double):
    desk.journal.alert("CALENDAR_DISAGREE", "alpaca 24/7 2020-01-02", "closed then")
    assert ring() == ""


def test_B34_a_clock_that_is_off_holds_entries_back_until_it_is_near_again(desk, ring, double):
    double.set(offset=3)
    assert ring() == "CLOCK"
    assert [kind for kind, _ in told(desk)] == ["CLOCK"]
    double.set(offset=1.6)
    assert ring() == "CLOCK", "below 2 s is not enough once it was above"
    double.set(offset=0.4)
    assert ring() == ""
    assert told(desk) == []
    double.set(offset=1.6)
    assert ring() == "", "below 2 s is enough where it was never above"


def test_B34_exits_do_not_wait_for_a_clock(desk, ring, double):
    double.set(offset=1800)
    assert ring(EXITS) == ""


TUESDAY = datetime(2026, 11, 24, 15, tzinfo=UTC)


@pytest.fixture
def tuesday(double, tape):
    """Desks of one session on a Tuesday, each as another process would open it."""
    double.set(frozen=TUESDAY.timestamp())

    def opened():
        desk = venue_desk(double, tape, window={"exchange": "XNYS"}, schedule=EVERY_MINUTE)
        desk.clock = desk.now = lambda: TUESDAY
        return desk

    yield opened
    double.set(frozen=None)


def test_X03_the_venues_calendar_is_asked_for_once_in_a_session_whatever_runs(tuesday, double):
    runs = [begin(tuesday(), TRADE, f"run-{number}", dry_run=True) for number in range(3)]
    assert [run.blocked for run in runs] == [False] * 3
    assert [path for path in double.requests("GET") if "calendar" in path] == ["GET /v2/calendar"]


def test_B35_X03_a_half_day_that_only_the_venue_knows_is_told_and_holds_back_the_session(tuesday, double):
    half = [{"date": "2026-11-24", "open": "09:30", "close": "13:00"}]
    double.script({"verb": "GET", "path": "/v2/calendar", "times": 1, "status": 200, "body": json.dumps(half)})
    desk = tuesday()
    assert code(begin(desk, TRADE, "first")) == "CALENDAR_DISAGREE"
    ((kind, words),) = told(desk)
    assert (kind, "closes at 18:00 UTC at the venue" in words) == ("CALENDAR_DISAGREE", True)
    assert posts(double) == []
