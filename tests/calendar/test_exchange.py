"""Sessions as plain values, checked against the library that they come from."""

import warnings
from datetime import UTC, date, datetime, timedelta

import exchange_calendars
import numpy as np
import pytest

from openbell.calendar.exchange import exchange
from openbell.errors import CalendarError, InputError


def test_hours_of_a_session_are_utc_and_know_half_days() -> None:
    hours = exchange("XNYS").hours(date(2026, 11, 27))
    assert hours is not None
    assert hours.opens == datetime(2026, 11, 27, 14, 30, tzinfo=UTC)
    assert hours.closes == datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
    assert hours.half_day
    assert hours.break_start is None
    assert hours.break_end is None


def test_a_day_without_a_session_has_no_hours() -> None:
    market = exchange("XNYS")
    assert market.hours(date(2026, 11, 26)) is None
    assert not market.is_session(date(2026, 11, 28))
    assert market.is_session(date(2026, 11, 27))


@pytest.mark.parametrize("code", ["XNYS", "XHKG", "24/7", "CMES"])
def test_plain_values_agree_with_the_library_for_every_session_of_three_years(code: str) -> None:
    market = exchange(code)
    with warnings.catch_warnings():  # how the library reads pandas' columns is not ours to act on
        warnings.simplefilter("ignore", DeprecationWarning)
        calendar = exchange_calendars.get_calendar(code, start="2023-12-01")
    schedule = calendar.schedule.loc["2024-01-01":"2026-11-20"]
    sessions = market.sessions(date(2024, 1, 1), date(2026, 11, 20))
    assert sessions == [label.date() for label in schedule.index]
    found = [market.hours(session) for session in sessions]
    assert [hours.opens for hours in found if hours] == schedule["open"].tolist()
    assert [hours.closes for hours in found if hours] == schedule["close"].tolist()
    breaks = schedule["break_start"].dropna().tolist()
    assert [hours.break_start for hours in found if hours and hours.break_start] == breaks


def test_arrays_of_sessions_line_up() -> None:
    market = exchange("XNYS")
    start, end = date(2026, 11, 21), date(2026, 11, 30)
    opens, closes = market.session_bounds(start, end)
    labels = market.session_dates(start, end)
    assert labels.astype(str).tolist() == ["2026-11-23", "2026-11-24", "2026-11-25", "2026-11-27", "2026-11-30"]
    assert opens.dtype == closes.dtype == np.dtype("datetime64[ns]")
    assert (closes - opens).astype("timedelta64[m]").astype(int).tolist() == [390, 390, 390, 210, 390]
    assert len(market.session_dates()) > 9000
    with pytest.raises(ValueError, match="read-only"):
        market.session_dates()[0] = labels[0]


def test_session_of_an_instant() -> None:
    market = exchange("XNYS")
    assert market.session_of(datetime(2026, 11, 20, 15, 0, tzinfo=UTC)) == date(2026, 11, 20)
    assert market.session_of(datetime(2026, 11, 21, 2, 0, tzinfo=UTC)) == date(2026, 11, 20)  # Friday evening there
    assert market.session_of(datetime(2026, 11, 22, 12, 0, tzinfo=UTC)) == date(2026, 11, 22)


def test_an_evening_session_belongs_to_the_next_day() -> None:
    sunday_evening = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)  # 17:30 in Chicago
    assert exchange("CMES").session_of(sunday_evening) == date(2026, 11, 23)


@pytest.mark.parametrize("clock", ["00:00:00", "12:00:00", "23:59:59.999999"])
def test_around_the_clock_a_session_is_the_utc_date(clock: str) -> None:
    assert exchange("24/7").session_of(datetime.fromisoformat(f"2026-11-21T{clock}+00:00")) == date(2026, 11, 21)


def test_last_complete_counts_a_close_at_that_instant() -> None:
    market, close = exchange("XNYS"), datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
    assert market.last_complete(close) == date(2026, 11, 20)
    assert market.last_complete(close - timedelta(milliseconds=1)) == date(2026, 11, 19)
    assert market.last_complete(close + timedelta(days=2)) == date(2026, 11, 20)


