"""Alpaca's rows as panels and quotes, laid out for all symbols at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa

from openbell.errors import DataError, InputError
from openbell.stages.raw_bars import RawBars, to_floats
from openbell.stages.soundness import MAX_PRICE, MIN_PRICE
from openbell.values.bars import FIELDS, Times, to_datetime64
from openbell.values.money import to_decimal
from openbell.values.quote import Quote
from openbell.values.time import as_utc

#: Alpaca's letters for our fields, in the order of FIELDS.
LETTERS = dict(zip(FIELDS, "ohlcv", strict=True))
#: Daily bars are stamped at midnight here.
ZONE = ZoneInfo("America/New_York")
#: A daily stamp may be this far from midnight, an hour of summer time; beyond that its date is a guess.
_ASTRAY = np.timedelta64(1, "h")
#: The same for coins, from midnight in UTC.
_COIN_ASTRAY, _DAY = np.timedelta64(7, "h"), np.timedelta64(24, "h")
#: Quotes are newer than the start of the run that asks for them, by no more than a run may take to get there.
AHEAD = timedelta(seconds=60)

Row = Mapping[str, Any]
#: Dates of daily stamps, and which of the stamps are too far from where a day begins to have one.
Dates = Callable[[Times], tuple[Times, np.ndarray]]


@dataclass(slots=True)
class Pages:
    """Rows of bars by symbol, page after page."""

    rows: dict[str, list[Row]] = field(default_factory=dict)

    def add(self, body: Row, asked: Sequence[str]) -> None:
        """Keep the rows of what was asked for; DataError when they are no rows."""
        bars = body.get("bars") or {}
        if not isinstance(bars, dict):
            raise DataError(f"alpaca: bars is a {type(bars).__name__}, not an object by symbol")
        for symbol in (symbol for symbol in asked if bars.get(symbol)):
            rows = bars[symbol]
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise DataError(f"alpaca: bars of {symbol} are not a list of objects")
            self.rows.setdefault(symbol, []).extend(rows)

    def raw(self, daily: bool, dates: Dates) -> tuple[RawBars, frozenset[str]]:
        """All rows as arrays, without the symbols whose daily stamps belong to no date, which come beside."""
        symbols = tuple(self.rows)
        counts = [len(rows) for rows in self.rows.values()]
        codes = np.repeat(np.arange(len(symbols)), np.array(counts, np.intp))
        rows = list(chain.from_iterable(self.rows.values()))
        times = _instants([row.get("t") for row in rows])
        values = np.stack([to_floats(np.array([row.get(letter) for row in rows])) for letter in LETTERS.values()])
        if not daily:
            return RawBars(symbols, codes, times, values), frozenset()
        days, astray = dates(times)
        lost = np.unique(codes[astray])
        kept = ~(np.isin(codes, lost) | np.isnat(days))
        names = frozenset(symbols[code] for code in lost.tolist())
        return _without(names, symbols, RawBars(symbols, codes[kept], days[kept], values[:, kept])), names


def _without(names: frozenset[str], symbols: tuple[str, ...], raw: RawBars) -> RawBars:
    left = [code for code, symbol in enumerate(symbols) if symbol not in names]
    place = np.zeros(len(symbols), np.intp)
    place[left] = np.arange(len(left))
    return RawBars(tuple(symbols[code] for code in left), place[raw.codes], raw.times, raw.values)


def _instants(texts: list[Any]) -> Times:
    """Instants in UTC; a text without a zone, or no text at all, is a DataError that shows it."""
    try:
        column = pa.array(texts, pa.string()).cast(pa.timestamp("ns", "UTC"))
    except pa.ArrowException as error:
        raise DataError(f"alpaca: column 't' of bars does not hold instants with a zone: {str(error)[:120]}") from None
    times: Times = column.to_numpy(zero_copy_only=False).astype("datetime64[ns]")
    return times


def together(left: RawBars, right: RawBars) -> RawBars:
    """The rows of other symbols behind those of some."""
    codes = np.concatenate([left.codes, right.codes + len(left.symbols)])
    times, values = np.concatenate([left.times, right.times]), np.concatenate([left.values, right.values], axis=1)
    return RawBars((*left.symbols, *right.symbols), codes, times, values)


def coin_dates(as_of: datetime) -> Dates:
    """The date of each daily stamp of a coin, none for a day that is not over, and which stamps are of no date.

    Alpaca's days of coins begin some hours into the day of UTC, at midnight in the United States.
    """

    def dates(times: Times) -> tuple[Times, np.ndarray]:
        days = times.astype("datetime64[D]")
        over = times + _DAY <= to_datetime64(as_of)
        return np.where(over, days, np.datetime64("NaT", "D")), times - days > _COIN_ASTRAY

    return dates


def stock_dates(times: Times) -> tuple[Times, np.ndarray]:
    """The session date of each daily stamp, and which stamps are too far from midnight to have one."""
    local = pd.DatetimeIndex(times).tz_localize("UTC").tz_convert(ZONE).tz_localize(None).to_numpy()
    dates = (local + np.timedelta64(12, "h")).astype("datetime64[D]")
    return dates, np.abs(local - dates) > _ASTRAY


def quote_of(symbol: str, quote: Row, trade: Row, as_of: datetime) -> Quote | None:
    """A quote as far as it can be used at ``as_of``.

    None without bid, ask or last trade (0 means that there is none), and for what came much later than ``as_of``. One
    that came while the run got here is of ``as_of``.
    """
    prices = [_price(row.get(name)) for row, name in ((quote, "bp"), (quote, "ap"), (trade, "p"))]
    time = _time(quote)
    if None in prices or time is None or time > as_of + AHEAD:
        return None
    bid, ask, last = (price for price in prices if price is not None)
    return Quote(symbol, bid, ask, last, min(time, as_of))


def _price(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        price = to_decimal(value if isinstance(value, str) else repr(value))
    except InputError:
        return None
    return price if MIN_PRICE <= price <= MAX_PRICE else None


def _time(row: Row) -> datetime | None:
    text = row.get("t")
    try:
        return as_utc(datetime.fromisoformat(text)) if isinstance(text, str) else None
    except (ValueError, InputError):
        return None
