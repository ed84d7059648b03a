"""When a plan may trade: faults K01 to K12, minute by minute where it matters."""

import warnings
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import exchange_calendars
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openbell.calendar.exchange import exchange
from openbell.calendar.window import WindowDecision, decide, spans
from openbell.errors import InputError
from tests.calendar.windows import Wall, open_minutes, utc, window

#: Closed weekdays of the NYSE as it published them.
NYSE_HOLIDAYS = [
    f"{year}-{day}"
    for year, days in {
        2024: "01-01 01-15 02-19 03-29 05-27 06-19 07-04 09-02 11-28 12-25",
        2025: "01-01 01-09 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25",
        2026: "01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25",
        2027: "01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06",
    }.items()
    for day in days.split()
]


@pytest.mark.parametrize("day", NYSE_HOLIDAYS)
def test_K01_a_holiday_is_closed_all_day(day: str, wall: Wall) -> None:
    for clock in ("00:00", "09:30", "12:00", "15:59", "23:59"):
        decision = decide(window(), wall(f"{day}T{clock}"))
        assert (decision.open, decision.code) == (False, "HOLIDAY")
        assert day in decision.detail
        assert decision.opens is decision.closes is None
        assert decision.session == date.fromisoformat(day)


def test_K01_those_are_all_the_holidays(wall: Wall) -> None:
    market, day, closed = exchange("XNYS"), date(2024, 1, 1), []
    while day <= date(2027, 9, 30):
        if day.weekday() < 5 and not market.is_session(day):
            closed.append(str(day))
        day += timedelta(days=1)
    assert closed == NYSE_HOLIDAYS


def test_K01_a_holiday_says_its_name(wall: Wall) -> None:
    assert decide(window(), wall("2026-11-26T10:00")).detail == "2026-11-26 is Thanksgiving, XNYS is closed"
    assert decide(window(), wall("2025-01-09T10:00")).detail == "XNYS has no session on 2025-01-09"


@pytest.mark.parametrize("day", ["2026-11-27", "2026-12-24"])
def test_K02_a_half_day_ends_at_its_own_close_minus_the_buffer(day: str, wall: Wall) -> None:
    assert open_minutes(window(), day, wall) == ["09:30", "12:59"]
    assert open_minutes(window(open_offset="5m", close_offset="-10m"), day, wall) == ["09:35", "12:49"]


def test_K02_the_detail_of_a_half_day_says_so(wall: Wall) -> None:
    decision = decide(window(), wall("2026-11-27T13:30"))
    assert decision.code == "AFTER_CLOSE"
    assert decision.detail == "13:30 EST, XNYS closed at 13:00 (half day)"
    before = decide(window(close_offset="-10m"), wall("2026-11-27T12:55"))
    assert (before.code, before.detail) == ("OUTSIDE_WINDOW", "12:55 EST, the window is 09:30 to 12:50 (half day)")


@pytest.mark.parametrize("day", ["2026-03-06", "2026-03-09", "2026-10-30", "2026-11-02"])
def test_K03_local_hours_stay_across_clock_changes(day: str, wall: Wall) -> None:
    assert open_minutes(window(), day, wall) == ["09:30", "15:59"]


@pytest.mark.parametrize(
    ("day", "new_york", "london"),
    [
        ("2026-03-06", "14:30 21:00", "08:00 16:30"),
        ("2026-03-09", "13:30 20:00", "08:00 16:30"),
        ("2026-03-27", "13:30 20:00", "08:00 16:30"),
        ("2026-03-30", "13:30 20:00", "07:00 15:30"),
        ("2026-10-23", "13:30 20:00", "07:00 15:30"),
        ("2026-10-26", "13:30 20:00", "08:00 16:30"),
        ("2026-10-30", "13:30 20:00", "08:00 16:30"),
        ("2026-11-02", "14:30 21:00", "08:00 16:30"),
    ],
)
def test_K04_new_york_and_london_are_each_right_while_their_clocks_differ(day: str, new_york: str, london: str) -> None:
    for code, hours in (("XNYS", new_york), ("XLON", london)):
        ((start, end),) = spans(window(exchange=code), date.fromisoformat(day))
        assert f"{start:%H:%M} {end:%H:%M}" == hours


def test_K06_at_the_weekend_equities_rest_and_crypto_goes_on() -> None:
    saturday = datetime(2026, 11, 21, 5, tzinfo=UTC)  # midnight in New York
    for hour in range(48):
        instant = saturday + timedelta(hours=hour)
        equity, crypto = decide(window(), instant), decide(window(exchange="24/7"), instant)
        assert (equity.open, equity.code) == (False, "WEEKEND")
        assert equity.next_open == datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
        assert (crypto.open, crypto.code, crypto.session) == (True, "OPEN", instant.date())


