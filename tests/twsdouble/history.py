"""Bars of the double: every weekday from 9:30 to 16:00 in New York has prices that depend on symbol and time alone."""

import math
import zlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
OPENS, CLOSES = time(9, 30), time(16)
SIZES = {"sec": 1, "secs": 1, "min": 60, "mins": 60, "hour": 3600, "hours": 3600}
DAYS = {"D": 1, "W": 5, "M": 22, "Y": 252}


def rows(symbol: str, end: datetime, duration: str, size: str, epoch: bool) -> list[list]:
    """Bars that have begun at ``end``: date, open, high, low, close, volume, average, count."""
    count, unit = duration.split()
    days = max(1, -(-int(count) // 86_400)) if unit == "S" else int(count) * DAYS[unit]
    found: list[list] = []
    for day in _days(end, days):
        found += _daily(symbol, day) if size == "1 day" else _intraday(symbol, day, end, size, epoch)
    return found


def instant(words: str) -> datetime:
    """An end as a client writes it: with a zone, or with a dash for UTC."""
    if words[8:9] == "-":
        return datetime.strptime(words, "%Y%m%d-%H:%M:%S").replace(tzinfo=UTC)
    day, clock, zone = words.split(" ")
    return datetime.strptime(f"{day} {clock}", "%Y%m%d %H:%M:%S").replace(tzinfo=ZoneInfo(zone))


def _days(end: datetime, count: int) -> list[date]:
    local = end.astimezone(NEW_YORK)
    day = local.date() if local.time() >= OPENS else local.date() - timedelta(days=1)
    found: list[date] = []
    while len(found) < count:
        if day.weekday() < 5:
            found.append(day)
        day -= timedelta(days=1)
    return found[::-1]


def _daily(symbol: str, day: date) -> list[list]:
    return [_bar(f"{day:%Y%m%d}", symbol, day.toordinal())]


def _intraday(symbol: str, day: date, end: datetime, size: str, epoch: bool) -> Iterator[list]:
    number, unit = size.split()
    step = timedelta(seconds=int(number) * SIZES[unit])
    at = datetime.combine(day, OPENS, NEW_YORK)
    while at < datetime.combine(day, CLOSES, NEW_YORK) and at <= end:
        words = str(int(at.timestamp())) if epoch else at.strftime("%Y%m%d %H:%M:%S US/Eastern")
        yield _bar(words, symbol, int(at.timestamp()) // 60)
        at += step


def _bar(words: str, symbol: str, number: int) -> list:
    base = 50 + zlib.crc32(symbol.encode()) % 200
    opened = base * (1 + 0.05 * math.sin(number / 7))
    closed = base * (1 + 0.05 * math.sin((number + 1) / 7))
    prices = [opened, max(opened, closed) * 1.01, min(opened, closed) * 0.99, closed]
    return [words, *(f"{price:.2f}" for price in prices), 10_000 + number % 1000, f"{opened:.4f}", 100]
