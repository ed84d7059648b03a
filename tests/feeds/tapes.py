"""A feed that holds all of history, and a cache over it."""

from datetime import timedelta

import numpy as np

from openbell.calendar.exchange import exchange
from openbell.errors import FeedUnavailable
from openbell.feeds.cache import CachedFeed
from openbell.stages.check_bars import check_bars
from tests.feeds.frames import AS_OF, XNYS, wanted

VENUE = exchange(XNYS)


PRICES = ("open", "high", "low", "close")


class Tape:
    """A feed that holds all of history; ``asked`` are its questions as (symbols, count)."""

    provider = "tape"

    def __init__(self, rows, adjustment="raw", max_age=None):
        self.rows, self.adjustment, self.max_age = rows, adjustment, max_age
        self.asked = []
        self.down = False

    def bars(self, symbols, timeframe, count, as_of):
        self.asked.append((tuple(symbols), count))
        if self.down:
            raise FeedUnavailable("tape is down")
        asked = wanted(
            symbols,
            timeframe.text,
            count,
            as_of,
            provider="tape",
            adjustment=self.adjustment,
            history=True,
            max_age=self.max_age,
        )
        return check_bars(self.rows.raw(), asked)

    def quotes(self, symbols, as_of):
        self.asked.append(("quotes", len(symbols)))
        return {}

    def scale(self, symbol, factor, first=0, last=None):
        """Other prices for part of a symbol's rows."""
        at = np.flatnonzero(self.rows.symbols == symbol)[first:last]
        for name in PRICES:
            self.rows.columns[name][at] *= factor

    def withdraw(self, symbol, timeframe, as_of):
        """The newest bar of a symbol, as if it had never been."""
        at = np.flatnonzero(self.rows.symbols == symbol)
        ends = self.rows.times[at] + np.timedelta64(timeframe.span) if not timeframe.daily else self.rows.times[at]
        done = at[ends <= np.datetime64(as_of.replace(tzinfo=None))]
        self.rows.take(np.delete(np.arange(len(self.rows.times)), done[-1]))


class Clock:
    def __init__(self, now=AS_OF):
        self.now = now

    def __call__(self):
        return self.now


def cached(tape, folder, clock=None):
    return CachedFeed(tape, folder, VENUE, clock or Clock(), tape.max_age)


def days(n):
    """The close of the n-th session after the frames' last one."""
    market = exchange(XNYS)
    session = market.offset(market.last_complete(AS_OF), n)
    return market.hours(session).closes + timedelta(minutes=5)


FIRST = days(-8)