def test_offset_walks_sessions() -> None:
    market = exchange("XNYS")
    assert market.offset(date(2026, 11, 25), 1) == date(2026, 11, 27)
    assert market.offset(date(2026, 11, 27), -2) == date(2026, 11, 24)
    assert market.offset(date(2026, 11, 27), 0) == date(2026, 11, 27)
    with pytest.raises(CalendarError, match="2026-11-26 is no session of XNYS"):
        market.offset(date(2026, 11, 26), 1)
    with pytest.raises(CalendarError, match=f"1 sessions before {market.first} is before {market.first}, the first"):
        market.offset(market.first, -1)
    with pytest.raises(CalendarError, match=f"1 sessions after {market.last} is after {market.last}, the last"):
        market.offset(market.last, 1)


def test_K10_a_date_beyond_the_calendar_is_an_error_that_names_date_and_bound() -> None:
    market = exchange("XNYS")
    for question in (market.hours, market.is_session):
        with pytest.raises(CalendarError, match=f"2039-01-03 is after {market.last}, the last session of the XNYS"):
            question(date(2039, 1, 3))
        with pytest.raises(CalendarError, match="1985-01-03 is before 1990-01-02, the first session of the XNYS"):
            question(date(1985, 1, 3))
    for instant in (
        datetime(2039, 1, 3, 15, tzinfo=UTC),
        datetime(1985, 1, 3, 15, tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=UTC),
    ):
        for ask in (market.session_of, market.last_complete):
            with pytest.raises(CalendarError, match=str(instant.date())):
                ask(instant)
    with pytest.raises(CalendarError, match="2039-01-03"):
        market.sessions(date(2026, 1, 2), date(2039, 1, 3))


def test_K10_the_calendar_reaches_about_a_year_ahead() -> None:
    ahead = exchange("XNYS").last - datetime.now(UTC).date()
    assert timedelta(days=350) < ahead < timedelta(days=380)


def test_a_calendar_that_begins_late_is_built_from_its_own_bound() -> None:
    assert exchange("XTKS").first == date(1997, 1, 6)


def test_naive_instants_and_instants_as_dates_are_refused() -> None:
    market = exchange("XNYS")
    for ask in (market.session_of, market.last_complete):
        with pytest.raises(InputError, match="has no zone"):
            ask(datetime(2026, 11, 20, 15, 0))
    with pytest.raises(InputError, match="a session is a date"):
        market.hours(datetime(2026, 11, 20, tzinfo=UTC))


@pytest.mark.parametrize(
    ("code", "hint"),
    [("XNYX", "did you mean 'XNYS'"), ("24-7", "did you mean '24/7'"), ("xlon", "did you mean 'XLON'")],
)
def test_an_unknown_exchange_names_the_nearest(code: str, hint: str) -> None:
    with pytest.raises(CalendarError, match=hint):
        exchange(code)


def test_an_unknown_exchange_without_a_near_one_shows_the_form() -> None:
    with pytest.raises(CalendarError, match="XNYS, XLON or 24/7"):
        exchange("\x00'; drop table--" * 10)


def test_weekends_are_what_the_exchange_makes_of_them() -> None:
    friday, saturday, sunday = date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 22)
    days = (friday, saturday, sunday)
    assert [exchange("XNYS").is_weekend(day) for day in days] == [False, True, True]
    assert [exchange("XSAU").is_weekend(day) for day in days] == [True, True, False]
    assert not any(exchange("24/7").is_weekend(day) for day in days)
    assert not exchange("XHKG").is_weekend(date(2026, 2, 17))  # Lunar New Year, a Tuesday


def test_an_exchange_is_built_once() -> None:
    assert exchange("XNYS") is exchange("XNYS")
    assert exchange("NASDAQ").code == "NASDAQ"
