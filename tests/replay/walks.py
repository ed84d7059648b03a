"""A feed of prices in memory for replays, once with quotes one by one and once with many at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import numpy as np

from openbell.calendar.exchange import exchange
from openbell.feeds.files import FilesFeed
from openbell.stages.check_bars import Wanted
from openbell.stages.check_history import check_history
from openbell.stages.raw_bars import Block
from openbell.values.bars import Timeframe
from openbell.values.history import History
from openbell.values.market import Checked
from openbell.values.plan import Plan
from openbell.values.quote import Quote

FIRST, BARS, HOUR = date(2024, 1, 2), 7, np.timedelta64(3600, "s")


@dataclass(frozen=True, eq=False)
class OneByOne:
    """Prices (5, T, N) from the first session of 2024 on, quotes as the ``files`` feed makes them.

    A row is a session, or with ``hourly`` one of its seven bars.
    """

    symbols: tuple[str, ...]
    values: np.ndarray
    spread_bps: Decimal = Decimal(2)
    hourly: bool = False

    @property
    def provider(self) -> str:
        return "walks"

    @property
    def last(self) -> date:
        rows = self.values.shape[1]
        return exchange("XNYS").offset(FIRST, (-(-rows // BARS) if self.hourly else rows) - 1)

    @property
    def times(self) -> tuple[np.ndarray, np.ndarray]:
        """When each bar begins and is complete."""
        opens, closes = exchange("XNYS").session_bounds(FIRST, self.last)
        if not self.hourly:
            return opens, closes
        starts = (opens[:, None] + np.arange(BARS) * HOUR).ravel()[: self.values.shape[1]]
        return starts, np.minimum(starts + HOUR, np.repeat(closes, BARS)[: len(starts)])

    def bars(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> Checked:
        raise NotImplementedError

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Quote]:
        raise NotImplementedError

    def history(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> History:
        venue, (opens, closes) = exchange("XNYS"), self.times
        none, outside = np.empty((2, 0), np.intp), np.zeros(len(self.symbols), np.intp)
        block = Block(self.symbols, opens, closes, self.values, np.isfinite(self.values[3]), none, none, outside)
        return check_history(block, Wanted(tuple(symbols), timeframe, count, as_of, venue, "walks", history=True))

    def quote(self, symbol: str, price: float, time: datetime) -> Quote | None:
        return self._files.quote(symbol, price, time)

    @property
    def _files(self) -> FilesFeed:
        return FilesFeed(None, "walks.csv", Timeframe("1d"), "XNYS", spread_bps=self.spread_bps)


class AtOnce(OneByOne):
    """The same with ``touches``, which is what a replay needs to leap."""

    def touches(self, prices):
        return self._files.touches(prices)


def walk(rng: np.random.Generator, bars: int, symbols: int, step: float = 0.03, start: float = 50.0) -> np.ndarray:
    """A random walk on whole cents, (5, T, N)."""
    close = (start * np.exp(rng.normal(0, step, (bars, symbols)).cumsum(axis=0))).round(2)
    opened = (close * np.exp(rng.normal(0, step / 3, close.shape))).round(2)
    high, low = np.maximum(opened, close) + 0.05, np.minimum(opened, close) - 0.05
    return np.stack([opened, high, low, close, np.full(close.shape, 1e6)]).round(2)


def plan(symbols: Sequence[str], **changes) -> Plan:
    """A crossover of short means on an account of 100,000, 10 shares each, without exits."""
    base = {
        "name": "walks",
        "universe": list(symbols),
        "account": {"params": {"cash": 100_000, "slippage_bps": 0}},
        "schedule": {"trade": {"at": ["open"]}, "exits": {"enabled": False}},
        "strategies": [{"use": "sma_crossover", "params": {"fast": 2, "slow": 5}}],
        "sizing": {"use": "fixed_quantity", "params": {"quantity": 10}, "min_trade": 0, "max_trade": 1_000_000},
        "risk": {"min_confidence": 0},
    }
    return Plan.model_validate({**base, **changes})
