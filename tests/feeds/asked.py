"""Questions to a feed, and why a symbol was left out."""

import numpy as np

from tests.feeds.frames import AS_OF, DAY, SYMBOLS


def bars(feed, symbols=SYMBOLS, timeframe=DAY, count=20, as_of=AS_OF):
    return feed.bars(symbols, timeframe, count, as_of)


def lose(source, symbol):
    source.rows.take(np.flatnonzero(source.rows.symbols != symbol))


def reason(checked, symbol="BBB"):
    return next(drop.detail for drop in checked.dropped if drop.symbol == symbol)
