"""Two calendars of the same exchange: what the venue says of coming days beside what ours does."""

from datetime import UTC, date, datetime, timedelta

import pytest

from openbell.calendar.agree import disagreements
from openbell.calendar.exchange import exchange

XNYS = exchange("XNYS")
#: Thanksgiving week: a holiday on Thursday, a half day on Friday.
DAYS = [date(2026, 11, 23) + timedelta(days=number) for number in range(7)]


def ours():
    """What a venue says that agrees with us."""
    hours = {day: XNYS.hours(day) for day in DAYS}
    return {day: (found.opens, found.closes) if found else None for day, found in hours.items()}


def at(day, hour, minute=0):
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def test_X03_calendars_that_agree_say_nothing():
    assert disagreements(XNYS, ours()) == ()


def test_X03_days_that_the_venue_does_not_speak_of_are_not_judged():
    assert disagreements(XNYS, {}) == ()


@pytest.mark.parametrize(("day", "told", "words", "shorter"), [
    (23, None, "2026-11-23: no session at the venue, one until 21:00 UTC by ours", True),
    (26, (at(26, 14, 30), at(26, 21)), "2026-11-26: no session by ours, one until 21:00 UTC at the venue", False),
    (27, (at(27, 14, 30), at(27, 21)), "2026-11-27: closes at 21:00 UTC at the venue, 18:00 UTC by ours", False),
    (24, (at(24, 14, 30), at(24, 18)), "2026-11-24: closes at 18:00 UTC at the venue, 21:00 UTC by ours", True),
    (24, (at(24, 15), at(24, 21)), "2026-11-24: opens at 15:00 UTC at the venue, 14:30 UTC by ours", True),
])  # fmt: skip
def test_B35_X03_a_day_that_is_told_otherwise_is_named_and_whether_it_is_shorter(day, told, words, shorter):
    (found,) = disagreements(XNYS, ours() | {date(2026, 11, day): told})
    assert (found.words, found.shorter) == (words, shorter)
