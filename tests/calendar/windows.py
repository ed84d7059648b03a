"""Trading windows, and the minutes at which they are open."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from openbell.calendar.window import decide
from openbell.values.plan import Window

Wall = Callable[..., datetime]
MS = timedelta(milliseconds=1)


def window(**fields: Any) -> Window:
    return Window.model_validate(fields)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def minutes(day: str, wall: Wall, zone: str = "America/New_York") -> list[datetime]:
    start = wall(f"{day}T00:00", zone).astimezone(UTC)
    return [start + timedelta(minutes=n) for n in range(24 * 60)]


def open_minutes(chosen: Window, day: str, wall: Wall, zone: str = "America/New_York") -> list[str]:
    """First and last open minute of each open stretch of a day, in local time."""
    local = [instant for instant in minutes(day, wall, zone) if decide(chosen, instant).open]
    edges = [
        i for i, t in enumerate(local) if t - timedelta(minutes=1) not in local or t + timedelta(minutes=1) not in local
    ]
    return [f"{local[i].astimezone(wall('2026-01-01', zone).tzinfo):%H:%M}" for i in edges]
