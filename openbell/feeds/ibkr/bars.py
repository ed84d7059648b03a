"""Bars: the venue takes one request per symbol, of which some are open at the same time."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from openbell.errors import DataError, FeedUnavailable
from openbell.feeds.ibkr.terms import FeedTerms
from openbell.stages.raw_bars import RawBars
from openbell.values.bars import FIELDS, Timeframe
from openbell.venues.ibkr import words
from openbell.venues.ibkr.contracts import Contracts
from openbell.venues.ibkr.sdk import RequestError
from openbell.venues.ibkr.session import Session, Trouble

_MINUTE = timedelta(minutes=1)
#: Bar sizes of the venue from a minute up; shorter ones fall under a budget of 60 requests in ten minutes.
SIZES = {
    **{timedelta(minutes=n): "1 min" if n == 1 else f"{n} mins" for n in (1, 2, 3, 5, 10, 15, 20, 30)},
    **{timedelta(hours=n): "1 hour" if n == 1 else f"{n} hours" for n in (1, 2, 3, 4, 8)},
}
#: A regular session of the shortest exchange that shares trade on, for counting bars generously.
_SESSION = timedelta(hours=5)
#: Calendar days a week per session, and what holidays may add.
_WEEK, _HOLIDAYS = 7 / 5, 8
#: Longer than this is asked for in years.
_MOST_DAYS, _SESSIONS_A_YEAR = 365, 250
#: More than the SDK's own timeout, so that it ends first and tells the venue.
_MORE = 2.0


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of each symbol alike; an ``end`` of "" is the present, the only one for adjusted bars."""

    size: str
    duration: str
    what: str
    end: datetime | str
    seconds: float


def question(terms: FeedTerms, timeframe: Timeframe, count: int, as_of: datetime) -> Question:
    """The request for the last ``count`` bars; a timeframe that the venue has no bars of is a DataError."""
    if not timeframe.daily and timeframe.span not in SIZES:
        known = ", ".join(sorted(SIZES.values(), key=lambda text: (text.split()[1], int(text.split()[0]))))
        raise DataError(f"timeframe {timeframe.text} is not among those of the ibkr feed: 1 day, {known}")
    size = "1 day" if timeframe.daily else SIZES[timeframe.span]
    end: datetime | str = "" if terms.kind == "adjusted_last" else as_of
    since = timedelta(0) if end else max(datetime.now(as_of.tzinfo) - as_of, timedelta(0))
    return Question(size, duration(timeframe, count, since), terms.kind.upper(), end, terms.history_timeout)


def duration(timeframe: Timeframe, count: int, since: timedelta = timedelta(0)) -> str:
    """How far back to ask, generously, in the venue's units; ``since`` is how long ago the last bar may have been."""
    per_session = 1 if timeframe.daily else max(1, _SESSION // timeframe.span)
    sessions = math.ceil(count / per_session) + 1
    days = math.ceil(sessions * _WEEK) + _HOLIDAYS + math.ceil(since / timedelta(days=1))
    return f"{days} D" if days <= _MOST_DAYS else f"{math.ceil(days / _SESSIONS_A_YEAR / _WEEK)} Y"


async def fetch(
    session: Session, contracts: Contracts, symbols: Sequence[str], asked: Question, at_once: int
) -> Mapping[str, Any]:
    """A list of the venue's bars by symbol, or the reason in words where there is none."""
    found = await contracts.find(session, symbols)
    gate = asyncio.Semaphore(at_once)

    async def one(symbol: str) -> Any:
        details = found[symbol]
        if isinstance(details, str):
            return details
        async with gate:
            return await _history(session, details.contract, asked)

    got = dict(zip(symbols, await asyncio.gather(*map(one, symbols)), strict=True))
    late = sum(bars is _Late for bars in got.values())
    if late and not any(isinstance(bars, list) for bars in got.values()):
        raise FeedUnavailable(f"ibkr: no bars of {late} symbols within {asked.seconds:g} s")
    return {symbol: _told(bars, asked.seconds) for symbol, bars in got.items()}


class _Late:
    """Stands for an answer that did not come in time."""


def _told(bars: Any, seconds: float) -> Any:
    return f"no answer within {seconds:g} s" if bars is _Late else bars


async def _history(session: Session, contract: Any, asked: Question) -> Any:
    def request() -> Any:
        return session.ib.reqHistoricalDataAsync(
            contract,
            asked.end,
            asked.duration,
            asked.size,
            asked.what,
            True,
            2,
            timeout=asked.seconds,
        )

    try:
        bars = await session.numbered("bars", request, asked.seconds + _MORE)
    except RequestError as error:
        return f"the venue answered {error.code}: {words.shown(error.message)}"
    except Trouble:
        if session.dead:
            raise
        return _Late
    if any(isinstance(bar.date, datetime) and bar.date.tzinfo is None for bar in bars):
        return "its bars have times without a zone"
    # The SDK gives an empty list for an answer that did not come; an answer without bars is an error.
    return list(bars) or _Late


def raw(got: Mapping[str, Any], daily: bool) -> RawBars:
    """All bars as one block of rows."""
    there = {symbol: bars for symbol, bars in got.items() if not isinstance(bars, str)}
    rows = [bar for bars in there.values() for bar in bars]
    codes = np.repeat(np.arange(len(there), dtype=np.intp), [len(bars) for bars in there.values()])
    # A daily bar comes with its session's date, any other one with the instant of its start.
    times = (
        np.array([f"{bar.date:%Y-%m-%d}" for bar in rows], "datetime64[D]")
        if daily
        else np.array([int(bar.date.timestamp()) for bar in rows], "datetime64[s]").astype("datetime64[ns]")
    )
    values = np.array([[getattr(bar, name) for bar in rows] for name in FIELDS], np.float64)
    return RawBars(tuple(there), codes, times, values.reshape(len(FIELDS), len(rows)))
