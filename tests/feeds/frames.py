"""Rows of sound bars for the tests to break."""

from datetime import UTC, datetime, timedelta

import numpy as np

from openbell.calendar.exchange import exchange
from openbell.stages.check_bars import Wanted, check_bars
from openbell.stages.raw_bars import raw_bars
from openbell.values.bars import FIELDS, Timeframe

#: Monday 8 July 2024, 12:00 in New York; the session before is Friday the 5th, Thursday the 4th is a holiday.
DAY, FIVE = Timeframe("1d"), Timeframe("5m")
AS_OF = datetime(2024, 7, 8, 16, tzinfo=UTC)
SYMBOLS = ("AAA", "BBB", "CCC")
XNYS = "XNYS"


def prices(rows, seed=0):
    """Five columns of a plausible walk."""
    random = np.random.default_rng(seed)
    close = 100 * np.exp(random.normal(0, 0.01, rows).cumsum())
    opened = close * np.exp(random.normal(0, 0.002, rows))
    high, low = np.maximum(opened, close) * 1.003, np.minimum(opened, close) * 0.997
    return dict(zip(FIELDS, (opened, high, low, close, random.integers(1, 9, rows) * 100.0), strict=True))


def sessions(count, as_of=AS_OF):
    market = exchange(XNYS)
    last = market.last_complete(as_of)
    return np.asarray(market.session_dates(market.offset(last, 1 - count), last), dtype="datetime64[D]")


def intraday(count, minutes, as_of=AS_OF):
    """Starts of the last ``count`` bars that are complete at ``as_of``, from the open of each session on."""
    market, starts = exchange(XNYS), []
    for day in [*sessions(15, as_of).tolist(), as_of.date()]:
        hours = market.hours(day)
        step = timedelta(minutes=minutes)
        starts += [hours.opens + step * k for k in range(int((hours.closes - hours.opens) / step))]
    done = [start for start in starts if start + step <= as_of][-count:]
    return np.array([start.replace(tzinfo=None) for start in done], "datetime64[ns]")


class Rows:
    """Rows of several symbols, one after the other, as columns that a test may change."""

    def __init__(self, times, symbols=SYMBOLS):
        self.symbols = np.repeat(np.array(symbols, dtype="<U8"), len(times))
        self.times = np.tile(times, len(symbols))
        columns = [prices(len(times), seed) for seed in range(len(symbols))]
        self.columns = {name: np.concatenate([column[name] for column in columns]) for name in FIELDS}

    def row(self, symbol, k):
        """Index of the k-th row of a symbol."""
        return int(np.flatnonzero(self.symbols == symbol)[k])

    def take(self, index):
        """The rows at these places, in this order."""
        self.symbols, self.times = self.symbols[index], self.times[index]
        self.columns = {name: np.asarray(column)[index] for name, column in self.columns.items()}
        return self

    def without(self, symbol, *ks):
        return self.take(np.delete(np.arange(len(self.times)), [self.row(symbol, k) for k in ks]))

    def again(self, symbol, k):
        """One row given twice."""
        return self.take(np.append(np.arange(len(self.times)), self.row(symbol, k)))

    def set(self, symbol, k, **changes):
        for name, value in changes.items():
            self.columns[name][self.row(symbol, k)] = value
        return self

    def raw(self):
        return raw_bars(self.symbols, self.times, self.columns)


def daily(count=30, symbols=SYMBOLS):
    return Rows(sessions(count), symbols)


def minutes(count=100, length=5, symbols=SYMBOLS):
    return Rows(intraday(count, length), symbols)


def wanted(symbols=SYMBOLS, timeframe="1d", count=20, as_of=AS_OF, **more):
    more = {"exchange": exchange(XNYS), "provider": "test"} | more
    return Wanted(symbols=tuple(symbols), timeframe=Timeframe(timeframe), count=count, as_of=as_of, **more)


def check(rows, **asked):
    return check_bars(rows.raw(), wanted(**asked))


def codes(checked):
    return {dropped.symbol: dropped.code.value for dropped in checked.dropped}
