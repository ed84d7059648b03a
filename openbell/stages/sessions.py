"""Where bars stand in the sessions of an exchange."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from openbell.calendar.exchange import Exchange
from openbell.values.bars import Times, to_datetime64
from openbell.values.market import DropCode

TIMES = "datetime64[ns]"
#: Rows of the grid for times that have none: closed, after the calendar's last session, before its first.
OUTSIDE, BEYOND, BEFORE = -1, -2, -3
#: Daily rows on closed days: a few are placeholders, more than this share is a date that is off by one.
CLOSED_DAYS = 0.15
#: A symbol that trades outside the hours but never in this first or last part of a session has shifted times.
EDGE = 8

Integers = NDArray[np.intp]
Flags = NDArray[np.bool_]
#: What is wrong with a symbol, by name.
Flaws = dict[str, tuple[DropCode, str]]


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The rows that a block gets: start and completion of each bar, and where the given times went.

    ``row`` has one entry per given time: a row, or OUTSIDE, BEYOND or BEFORE.
    ``last`` marks bars that end with their session, ``early`` and ``late`` those in its first and last part;
    ``session`` numbers the sessions. A lunch break ends one session and starts another here.
    """

    starts: Times
    times: Times
    row: Integers
    session: Integers
    last: Flags
    early: Flags
    late: Flags


def daily_grid(dates: Times, exchange: Exchange) -> Grid:
    """One row per session from the first to the last date, given or not; the others' rows are OUTSIDE."""
    covered = _covered(dates.astype("datetime64[D]"), exchange)
    opens, closes = exchange.session_bounds(*covered) if covered else (np.empty(0, TIMES), np.empty(0, TIMES))
    sessions = exchange.session_dates(*covered) if covered else np.empty(0, "datetime64[D]")
    at = np.searchsorted(sessions, dates)
    inside = np.append(sessions, np.datetime64("NaT", "D"))[at] == dates
    whole = np.ones(len(sessions), np.bool_)
    return Grid(opens, closes, _rows(inside, at, dates, exchange), np.arange(len(sessions)), whole, whole, whole)


def intraday_grid(starts: Times, span: timedelta, exchange: Exchange) -> Grid:
    """One row per start of a bar that overlaps a session; a bar is complete when the last one it overlaps has closed.

    Sessions adjoin, and a lunch break is short: a bar that goes on in the next one is not complete at the boundary.
    """
    opens, closes = _open_spans(starts, exchange)
    at = np.searchsorted(closes, starts, side="right")
    length = np.timedelta64(span)
    inside = starts + length > np.append(opens, np.datetime64("NaT", "ns"))[at]
    kept, session = starts[inside], at[inside]
    opened, closed = opens[session], closes[session]
    final = closes[np.searchsorted(opens, kept + length) - 1]
    complete = np.minimum(kept + length, final)
    edge = (closed - opened) // EDGE
    row = _rows(inside, np.cumsum(inside) - 1, starts, exchange)
    early, late = kept < opened + edge, complete > closed - edge
    return Grid(kept, complete, row, session, complete == final, early, late)


def _rows(inside: Flags, at: Integers, times: Times, exchange: Exchange) -> Integers:
    days = times.astype("datetime64[D]")
    first, last = np.datetime64(exchange.first, "D"), np.datetime64(exchange.last, "D")
    return np.select([inside, days > last, days < first], [at, BEYOND, BEFORE], OUTSIDE)


def _covered(days: NDArray[np.datetime64], exchange: Exchange, margin: int = 0) -> tuple[date, date] | None:
    """First and last of rising days, and ``margin`` days around them, as far as the calendar goes."""
    first, last = np.datetime64(exchange.first, "D"), np.datetime64(exchange.last, "D")
    inside = days[(days >= first) & (days <= last)]
    around = np.timedelta64(margin, "D")
    return (max(first, inside[0] - around).item(), min(last, inside[-1] + around).item()) if len(inside) else None


def _open_spans(times: Times, exchange: Exchange) -> tuple[Times, Times]:
    """Starts and ends of trading around rising times; two a session where there is a lunch break."""
    # An instant's UTC date may lie next to the date of its session, and a bar may reach into the session after.
    covered = _covered(times.astype("datetime64[D]"), exchange, margin=2)
    return _spans_between(exchange, *covered) if covered else (np.empty(0, TIMES), np.empty(0, TIMES))


@lru_cache(maxsize=64)
def _spans_between(exchange: Exchange, start: date, end: date) -> tuple[Times, Times]:
    hours = [exchange.hours(session) for session in exchange.sessions(start, end)]
    spans = [span for one in hours if one for span in one.spans]
    starts = np.array([to_datetime64(opens) for opens, _ in spans], TIMES)
    return starts, np.array([to_datetime64(closes) for _, closes in spans], TIMES)


def misplaced(
    symbols: Sequence[str], grid: Grid, present: Flags, outside: Integers, exchange: Exchange, daily: bool
) -> Flaws:
    """Symbols whose rows fall outside the sessions in a way that only a wrong zone or date explains."""
    inside = present.sum(axis=0)
    lost = (outside > 0) & (inside == 0)
    share = outside / np.maximum(outside + inside, 1)
    shifted = (outside > 2) & (share > CLOSED_DAYS) if daily else (outside > 0) & _never_at_an_edge(grid, present)
    return {
        symbols[column]: (
            DropCode.TIMEZONE,
            f"{outside[column]} of {outside[column] + inside[column]} bars lie outside the sessions of "
            f"{exchange.code}" + ("" if lost[column] else ", as times of a wrong zone do"),
        )
        for column in np.flatnonzero(lost | shifted).tolist()
    }


def _never_at_an_edge(grid: Grid, present: Flags) -> Flags:
    """Symbols without a bar in the first part of any session but the first, or the last part of any but the last.

    The first session may begin, and the last one end, in the middle.
    """
    if not len(grid.session) or grid.session[0] == grid.session[-1]:
        return np.zeros(present.shape[1], np.bool_)
    after, before = grid.session > grid.session[0], grid.session < grid.session[-1]
    lacks_early = present[after].any(axis=0) & ~present[after & grid.early].any(axis=0)
    lacks_late = present[before].any(axis=0) & ~present[before & grid.late].any(axis=0)
    lacking: Flags = lacks_early | lacks_late
    return lacking


def instant_of(time: np.datetime64) -> datetime:
    """The naive UTC of numpy as an aware instant."""
    instant: datetime = time.astype("datetime64[us]").item()
    return instant.replace(tzinfo=UTC)


def session_age(newest: Times, as_of: datetime, exchange: Exchange) -> NDArray[np.timedelta64]:
    """Time between instants and ``as_of`` during which the exchange was open."""
    if not len(newest):
        return np.empty(0, "timedelta64[ns]")
    ends = np.array([newest.min(), to_datetime64(as_of)])
    opens, closes = _open_spans(ends, exchange)
    return _open_time(ends[1:], opens, closes) - _open_time(newest, opens, closes)


def _open_time(instants: Times, opens: Times, closes: Times) -> NDArray[np.timedelta64]:
    """Open time from the first session up to each instant."""
    none = np.timedelta64(0, "ns")
    total = np.concatenate(([none], np.cumsum(closes - opens)))
    at = np.searchsorted(closes, instants)
    if not len(opens):
        return np.zeros(len(instants), "timedelta64[ns]")
    into = np.clip(instants - opens[np.minimum(at, len(opens) - 1)], none, None)
    return total[at] + np.where(at < len(opens), into, none)
