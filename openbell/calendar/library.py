"""Sessions out of exchange_calendars, which brings pandas along: imported by path, when no process has kept them."""

import warnings
from datetime import date
from typing import Any

import exchange_calendars
import pandas as pd
from exchange_calendars.errors import InvalidCalendarName

from openbell.calendar.sessions import Sessions
from openbell.errors import CalendarError
from openbell.plugins import nearest

#: Earliest session that is asked for; some calendars begin later.
EARLIEST = date(1990, 1, 1)


def read(code: str) -> Sessions:
    """All sessions of a code such as XNYS, NASDAQ or 24/7, up to about a year from today; takes about 0.3 s."""
    try:
        with warnings.catch_warnings():
            # Inside the library and not ours to act on: how it reads pandas' columns will change with pandas 4.
            warnings.simplefilter("ignore", DeprecationWarning)
            return _plain(_calendar(code))
    except InvalidCalendarName:
        known = dict.fromkeys(exchange_calendars.get_calendar_names())
        hint = nearest(code.upper()[:40], known) or "; codes are such as XNYS, XLON or 24/7"
        raise CalendarError(f"exchange {code[:40]!r} is not known{hint}") from None


def _plain(calendar: Any) -> Sessions:
    return Sessions(
        zone=str(calendar.tz),
        days=calendar.sessions.to_numpy().astype("datetime64[D]"),
        opens=calendar.opens_nanos,
        closes=calendar.closes_nanos,
        break_starts=calendar.break_starts_nanos,
        break_ends=calendar.break_ends_nanos,
        early=calendar.early_closes.to_numpy().astype("datetime64[D]"),
        holidays=_holidays(calendar),
    )


def _holidays(calendar: Any) -> dict[date, str]:
    """Names of regular holidays, of the whole years that the sessions touch."""
    if calendar.regular_holidays is None:
        return {}
    first, last = calendar.sessions[0].year, calendar.sessions[-1].year
    named = calendar.regular_holidays.holidays(f"{first}-01-01", f"{last}-12-31", return_name=True)
    return {day.date(): str(name) for day, name in named.items()}


def _calendar(code: str) -> Any:
    try:
        return exchange_calendars.get_calendar(code, start=EARLIEST.isoformat())
    except (ValueError, NotImplementedError):  # it begins later, which only an instance can tell, or is broken
        return _later_calendar(code)


def _later_calendar(code: str) -> Any:
    try:
        calendar = exchange_calendars.get_calendar(code)
        earliest = calendar.bound_min()
        return calendar if earliest is None else exchange_calendars.get_calendar(code, start=earliest)
    except (ValueError, NotImplementedError) as error:
        parts = f"exchange_calendars {exchange_calendars.__version__} with pandas {pd.__version__}"
        raise CalendarError(f"{parts} cannot build the calendar of {code}: {str(error)[:80]}") from None
