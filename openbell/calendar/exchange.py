"""Sessions of one exchange, as exchange_calendars has them, known to a process from the first question on."""

import importlib
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from openbell.calendar.sessions import Sessions
from openbell.errors import CalendarError, InputError
from openbell.values.time import as_utc, iso

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
#: Weeks on either side that tell a weekend from a holiday.
_WEEKS = 8
#: More than any zone is away from UTC.
_ZONES = timedelta(days=2)
_NEVER = np.iinfo(np.int64).min

Instants = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Hours:
    """One session in UTC; ``session`` is its label, ``half_day`` a close before the usual time."""

    session: date
    opens: datetime
    closes: datetime
    break_start: datetime | None
    break_end: datetime | None
    half_day: bool

    @property
    def spans(self) -> tuple[tuple[datetime, datetime], ...]:
        """Trading intervals, start inclusive and end exclusive: two when there is a lunch break."""
        if self.break_start is None or self.break_end is None:
            return ((self.opens, self.closes),)
        return (self.opens, self.break_start), (self.break_end, self.closes)


class Exchange:
    """Sessions from ``first`` to ``last``; any date outside is a CalendarError, never a guess.

    Instants must be aware. Built by ``exchange``; do not change it, everyone shares it.
    """

    __slots__ = ("_breaks", "_closes", "_dates", "_early", "_known", "_opens", "_row", "_sessions", "code", "zone")

    def __init__(self, code: str, sessions: Sessions) -> None:
        self.code = code
        self.zone = ZoneInfo(sessions.zone)
        self._sessions = sessions
        sessions.days.flags.writeable = False
        self._dates: list[date] = sessions.days.tolist()
        self._row = {session: row for row, session in enumerate(self._dates)}
        self._opens, self._closes = _micros(sessions.opens), _micros(sessions.closes)
        starts, ends = sessions.break_starts, sessions.break_ends
        self._breaks = {
            int(row): (_instant(int(starts[row]) // 1000), _instant(int(ends[row]) // 1000))
            for row in np.flatnonzero(starts != _NEVER)
        }
        self._known: dict[int, Hours] = {}
        self._early = frozenset(sessions.early.tolist())

    def __repr__(self) -> str:
        return f"Exchange({self.code} {self.first}..{self.last})"

    @property
    def first(self) -> date:
        """First session of the calendar."""
        return self._dates[0]

    @property
    def last(self) -> date:
        """Last session of the calendar, about a year from today."""
        return self._dates[-1]

    def is_session(self, day: date) -> bool:
        """Whether the exchange opens under this session date."""
        return self._check(day) in self._row

    def hours(self, session: date) -> Hours | None:
        """Hours of a session; None on a day without one."""
        row = self._row.get(self._check(session))
        return None if row is None else self._hours(row)

    def session_of(self, instant: datetime) -> date:
        """The session whose hours hold the instant; between sessions the local date."""
        moment = _since_epoch(instant)
        row = bisect_right(self._opens, moment) - 1
        if row >= 0 and moment < self._closes[row]:
            return self._dates[row]
        day = as_utc(instant).date()
        near = self.first - _ZONES <= day <= self.last + _ZONES  # else no local date is needed, nor always possible
        return self._check(instant.astimezone(self.zone).date() if near else day)

    def sessions(self, start: date, end: date) -> list[date]:
        """Session dates from ``start`` to ``end``, both inclusive."""
        return self._dates[self._rows(start, end)]

    def hours_between(self, start: date, end: date) -> list[Hours]:
        """Hours of the sessions from ``start`` to ``end``, both inclusive."""
        return [self._hours(self._row[session]) for session in self.sessions(start, end)]

    def last_complete(self, instant: datetime) -> date:
        """The newest session that has closed at ``instant``; a close at that very instant counts."""
        self.session_of(instant)
        row = bisect_right(self._closes, _since_epoch(instant)) - 1
        if row < 0:
            raise CalendarError(f"no session of {self.code} is complete at {iso(instant)}; the first is {self.first}")
        return self._dates[row]

    def offset(self, session: date, n: int) -> date:
        """The session ``n`` sessions after ``session`` (before, when negative)."""
        row = self._row.get(self._check(session))
        if row is None:
            raise CalendarError(f"{session} is no session of {self.code}")
        if row + n < 0:
            raise CalendarError(f"{-n} sessions before {session} is before {self.first}, {self._bound('first')}")
        if row + n >= len(self._dates):
            raise CalendarError(f"{n} sessions after {session} is after {self.last}, {self._bound('last')}")
        return self._dates[row + n]

    def session_dates(self, start: date | None = None, end: date | None = None) -> NDArray[np.datetime64]:
        """Session dates from ``start`` to ``end`` inclusive as a read-only datetime64[D] array; default all."""
        return self._sessions.days[self._rows(start or self.first, end or self.last)]

    def session_bounds(self, start: date, end: date) -> tuple[Instants, Instants]:
        """Opens and closes of the sessions from ``start`` to ``end`` inclusive, UTC, datetime64[ns]."""
        rows = self._rows(start, end)
        opens, closes = self._sessions.opens[rows], self._sessions.closes[rows]
        return opens.astype("datetime64[ns]"), closes.astype("datetime64[ns]")

    @property
    def breaks(self) -> bool:
        """Whether any session has a lunch break."""
        return bool(self._breaks)

    def coming(self, instant: datetime) -> date | None:
        """The session in progress at ``instant``, else the next one; None after the last."""
        row = bisect_right(self._closes, _since_epoch(instant))
        return self._dates[row] if row < len(self._dates) else None

    def is_weekend(self, day: date) -> bool:
        """Whether the exchange does not open on this day of the week in any of the weeks around."""
        weeks = (day + timedelta(days=7 * week) for week in range(-_WEEKS, _WEEKS + 1))
        return not any(other in self._row for other in weeks)

    def holiday(self, day: date) -> str:
        """Name of a regular holiday; empty when the calendar knows none for the day."""
        return self._sessions.holidays.get(day, "")

    def _hours(self, row: int) -> Hours:
        known = self._known.get(row)
        if known is not None:
            return known
        session = self._dates[row]
        start, end = self._breaks.get(row, (None, None))
        opens, closes = _instant(self._opens[row]), _instant(self._closes[row])
        return self._known.setdefault(row, Hours(session, opens, closes, start, end, session in self._early))

    def _rows(self, start: date, end: date) -> slice:
        return slice(bisect_left(self._dates, self._check(start)), bisect_right(self._dates, self._check(end)))

    def _check(self, day: date) -> date:
        if isinstance(day, datetime):
            raise InputError(f"{day.isoformat()} is an instant; a session is a date")
        if day < self._dates[0]:
            raise CalendarError(f"{day} is before {self.first}, {self._bound('first')}")
        if day > self._dates[-1]:
            raise CalendarError(f"{day} is after {self.last}, {self._bound('last')}")
        return day

    def _bound(self, side: str) -> str:
        return f"the {side} session of the {self.code} calendar"


#: What this process knows; everyone shares it.
_EXCHANGES: dict[str, Exchange] = {}


def exchange(code: str) -> Exchange:
    """The exchange of a code such as XNYS, NASDAQ or 24/7; one that nobody introduced takes a second to build."""
    return _EXCHANGES.get(code) or introduce(code, library(code))


def introduced(code: str) -> bool:
    """Whether this process knows the exchange already."""
    return code in _EXCHANGES


def introduce(code: str, sessions: Sessions) -> Exchange:
    """Let this process know an exchange by sessions that were read from ``library``, by whomever."""
    return _EXCHANGES.setdefault(code, Exchange(code, sessions))


def library(code: str) -> Sessions:
    """The sessions as exchange_calendars has them; a CalendarError for a code that it does not know."""
    # By path, because pandas takes a second to import, and most runs have no other use for it.
    sessions: Sessions = importlib.import_module("openbell.calendar.library").read(code)
    return sessions


def _micros(nanos: NDArray[np.int64]) -> list[int]:
    micros: list[int] = (nanos // 1000).tolist()
    return micros


def _instant(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def _since_epoch(instant: datetime) -> int:
    return (as_utc(instant) - _EPOCH) // _MICROSECOND
