"""The grid of a schedule: every instant at which a job's bell rings, in UTC, the same whoever asks."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from openbell.calendar.exchange import Exchange, Hours, exchange
from openbell.calendar.window import window_zone
from openbell.errors import CalendarError, InputError, PlanError
from openbell.values.plan import Window
from openbell.values.schedule import Schedule
from openbell.values.time import as_utc, iso, parse_duration

#: A point further than this from its session's open or close is refused.
FURTHEST = timedelta(hours=24)
#: Days by which a point may lie away from its session's date: a session of a day, an offset, a zone.
_REACH = timedelta(days=3)
#: Searches look this far ahead or back in turn; a cron of 29 February waits eight years around 2100.
_WIDTHS = (timedelta(hours=1), *(timedelta(days=days) for days in (1, 4, 16, 64, 256, 1024, 366 * 9)))

#: Bells are cron lines, which know no seconds.
MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)
_AT = re.compile(r"^(open|close)(?:([+-]\d{1,5}[smhd]))?$")
#: Only what every cron reads alike: no L, W, #, ? or nicknames.
_CRON_FIELD = re.compile(r"^(?:\*|\d+|[A-Za-z]{3})(?:[-/,](?:\*|\d+|[A-Za-z]{3}))*$")

Anchors = tuple[tuple[str, timedelta], ...]
#: Every point from a start to an end, and perhaps some around; in any order, perhaps doubled.
Points = Callable[[datetime, datetime], Iterator[datetime]]


@dataclass(frozen=True, slots=True)
class Grid:
    """Planned instants of one schedule; made by ``Grid.of``.

    An instant that the exchange's calendar does not cover is a CalendarError, also for a cron.
    """

    text: str
    market: Exchange
    points: Points

    @classmethod
    def of(cls, schedule: Schedule, window: Window) -> "Grid":
        """The grid of a schedule; what cannot be read as one is a PlanError that names it."""
        market = _market(window)
        if schedule.cron is not None:
            zone = ZoneInfo(schedule.zone) if schedule.zone else window_zone(window)
            return cls(f"cron {schedule.cron!r}", market, partial(_cron_points, _cron(schedule.cron), zone))
        if schedule.every is not None:
            return cls(f"every {schedule.every}", market, partial(_every_points, market, schedule.every))
        anchors = tuple(_anchor(text) for text in schedule.at)
        return cls(f"at {', '.join(schedule.at)}", market, partial(_at_points, market, anchors))

    def between(self, start: datetime, end: datetime) -> list[datetime]:
        """Planned instants from ``start`` (inclusive) to ``end`` (exclusive), rising."""
        start, end = self._known(start, "start"), as_utc(end, "end")
        if start >= end:
            return []
        self._known(end - _TICK, "end")
        return self._between(start, end)

    def floor(self, instant: datetime) -> datetime | None:
        """The newest planned instant at or before ``instant``; None when the calendar has none."""
        return self._newest(self._known(instant) + _TICK)

    def next(self, instant: datetime) -> datetime:
        """The first planned instant after ``instant``; a CalendarError when the calendar ends before it."""
        found = self._first(self._known(instant) + _TICK)
        if found is None:
            end = f"the {self.market.code} calendar ends on {self.market.last}"
            raise CalendarError(f"{self.text} has no instant after {iso(instant)}: {end}")
        return found

    def interval_at(self, instant: datetime) -> timedelta:
        """Time between the planned instant at or before ``instant`` and its nearer neighbour."""
        planned = self.floor(instant) or self.next(instant)
        before, after = self._newest(planned), self._first(planned + _TICK)
        gaps = [abs(planned - other) for other in (before, after) if other]
        if not gaps:
            raise CalendarError(f"{self.text} has one instant only, {iso(planned)}, within years around it")
        return min(gaps)

    def _known(self, instant: datetime, name: str = "instant") -> datetime:
        instant = as_utc(instant, name)
        self.market.session_of(instant)
        return instant

    def _between(self, start: datetime, end: datetime) -> list[datetime]:
        return sorted({point for point in self.points(start, end) if start <= point < end})

    def _newest(self, end: datetime) -> datetime | None:
        found = (self._between(end - width, end) for width in _WIDTHS)
        return next((points[-1] for points in found if points), None)

    def _first(self, start: datetime) -> datetime | None:
        found = (self._between(start, start + width) for width in _WIDTHS)
        return next((points[0] for points in found if points), None)


def _market(window: Window) -> Exchange:
    try:
        return exchange(window.exchange)
    except CalendarError as error:
        raise PlanError(f"window.exchange: {error}") from None


# --- cron ----------------------------------------------------------------------------------------------------


def _cron(text: str) -> CronSim:
    fields = text.split()
    if len(fields) != 5:
        raise PlanError(f"cron {text!r} needs 5 fields (minute hour day month weekday), has {len(fields)}")
    bad = next((field for field in fields if not _CRON_FIELD.match(field)), None)
    if bad is not None:
        raise PlanError(f"cron {text!r}: {bad!r} is not made of numbers, names, *, -, / and commas")
    day, weekday = fields[2], fields[4]
    if any(field.startswith("*") and field != "*" for field in (day, weekday)) and "*" not in (day, weekday):
        raise PlanError(f"cron {text!r}: days {day!r} with weekdays {weekday!r} is read as both or either; use one")
    try:
        return CronSim(text, datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise PlanError(f"cron {text!r}: {str(error).lower()}") from None


def _cron_points(cron: CronSim, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """Wall times of each matching day, placed as Prefect 3 places them.

    A wall time that a clock change skips rings at the offset after the change (an hour early), one that it repeats
    rings the first time. Two that so fall together are one.
    """
    walls = [time(hour, minute) for hour in cron.hours for minute in cron.minutes]
    day, last = start.astimezone(zone).date() - _DAY, end.astimezone(zone).date() + _DAY
    while day <= last:
        if day.month in cron.months and cron.match_day(day):
            yield from _at_walls(day, walls, zone)
        day += _DAY


def _at_walls(day: date, walls: list[time], zone: ZoneInfo) -> Iterator[datetime]:
    midnight, following = (as_utc(datetime.combine(edge, time(), zone)) for edge in (day, day + _DAY))
    if following - midnight == _DAY:
        return (midnight + timedelta(hours=wall.hour, minutes=wall.minute) for wall in walls)
    return (_wall_to_utc(datetime.combine(day, wall, zone)) for wall in walls)


def _wall_to_utc(wall: datetime) -> datetime:
    instant = as_utc(wall)
    exists = instant.astimezone(wall.tzinfo).replace(tzinfo=None) == wall.replace(tzinfo=None)
    return instant if exists else as_utc(wall.replace(fold=1))


# --- sessions ------------------------------------------------------------------------------------------------


def _every_points(market: Exchange, every: timedelta, start: datetime, end: datetime) -> Iterator[datetime]:
    for hours in _sessions(market, start, end):
        first = max(0, _steps(start - hours.opens, every))
        stop = _steps(min(end, hours.closes) - hours.opens, every)
        yield from (hours.opens + n * every for n in range(first, stop))


def _steps(span: timedelta, every: timedelta) -> int:
    """The number of the first step that is not before the end of a span."""
    return -(-span // every)


def _at_points(market: Exchange, anchors: Anchors, start: datetime, end: datetime) -> Iterator[datetime]:
    for hours in _sessions(market, start, end):
        yield from ((hours.opens if anchor == "open" else hours.closes) + offset for anchor, offset in anchors)


def _sessions(market: Exchange, start: datetime, end: datetime) -> list[Hours]:
    """Sessions that may have a point in the range, as far as the calendar goes."""
    first, last = max(market.first, start.date() - _REACH), min(market.last, end.date() + _REACH)
    return market.hours_between(first, last) if first <= last else []


def _anchor(text: str) -> tuple[str, timedelta]:
    match = _AT.match(text.replace(" ", ""))
    if match is None:
        raise PlanError(f"at {text[:40]!r} is not an instant such as open, open+5m, close-10m or close+5m")
    try:
        offset = parse_duration(match[2] or "0s")
    except InputError as error:
        raise PlanError(f"at {text!r}: {error}") from None
    if abs(offset) > FURTHEST:
        raise PlanError(f"at {text!r} is more than 24h away from the {match[1]}")
    if offset % MINUTE:
        raise PlanError(f"at {text!r} is not whole minutes from the {match[1]}: bells ring on the minute")
    return match[1], offset
