"""The instants of a replay: slots inside the window, looks of the jobs that follow what was sent and bought."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from openbell.calendar.window import decide_for, spans_between
from openbell.errors import CalendarError, InputError
from openbell.replay.tape import Flags, Instants
from openbell.stages.check_bars import LATENESS
from openbell.stages.resolve import Resolved
from openbell.stages.sessions import instant_of, session_age
from openbell.values.bars import Times
from openbell.values.history import History
from openbell.values.job import Job
from openbell.values.plan import Window

_DAY = timedelta(days=1)
_NONE = np.empty(0, "datetime64[ns]")


def sessions_of(desk: Resolved, start: date, end: date) -> list[date]:
    """The sessions from ``start`` to ``end``; InputError for reversed dates or a range without any."""
    if start > end:
        raise InputError(f"start {start} is after end {end}")
    found = desk.exchange.sessions(start, end)
    if not found:
        raise InputError(f"{desk.exchange.code} has no session from {start} to {end}")
    return found


def planned(desk: Resolved, job: Job, start: date, end: date) -> list[datetime]:
    """Every instant of a job's grid on the days from ``start`` to ``end``, as far as the calendar goes."""
    zone = desk.exchange.zone
    first, last = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (start, end + _DAY))
    try:
        return desk.grids[job.name].between(first, last)
    except CalendarError:  # the last session of the calendar: its own hours are what there is
        hours = desk.exchange.hours_between(start, end)
        return desk.grids[job.name].between(max(first, hours[0].opens), min(last, hours[-1].closes))


def inside(desk: Resolved, job: Job, instants: Sequence[datetime]) -> tuple[list[datetime], Counter[str]]:
    """The instants at which the job's guards let it work, and how many others there are by code."""
    plan, rings = desk.plan, desk.plan.rings(job.name)
    if not plan.enabled or not rings.enabled:
        return [], Counter({"JOB_DISABLED" if plan.enabled else "DISABLED": len(instants)})
    window = plan.window if job.adds_risk else Window(exchange=plan.window.exchange)
    mask = _within(desk, window, instants)
    skips: Counter[str] = Counter()
    for instant, runs in zip(instants, mask.tolist(), strict=True):
        if not runs:
            skips[decide_for(job.hours, plan.window, instant).code] += 1
    return [instant for instant, runs in zip(instants, mask.tolist(), strict=True) if runs], skips


def _within(desk: Resolved, window: Window, instants: Sequence[datetime]) -> Flags:
    if not instants:
        return np.zeros(0, np.bool_)
    market = desk.exchange
    first = max(market.first, instants[0].date() - 2 * _DAY)
    last = min(market.last, instants[-1].date() + 2 * _DAY)
    starts, ends = spans_between(window, first, last)
    when = times_of(instants)
    at = np.searchsorted(starts, when, side="right") - 1
    found: Flags = (at >= 0) & (when < ends[np.maximum(at, 0)]) if len(starts) else np.zeros(len(when), np.bool_)
    return found


def times_of(instants: Sequence[datetime]) -> Times:
    """Aware instants as numpy's naive UTC nanoseconds."""
    micros = [round(instant.timestamp() * 1_000_000) for instant in instants]
    return np.array(micros, np.int64).astype("datetime64[us]").astype("datetime64[ns]")


# --- where instants stand on the tape ------------------------------------------------------------------------


def clock_of(desk: Resolved, history: History) -> np.ndarray:
    """When each bar is complete, on the scale on which the ages of bars are counted: plain time, or open time."""
    return _scaled(desk, history.bars.times, history.bars.times[-1])


def _scaled(desk: Resolved, times: Times, end: np.datetime64) -> np.ndarray:
    if desk.timeframe.daily:
        return times.astype(np.int64)
    return -session_age(times, instant_of(end), desk.exchange).astype("timedelta64[ns]").astype(np.int64)


def place(desk: Resolved, history: History, when: Sequence[datetime], closes: Times) -> Instants:
    """Where rising instants stand among the bars and sessions of a tape."""
    times = times_of(when)
    row = np.searchsorted(history.bars.times, times, side="right") - 1
    coming = np.minimum(row + 1, len(history.starts) - 1)
    forming = np.where((row + 1 < len(history.starts)) & (history.starts[coming] <= times), coming, -1)
    session = np.minimum(np.searchsorted(closes, times, side="right"), len(closes) - 1)
    return Instants(tuple(when), times, row, forming, session, _least(desk, history, times))


def _least(desk: Resolved, history: History, times: Times) -> np.ndarray:
    """The oldest that a newest bar may be at each instant, as ``check_bars`` judges it."""
    most = desk.plan.freshness.bars
    if not desk.timeframe.daily:
        limit = np.timedelta64(most or desk.timeframe.span + LATENESS, "ns").astype(np.int64)
        return _scaled(desk, times, history.bars.times[-1]) - limit if len(times) else times.astype(np.int64)
    if most is not None:
        return times.astype(np.int64) - np.timedelta64(most, "ns").astype(np.int64)
    closes = desk.exchange.session_bounds(desk.exchange.first, desk.exchange.last)[1]
    return closes[np.searchsorted(closes, times, side="right") - 1].astype(np.int64)


# --- looks ---------------------------------------------------------------------------------------------------


def bells(desk: Resolved, job: Job, after: Times, start: date, end: date) -> Times:
    """The first instant of a job's grid at or after each of some rising times, inside the sessions; each once."""
    rings = desk.plan.rings(job.name)
    if not desk.plan.enabled or not rings.enabled or not len(after):
        return _NONE
    if rings.every:
        found = _every(desk, np.timedelta64(rings.every, "ns"), after, start, end)
    else:
        grid = times_of(planned(desk, job, start, end))
        at = np.searchsorted(grid, after)
        found = grid[at[at < len(grid)]]
    found = np.unique(found)
    kept: Times = found[_within(desk, Window(exchange=desk.exchange.code), [instant_of(time) for time in found])]
    return kept


def _every(desk: Resolved, every: np.timedelta64, after: Times, start: date, end: date) -> Times:
    """An interval is counted from the open of each session."""
    opens, closes = desk.exchange.session_bounds(start, end)
    at = np.searchsorted(closes, after, side="right")
    after, at = after[at < len(closes)], at[at < len(closes)]
    since = np.maximum(after - opens[at], np.timedelta64(0, "ns"))
    rings = opens[at] + -(-since // every) * every
    found: Times = rings[rings < closes[at]]
    return found
