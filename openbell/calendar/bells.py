"""From a job's grid to the cron lines that ring for it: a schedule knows neither holidays nor half days, the grid does.

Every instant of the grid is rung for. A line that fits most days rings on holidays too, where the run ends as a skip;
what only some days have (the minutes before an early close, a session across a change of the clock) gets lines of its
own by date. So the lines hold for the days that they were made for, and are made anew when plans are published.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import TypeVar
from zoneinfo import ZoneInfo

from openbell.calendar.exchange import exchange
from openbell.calendar.slots import grid_of
from openbell.calendar.window import window_zone
from openbell.values.plan import Plan
from openbell.values.time import as_utc

#: How far ahead the lines are made for.
AHEAD = timedelta(days=366)
#: Years before, whose special days tell on which dates later years may have theirs.
BEFORE = 10
#: A wall time that so large a share of a weekday's dates has is rung on every such weekday.
USUAL = 0.5
#: Minutes of an hour: no field but that of the minutes has so many.
HOUR = 60

#: Minutes of a day.
Walls = frozenset[int]
#: A weekday or a date.
Key = TypeVar("Key", int, date)


@dataclass(frozen=True, slots=True, order=True)
class Bell:
    """One cron line in one zone."""

    cron: str
    zone: str


def bells(plan: Plan, job: str, start: datetime) -> tuple[Bell, ...]:
    """The lines of a job from ``start`` for a year; a schedule given as cron is passed on as it is."""
    rings = plan.rings(job)
    if rings.cron:
        return (Bell(rings.cron, rings.zone or window_zone(plan.window).key),)
    market = exchange(plan.window.exchange)
    end = min(as_utc(start) + AHEAD, datetime.combine(market.last, time(), UTC))
    days = _days(grid_of(plan, job).between(start, end), market.zone)
    return tuple(Bell(cron, market.zone.key) for cron in _lines(days))


def lasting(plan: Plan, job: str, start: datetime) -> tuple[Bell, ...]:
    """As ``bells``, but a special day is rung for on every date that it had in the years before.

    Each of these lines rings once a year for nothing, mostly, and the lines hold for more than the year that they
    were made for: the day after Thanksgiving is 23 to 29 November, and not the 27th.
    """
    lines, rings = bells(plan, job, start), plan.rings(job)
    if not rings.at:
        return lines
    first = exchange(plan.window.exchange).first
    earlier = [as_utc(start) - years * AHEAD for years in range(1, BEFORE + 1)]
    found = [line for at in earlier if at.date() > first for line in bells(plan, job, at)]
    regular = tuple(line for line in lines if _of_any_day(line))
    return regular + _merged(line for line in (*lines, *found) if not _of_any_day(line))


def _of_any_day(line: Bell) -> bool:
    return line.cron.split()[2] == "*"


def _merged(lines: Iterable[Bell]) -> tuple[Bell, ...]:
    """One line for all dates of a month that have the same minutes."""
    days: dict[tuple[str, str, str, str], set[int]] = defaultdict(set)
    for line in lines:
        minutes, hours, dates, month, _ = line.cron.split()
        days[month.zfill(2), minutes, hours, line.zone] |= _spread(dates)
    return tuple(
        Bell(f"{minutes} {hours} {_numbers(sorted(dates))} {int(month)} *", zone)
        for (month, minutes, hours, zone), dates in sorted(days.items())
    )


def _spread(field: str) -> set[int]:
    """The numbers of a cron field that ``_numbers`` has written."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        found |= set(range(int(first), int(last or first) + 1, int(step or 1)))
    return found


def _days(instants: Iterable[datetime], zone: ZoneInfo) -> dict[date, Walls]:
    """The minutes of each local date that something happens in."""
    found: dict[date, set[int]] = defaultdict(set)
    for instant in instants:
        local = instant.astimezone(zone)
        found[local.date()].add(local.hour * 60 + local.minute)
    return {day: frozenset(walls) for day, walls in found.items()}


def _lines(days: Mapping[date, Walls]) -> list[str]:
    usual = _usual(days)
    regular = [
        line
        for walls, weekdays in _alike({weekday: walls for weekday, walls in usual.items() if walls})
        for line in _crons(walls, "*", "*", _numbers(sorted(weekdays)))
    ]
    special = {day: walls - usual[day.isoweekday() % 7] for day, walls in days.items()}
    return regular + [
        line
        for walls, dates in _alike({day: walls for day, walls in special.items() if walls})
        for month, in_month in groupby(sorted(dates), key=lambda day: day.month)
        for line in _crons(walls, _numbers([day.day for day in in_month]), str(month), "*")
    ]


def _usual(days: Mapping[date, Walls]) -> dict[int, Walls]:
    """By weekday (Sunday is 0) the minutes that most of its dates have."""
    of: dict[int, list[Walls]] = {weekday: [] for weekday in range(7)}
    for day, walls in days.items():
        of[day.isoweekday() % 7].append(walls)
    return {weekday: _common(found) for weekday, found in of.items()}


def _common(found: Sequence[Walls]) -> Walls:
    counts: dict[int, int] = defaultdict(int)
    for walls in found:
        for wall in walls:
            counts[wall] += 1
    return frozenset(wall for wall, count in counts.items() if count > USUAL * len(found))


def _alike(walls_of: Mapping[Key, Walls]) -> list[tuple[Walls, list[Key]]]:
    """The days that have the same minutes, together."""
    found: dict[Walls, list[Key]] = defaultdict(list)
    for key, walls in walls_of.items():
        found[walls].append(key)
    return list(found.items())


def _crons(walls: Walls, days: str, month: str, weekdays: str) -> list[str]:
    """One line for all hours that have the same minutes."""
    minutes: dict[int, list[int]] = defaultdict(list)
    for wall in sorted(walls):
        minutes[wall // 60].append(wall % 60)
    hours: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for hour, of_hour in minutes.items():
        hours[tuple(of_hour)].append(hour)
    return [f"{_numbers(m)} {_numbers(h)} {days} {month} {weekdays}" for m, h in hours.items()]


def _numbers(numbers: Sequence[int]) -> str:
    """Rising numbers as a cron field: runs of three and more as ranges, evenly spaced ones with their step."""
    if len(numbers) > 2:
        step = numbers[1] - numbers[0]
        if list(numbers) == list(range(numbers[0], numbers[-1] + 1, step)):
            whole = numbers[0] == 0 and numbers[-1] + step == HOUR
            span = "*" if whole else f"{numbers[0]}-{numbers[-1]}"
            return span if step == 1 else f"{span}/{step}"
    parts = []
    for _, run in groupby(enumerate(numbers), key=lambda item: item[1] - item[0]):
        found = [number for _, number in run]
        parts.append(f"{found[0]}-{found[-1]}" if len(found) > 2 else ",".join(map(str, found)))
    return ",".join(parts)
