"""The venue's own calendar beside the plan's before a run may add risk: what differs, or is not told, holds it back."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from openbell.errors import BrokerUnavailable
from openbell.stages.guards import check
from openbell.values.job import EXITS
from openbell.values.plan import Window
from tests.stages.situations import NOW, PLAN, Counted, Stub, situation

DAY = date(2026, 11, 19)
OPENS, CLOSES = (datetime.combine(DAY, time(hour, minute), UTC) for hour, minute in ((14, 30), (21, 0)))
HOUR = timedelta(hours=1)


class Telling(Stub):
    """A venue that tells its calendar, or raises what it is given."""

    def __init__(self, told: object) -> None:
        super().__init__("paper")
        self.told, self.asked = told, 0

    def sessions(self, first: date, last: date) -> object:
        assert first == last == DAY
        self.asked += 1
        if isinstance(self.told, Exception):
            raise self.told
        return self.told


def last(told: object, **changes: object):
    return check(situation(broker=Counted(Telling(told)), **changes))[-1]


def test_X03_a_calendar_that_agrees_lets_entries_through() -> None:
    assert last({DAY: (OPENS, CLOSES)}).passed


@pytest.mark.parametrize(("told", "words"), [
    (None, "no session at the venue"),
    ((OPENS, CLOSES - 3 * HOUR), "closes at 18:00 UTC at the venue, 21:00 UTC by ours"),
    ((OPENS + HOUR, CLOSES), "opens at 15:30 UTC at the venue"),
    ((OPENS, CLOSES + HOUR), "closes at 22:00 UTC at the venue"),
])  # fmt: skip
def test_B35_X03_a_session_that_the_venue_has_otherwise_holds_back_entries_and_exits_go_on(told, words) -> None:
    guard = last({DAY: told})
    assert (guard.passed, guard.code) == (False, "CALENDAR_DISAGREE")
    assert words in guard.detail
    assert last({DAY: told}, job=EXITS).passed


@pytest.mark.parametrize("told", [{}, BrokerUnavailable("alpaca gave no usable answer to GET /calendar: 503")])
def test_B35_I14_a_calendar_that_is_not_told_is_no_agreement(told) -> None:
    guard = last(told)
    assert (guard.passed, guard.code) == (False, "BROKER_UNAVAILABLE")
    assert "calendar" in guard.detail


def test_X03_a_market_that_never_closes_is_not_compared_with_a_calendar_of_stocks() -> None:
    venue = Telling({DAY: None})
    plan = PLAN.model_copy(update={"window": Window(exchange="24/7")})
    assert check(situation(plan=plan, broker=Counted(venue)))[-1].passed
    assert venue.asked == 0


def test_B35_what_was_found_before_is_not_asked_for_again() -> None:
    venue = Telling({DAY: (OPENS, CLOSES)})
    before = {"CALENDAR_DISAGREE": "2026-11-19: no session at the venue"}
    guard = check(situation(broker=Counted(venue), remembered=lambda code: before.get(code, "")))[-1]
    assert (guard.code, venue.asked, venue.now) == ("CALENDAR_DISAGREE", 0, NOW)
