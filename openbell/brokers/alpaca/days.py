"""Days of Alpaca's calendar: clock times without a zone, which are those of New York."""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from openbell.brokers.alpaca.rows import Row, text_of
from openbell.errors import BrokerError

_ZONE = ZoneInfo("America/New_York")
#: Begins and ends of sessions by day.
Told = Mapping[date, tuple[datetime, datetime]]


def once(path: Path | None, day: date, ask: Callable[[], Told]) -> Told:
    """One day's session, asked for once whatever runs ask: ``path`` keeps the answer, None keeps nothing.

    A day without a session is asked for again. What cannot be read there was never kept.
    """
    known = _read(path, day)
    if known:
        return known
    told = ask()
    if path is not None and day in told:
        with suppress(OSError):  # then the next run asks again
            _write(path, day, told[day])
    return told


def _read(path: Path | None, day: date) -> Told:
    if path is None:
        return {}
    try:
        kept = json.loads(path.read_text(encoding="ascii"))
        opens, closes = (datetime.fromisoformat(text).astimezone(UTC) for text in kept[day.isoformat()])
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {day: (opens, closes)}


def _write(path: Path, day: date, hours: tuple[datetime, datetime]) -> None:
    """Whole or not at all, since other processes read it; the day before is forgotten."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps({day.isoformat(): [each.isoformat() for each in hours]}), encoding="ascii")
    draft.replace(path)


def session_of(row: Row) -> tuple[date, tuple[datetime, datetime]]:
    """The day of a row and its regular session in UTC."""
    day, opens, closes = (text_of(row, name) for name in ("date", "open", "close"))
    return _instant(day, opens).date(), (_instant(day, opens).astimezone(UTC), _instant(day, closes).astimezone(UTC))


def _instant(day: str, clock: str) -> datetime:
    try:
        return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=_ZONE)
    except ValueError:
        raise BrokerError(f"alpaca: {day[:20]} {clock[:20]} of the calendar is no time of a day") from None
