"""Instants and durations: every stored instant is UTC and aware."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from openbell.errors import InputError

_DURATION = re.compile(r"^(?P<sign>[+-]?)(?P<count>\d{1,5})(?P<unit>[smhd])$")
_SIZES = {86_400: "d", 3_600: "h", 60: "m", 1: "s"}
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def as_utc(instant: datetime, name: str = "instant") -> datetime:
    """The same instant in UTC; an instant without a zone is refused, never guessed."""
    if type(instant) is datetime and instant.tzinfo is UTC:
        return instant
    if instant.tzinfo is None:
        raise InputError(f"{name} {instant.isoformat()} has no zone; write it as {instant.isoformat()}+00:00")
    try:
        moved = instant.astimezone(UTC)
    except OverflowError:
        raise InputError(f"{name} {instant.isoformat()} is not within the years 1 to 9999 in UTC") from None
    # Subclasses from other libraries bring arithmetic of their own; inside there are plain datetimes only.
    return moved if type(moved) is datetime else datetime.combine(moved.date(), moved.time(), UTC)


def later(instant: datetime, span: timedelta, name: str = "instant") -> datetime:
    """So long after the instant; an InputError where no year is left."""
    try:
        return instant + span
    except OverflowError:
        raise InputError(f"{name} {iso(instant)} is too late: {span.days} days on is above the year 9999") from None


def parse_instant(text: str, name: str = "instant") -> datetime:
    """An ISO 8601 instant with a zone, in UTC."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{name} {text!r} is not an ISO 8601 instant such as 2026-11-20T14:35:00+00:00") from None
    return as_utc(parsed, name)


def parse_duration(text: str, name: str = "duration") -> timedelta:
    """A signed duration such as ``30s``, ``15m``, ``-10m``, ``24h`` or ``1d``."""
    match = _DURATION.match(text.strip())
    if match is None:
        raise InputError(f"{name} {text!r} is not a duration such as 30s, 15m, -10m, 24h or 1d")
    span = timedelta(**{_UNITS[match["unit"]]: int(match["count"])})
    return -span if match["sign"] == "-" else span


def duration_text(span: timedelta) -> str:
    """A duration as ``parse_duration`` reads it, in the largest unit that holds it exactly: ``15m``, ``-90s``."""
    seconds = int(span.total_seconds())
    size, unit = next((size, unit) for size, unit in _SIZES.items() if seconds % size == 0)
    return f"{seconds // size}{unit}"


@lru_cache(maxsize=1024)
def iso(instant: datetime) -> str:
    """Canonical text of an instant: UTC, microseconds only when there are any, ``Z`` at the end."""
    return as_utc(instant).isoformat().replace("+00:00", "Z")
