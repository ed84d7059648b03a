"""Faults K10 to K12: the bounds of the calendar and of windows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from openbell.calendar.exchange import exchange
from openbell.calendar.window import check_window, decide
from openbell.errors import CalendarError, PlanError
from tests.calendar.windows import MS, Wall, open_minutes, window


def test_K10_beyond_the_horizon_is_an_error_that_names_date_and_bound() -> None:
    last = exchange("XNYS").last
    with pytest.raises(CalendarError, match=f"2039-01-03 is after {last}, the last session of the XNYS calendar"):
        decide(window(), datetime(2039, 1, 3, 15, tzinfo=UTC))


@pytest.mark.parametrize(
    ("buffer", "edge", "shift", "expected"),
    [
        (0, "open", -MS, "BEFORE_OPEN"),
        (0, "open", 0 * MS, "OPEN"),
        (0, "open", MS, "OPEN"),
        (0, "close", -MS, "OPEN"),
        (0, "close", 0 * MS, "AFTER_CLOSE"),
        (0, "close", MS, "AFTER_CLOSE"),
        (5, "open", -MS, "OUTSIDE_WINDOW"),
        (5, "open", 0 * MS, "OPEN"),
        (5, "open", MS, "OPEN"),
        (5, "close", -MS, "OPEN"),
        (5, "close", 0 * MS, "OUTSIDE_WINDOW"),
        (5, "close", MS, "OUTSIDE_WINDOW"),
    ],
)
def test_K11_open_is_inclusive_and_close_exclusive(
    buffer: int, edge: str, shift: timedelta, expected: str, wall: Wall
) -> None:
    inward = timedelta(minutes=buffer)
    at = wall("2026-11-20T09:30") + inward if edge == "open" else wall("2026-11-20T16:00") - inward
    decision = decide(window(open_offset=f"{buffer}m", close_offset=f"-{buffer}m"), at + shift)
    assert decision.code == expected
    assert decision.open == (expected == "OPEN")


@pytest.mark.parametrize(
    ("fields", "sides"),
    [
        ({"start": "17:00", "end": "18:00"}, ["17:00 to 18:00 America/New_York", "XNYS (09:30 to 16:00"]),
        ({"open_offset": "3h", "close_offset": "-210m"}, ["open +3h to close -210m", "XNYS (09:30 to 16:00"]),
        ({"weekdays": ["sun"]}, ["on sun", "XNYS"]),
        ({"start": "21:30", "zone": "UTC"}, ["21:30 to 24:00 UTC", "XNYS"]),
        ({"open_offset": "-5m"}, ["open_offset -5m", "below 0"]),
        ({"close_offset": "5m"}, ["close_offset +5m", "above 0"]),
        ({"exchange": "NYSX"}, ["window.exchange", "'NYSX'", "did you mean"]),
    ],
)
def test_K12_a_window_that_can_never_open_is_refused_and_both_sides_named(
    fields: dict[str, Any], sides: list[str]
) -> None:
    with pytest.raises(PlanError) as refused:
        check_window(window(**fields))
    for side in sides:
        assert side in str(refused.value)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"exchange": "24/7"},
        {"exchange": "XHKG", "start": "11:30", "end": "13:01"},
        {"open_offset": "3h", "close_offset": "-209m"},
        {"start": "09:30", "end": "16:00", "zone": "America/Panama"},
        {"start": "14:00", "end": "15:00"},
    ],
)
def test_K12_a_window_that_opens_at_times_is_accepted(fields: dict[str, Any]) -> None:
    check_window(window(**fields))


def test_K12_a_zone_without_clock_changes_is_intersected_with_the_session(wall: Wall) -> None:
    fixed = window(start="09:30", end="16:00", zone="America/Panama")  # five hours behind UTC all year
    assert open_minutes(fixed, "2026-11-20", wall) == ["09:30", "15:59"]
    assert open_minutes(fixed, "2026-07-07", wall) == ["10:30", "15:59"]