@pytest.mark.parametrize(
    ("code", "zone", "expected"),
    [
        ("XHKG", "Asia/Hong_Kong", ["09:30", "11:59", "13:00", "15:59"]),
        ("XTKS", "Asia/Tokyo", ["09:00", "11:29", "12:30", "15:29"]),
    ],
)
def test_K07_no_trade_in_the_lunch_break(code: str, zone: str, expected: list[str], wall: Wall) -> None:
    assert open_minutes(window(exchange=code), "2026-11-20", wall, zone) == expected
    noon = decide(window(exchange=code), wall(f"2026-11-20T{expected[1]}", zone) + timedelta(minutes=1))
    assert noon.code == "BREAK"
    assert f"pauses from {(wall(f'2026-11-20T{expected[1]}', zone) + timedelta(minutes=1)):%H:%M}" in noon.detail
    assert noon.next_open == wall(f"2026-11-20T{expected[2]}", zone)


def test_a_widening_offset_never_widens_a_decision(wall: Wall) -> None:
    wide = window(open_offset="-30m", close_offset="30m")
    assert open_minutes(wide, "2026-11-20", wall) == ["09:30", "15:59"]


def test_weekdays_and_closures_of_the_plan(wall: Wall) -> None:
    chosen = window(weekdays=["mon", "wed"], closures=["2026-11-23"])
    friday, monday = decide(chosen, wall("2026-11-20T10:00")), decide(chosen, wall("2026-11-23T10:00"))
    assert (friday.code, friday.detail) == ("WEEKDAY", "10:00 EST, the plan trades on mon, wed, not on fri")
    assert (monday.code, monday.detail) == ("CLOSURE", "10:00 EST, 2026-11-23 is a closure of the plan")
    assert monday.next_open == wall("2026-11-25T09:30")
    assert decide(chosen, wall("2026-11-25T10:00")).open


def test_wall_times_cut_each_local_day_of_a_session_around_the_clock(wall: Wall) -> None:
    night = window(exchange="24/7", zone="America/New_York", start="20:00")
    assert open_minutes(night, "2026-11-20", wall) == ["20:00", "23:59"]
    assert decide(night, wall("2026-11-20T12:00")).next_open == wall("2026-11-20T20:00")


def test_local_days_that_adjoin_are_one_stretch() -> None:
    weekend = window(exchange="24/7", zone="America/New_York", weekdays=["fri", "sat"])
    saturday = date(2026, 11, 21)  # in UTC: Friday evening and Saturday in New York
    assert spans(weekend, saturday) == ((utc("2026-11-21T00:00"), utc("2026-11-22T00:00")),)
    assert spans(window(exchange="24/7", zone="America/New_York", weekdays=["fri"]), saturday) == (
        (utc("2026-11-21T00:00"), utc("2026-11-21T05:00")),
    )


def test_a_closed_window_says_where_it_lies_and_when_it_opens_next(wall: Wall) -> None:
    before = decide(window(open_offset="5m"), wall("2026-11-20T09:00"))
    assert before == WindowDecision(
        open=False,
        code="BEFORE_OPEN",
        detail="09:00 EST, XNYS opens at 09:30",
        session=date(2026, 11, 20),
        opens=wall("2026-11-20T09:35"),
        closes=wall("2026-11-20T16:00"),
        next_open=wall("2026-11-20T09:35"),
    )
    assert decide(window(), wall("2026-11-25T16:00")).next_open == wall("2026-11-27T09:30")
    assert decide(window(), wall("2026-11-25T15:59")).next_open is None


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(InputError, match="has no zone"):
        decide(window(), datetime(2026, 11, 20, 12, 0))


@cache
def trading_minutes(code: str) -> Any:
    """Every trading minute of the library's own reckoning, as nanoseconds since 1970."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return exchange_calendars.get_calendar(code, start="2022-12-01", end="2027-06-30").minutes_nanos


@settings(deadline=None, max_examples=200)
@given(
    code=st.sampled_from(["XNYS", "XHKG", "XLON", "CMES", "24/7"]),
    minute=st.integers(0, 4 * 365 * 24 * 60),
    offset=st.integers(0, 90),
    end=st.sampled_from([None, "12:00", "15:00"]),
    days=st.sets(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=3),
)
def test_an_open_window_means_a_trading_minute_of_the_exchange(
    code: str, minute: int, offset: int, end: str | None, days: set[str]
) -> None:
    instant = datetime(2023, 1, 2, tzinfo=UTC) + timedelta(minutes=minute)
    nanos, known = int(instant.timestamp()) * 10**9, trading_minutes(code)
    trading = bool(known[np.searchsorted(known, nanos)] == nanos)
    assert decide(window(exchange=code), instant).open == trading
    cut = decide(
        window(exchange=code, open_offset=f"{offset}m", close_offset="-1m", end=end, weekdays=sorted(days)), instant
    )
    assert trading or not cut.open
    assert cut.open == (cut.code == "OPEN")
    if cut.open:
        assert cut.next_open is None
    else:
        assert cut.next_open is not None
        assert cut.next_open > instant
        assert decide(window(exchange=code), cut.next_open).open
