"""Whether a plan may trade at an instant: the exchange's session, cut by the plan's own window. Closed wins."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from openbell.calendar.exchange import Exchange, Hours, Instants, exchange
from openbell.errors import CalendarError, PlanError
from openbell.values.job import WorkingHours
from openbell.values.plan import Window
from openbell.values.time import as_utc

#: Names of weekdays in plans, Monday first.
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: How far ahead ``next_open`` looks.
AHEAD = timedelta(days=366)

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class WindowDecision:
    """Whether trading is allowed, and why.

    ``code`` is one of OPEN, ANY_HOUR, WEEKEND, HOLIDAY, CLOSURE, WEEKDAY, BEFORE_OPEN, AFTER_CLOSE, BREAK,
    OUTSIDE_WINDOW. ``session`` is the session of the instant, or its local date. ``opens`` and ``closes`` bound what
    the window
    leaves of that session, None when it leaves nothing. ``next_open`` is the next instant at which a closed window
    opens, within a year and within the calendar; None while open.
    """

    open: bool
    code: str
    detail: str
    session: date
    opens: datetime | None
    closes: datetime | None
    next_open: datetime | None


def decide_for(hours: WorkingHours, window: Window, instant: datetime) -> WindowDecision:
    """Judge one instant for a job by the hours that it keeps."""
    if hours is WorkingHours.WINDOW:
        return decide(window, instant)
    if hours is WorkingHours.SESSION:
        return decide(Window(exchange=window.exchange), instant)
    session = exchange(window.exchange).session_of(as_utc(instant))
    return WindowDecision(True, "ANY_HOUR", "it works at any hour", session, None, None, None)


def decide(window: Window, instant: datetime) -> WindowDecision:
    """Judge one instant; starts are inclusive, ends exclusive. Beyond the calendar it is a CalendarError."""
    instant, market = as_utc(instant), exchange(window.exchange)
    session = market.session_of(instant)
    hours = market.hours(session)
    spans = _spans(window, market, hours) if hours else ()
    running = next((span for span in spans if span[0] <= instant < span[1]), None)
    if running:
        code, detail = "OPEN", f"the window is open until {_clock(running[1], market.zone)}"
    elif hours is None:
        code, detail = _no_session(market, session)
    else:
        code, detail = _why_closed(window, market, hours, spans, instant)
    return WindowDecision(
        open=running is not None,
        code=code,
        detail=detail if hours is None else f"{_stamp(instant, market.zone)}, {detail}",
        session=session,
        opens=spans[0][0] if spans else None,
        closes=spans[-1][1] if spans else None,
        next_open=None if running else _next_open(window, market, instant),
    )


def spans(window: Window, session: date) -> tuple[Span, ...]:
    """What the window leaves of a session, in UTC, rising, start inclusive and end exclusive; may be empty."""
    market = exchange(window.exchange)
    hours = market.hours(session)
    return _spans(window, market, hours) if hours else ()


def spans_between(window: Window, first: date, last: date) -> tuple[Instants, Instants]:
    """Starts and ends of all spans of the sessions from ``first`` to ``last``, both included, UTC, rising."""
    market = exchange(window.exchange)
    if market.breaks or _walled(window):
        found = [span for session in market.sessions(first, last) for span in spans(window, session)]
        starts, ends = ([np.datetime64(span[at].replace(tzinfo=None), "ns") for span in found] for at in (0, 1))
        return np.array(starts, "datetime64[ns]"), np.array(ends, "datetime64[ns]")
    opens, closes = market.session_bounds(first, last)
    starts = opens + np.maximum(np.timedelta64(window.open_offset, "ns"), np.timedelta64(0, "ns"))
    ends = closes + np.minimum(np.timedelta64(window.close_offset, "ns"), np.timedelta64(0, "ns"))
    shut = np.isin(market.session_dates(first, last), np.array(window.closures, "datetime64[D]"))
    kept = (starts < ends) & ~shut
    return starts[kept], ends[kept]


def _walled(window: Window) -> bool:
    """Whether wall times or days of the week narrow the window."""
    return not (window.start is None and window.end is None and len(window.weekdays) == len(WEEKDAYS))


def check_window(window: Window) -> None:
    """PlanError when the window can never open: unknown exchange, offsets that widen or meet, nothing in common."""
    try:
        market = exchange(window.exchange)
    except CalendarError as error:
        raise PlanError(f"window.exchange: {error}") from None
    if window.open_offset < timedelta(0):
        raise PlanError(f"window.open_offset {_offset(window.open_offset)} is before the open: below 0")
    if window.close_offset > timedelta(0):
        raise PlanError(f"window.close_offset {_offset(window.close_offset)} is after the close: above 0")
    coming = market.sessions(max(market.first, market.last - AHEAD), market.last)
    if not any(spans(window, session) for session in coming):
        raise PlanError(f"window {_words(window, market)} and the sessions of {_usual(market)} have nothing in common")


def window_zone(window: Window) -> ZoneInfo:
    """The zone of a window's wall times: its own, or the exchange's."""
    return ZoneInfo(window.zone) if window.zone else exchange(window.exchange).zone


def _spans(window: Window, market: Exchange, hours: Hours) -> tuple[Span, ...]:
    if hours.session in window.closures:
        return ()
    traded = _common(hours.spans, ((hours.opens + window.open_offset, hours.closes + window.close_offset),))
    if not _walled(window):
        return traded
    return _common(traded, _wall_spans(window, market.zone, hours))


def _wall_spans(window: Window, zone: ZoneInfo, hours: Hours) -> tuple[Span, ...]:
    """The plan's wall times on each local day that the session touches; adjoining ones are joined."""
    zone = ZoneInfo(window.zone) if window.zone else zone
    day, last = hours.opens.astimezone(zone).date(), hours.closes.astimezone(zone).date()
    joined: list[Span] = []
    while day <= last:
        if WEEKDAYS[day.weekday()] in window.weekdays:
            start = _at(day, window.start or time(), zone)
            end = _at(day, window.end, zone) if window.end else _at(day + timedelta(days=1), time(), zone)
            if joined and joined[-1][1] == start:
                start = joined.pop()[0]
            joined.append((start, end))
        day += timedelta(days=1)
    return tuple(joined)


def _common(left: tuple[Span, ...], right: tuple[Span, ...]) -> tuple[Span, ...]:
    pairs = ((max(a, c), min(b, d)) for a, b in left for c, d in right)
    return tuple((start, end) for start, end in pairs if start < end)


def _at(day: date, wall: time, zone: ZoneInfo) -> datetime:
    return as_utc(datetime.combine(day, wall, zone))


def _next_open(window: Window, market: Exchange, instant: datetime) -> datetime | None:
    session = market.coming(instant)
    if session is None:
        return None
    until = min(market.last, session + AHEAD)
    coming = (span for day in market.sessions(session, until) for span in spans(window, day))
    return next((start for start, _ in coming if start > instant), None)


# --- words ---------------------------------------------------------------------------------------------------


def _no_session(market: Exchange, day: date) -> tuple[str, str]:
    if market.is_weekend(day):
        return "WEEKEND", f"{day} is a {day:%A}, {market.code} has no session"
    name = market.holiday(day)
    return "HOLIDAY", f"{day} is {name}, {market.code} is closed" if name else f"{market.code} has no session on {day}"


def _why_closed(
    window: Window, market: Exchange, hours: Hours, spans: tuple[Span, ...], instant: datetime
) -> tuple[str, str]:
    zone, local = market.zone, instant.astimezone(window_zone(window))
    if hours.session in window.closures:
        return "CLOSURE", f"{hours.session} is a closure of the plan"
    if WEEKDAYS[local.weekday()] not in window.weekdays:
        return "WEEKDAY", f"the plan trades on {', '.join(window.weekdays)}, not on {WEEKDAYS[local.weekday()]}"
    if instant < hours.opens:
        return "BEFORE_OPEN", f"{market.code} opens at {_clock(hours.opens, zone)}"
    if instant >= hours.closes:
        half = " (half day)" if hours.half_day else ""
        return "AFTER_CLOSE", f"{market.code} closed at {_clock(hours.closes, zone)}{half}"
    if hours.break_start and hours.break_end and hours.break_start <= instant < hours.break_end:
        pause = f"{_clock(hours.break_start, zone)} to {_clock(hours.break_end, zone)}"
        return "BREAK", f"{market.code} pauses from {pause}"
    left = " and ".join(f"{_clock(start, zone)} to {_clock(end, zone)}" for start, end in spans)
    half = " (half day)" if hours.half_day else ""
    return "OUTSIDE_WINDOW", f"the window is {left or f'empty on {hours.session}'}{half}"


def _stamp(instant: datetime, zone: ZoneInfo) -> str:
    return f"{_clock(instant, zone)} {instant.astimezone(zone):%Z}"


def _clock(instant: datetime, zone: ZoneInfo) -> str:
    local = instant.astimezone(zone)
    if local.microsecond:
        return local.strftime("%H:%M:%S.%f")[:-3]
    return local.strftime("%H:%M:%S" if local.second else "%H:%M")


def _words(window: Window, market: Exchange) -> str:
    end = f"{window.end:%H:%M}" if window.end else "24:00"
    wall = f"{window.start or time():%H:%M} to {end} {window_zone(window).key}"
    ends = f"from open {_offset(window.open_offset)} to close {_offset(window.close_offset)}"
    days = f"on {', '.join(window.weekdays)}" if len(window.weekdays) < len(WEEKDAYS) else ""
    given = (
        wall if window.start or window.end else "",
        ends if window.open_offset or window.close_offset else "",
        days,
    )
    closed = f"without {len(window.closures)} closures of {market.code}" if window.closures else ""
    return ", ".join(part for part in (*given, closed) if part)


def _usual(market: Exchange) -> str:
    year = market.hours_between(market.last - AHEAD, market.last)
    usual = next((hours for hours in reversed(year) if not hours.half_day), year[-1])
    return (
        f"{market.code} ({_clock(usual.opens, market.zone)} to {_clock(usual.closes, market.zone)} {market.zone.key})"
    )


def _offset(offset: timedelta) -> str:
    seconds = int(offset.total_seconds())
    size, unit = next((size, unit) for size, unit in ((3600, "h"), (60, "m"), (1, "s")) if seconds % size == 0)
    return f"{seconds // size:+d}{unit}"
