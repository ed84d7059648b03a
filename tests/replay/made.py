"""A market made up for a test: daily bars that are known at once, and a plan to trade them with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np

from openbell.calendar.exchange import exchange
from openbell.replay.floor import around
from openbell.replay.request import Request
from openbell.replay.result import Replayed
from openbell.replay.run import replay
from openbell.stages.check_bars import Wanted, check_block
from openbell.stages.check_history import check_history
from openbell.stages.raw_bars import Block
from openbell.values.bars import Timeframe
from openbell.values.history import History
from openbell.values.market import Checked
from openbell.values.plan import Plan
from openbell.values.quote import Quote

VENUE = exchange("XNYS")
FIRST = date(2024, 1, 2)


def sessions(count: int) -> list[date]:
    """The first sessions of the market."""
    return [VENUE.offset(FIRST, number) for number in range(count)]


@dataclass(frozen=True)
class Made:
    """Bars of shape (5, T, N), NaN where there is none; the first row is the session of ``first``."""

    values: np.ndarray = field(repr=False)
    first: date = FIRST
    code: str = "XNYS"
    provider: str = "made"

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(f"S{number}" for number in range(self.values.shape[2]))

    def block(self) -> Block:
        venue = exchange(self.code)
        opens, closes = venue.session_bounds(self.first, venue.offset(self.first, self.values.shape[1] - 1))
        none = np.empty((2, 0), np.intp)
        present = ~np.isnan(self.values[3])
        return Block(
            self.symbols, opens, closes, self.values, present, none, none, np.zeros(len(self.symbols), np.intp)
        )

    def wanted(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> Wanted:
        return Wanted(tuple(symbols), timeframe, count, as_of, exchange(self.code), self.provider, history=True)

    def bars(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> Checked:
        return check_block(self.block(), self.wanted(symbols, timeframe, count, as_of))

    def history(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> History:
        return check_history(self.block(), self.wanted(symbols, timeframe, count, as_of))

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Quote]:
        raise AssertionError("a replay asks the tape")

    def quote(self, symbol: str, price: float, time: datetime) -> Quote | None:
        return around(symbol, price, time)


def walk(rows: int, columns: int, seed: int, sigma: float = 0.02) -> np.ndarray:
    """Random walks in cents, with gaps over night."""
    rng = np.random.default_rng(seed)
    close = 60 * np.exp(np.cumsum(rng.normal(0, sigma, (rows, columns)), axis=0))
    opened = np.vstack((close[:1], close[:-1])) * np.exp(rng.normal(0, sigma / 3, (rows, columns)))
    opened, close = np.maximum(np.round(opened, 2), 0.01), np.maximum(np.round(close, 2), 0.01)
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    return np.stack((opened, high, low, close, np.full(close.shape, 1e6)))


def flat(rows: int, columns: int, price: float = 50.0) -> np.ndarray:
    """Prices that stand still."""
    return np.stack([np.full((rows, columns), price)] * 4 + [np.full((rows, columns), 1e6)])


def plan_for(feed: Made, **changes: Any) -> Plan:
    """A plan on all of its symbols, with limits that seldom matter."""
    values: dict[str, Any] = {
        "name": "made",
        "universe": feed.symbols,
        "account": {"params": {"cash": 100_000, "fractions": False, "slippage_bps": 3, "fee": {"per_share": "0.005"}}},
        "schedule": {"trade": {"at": ["open+5m"]}},
        "strategies": [{"use": "sma_crossover", "params": {"fast": 2, "slow": 5}}],
        "sizing": {"params": {"weight": 0.15}, "max_trade": 50_000},
        "risk": {
            "max_positions": 50,
            "max_order_notional": 50_000,
            "max_orders_per_run": 50,
            "max_position_weight": 0.5,
            "max_gross_exposure": 1,
            "min_confidence": 0,
            "daily_loss_halt": 1,
            "drawdown_halt": 1,
        },
    }
    return Plan.model_validate(values | changes)


def run(feed: Any, plan: Plan, start: date, end: date, **changes: Any) -> Replayed:
    """A replay of the plan over the market."""
    return replay(Request(plan, feed, start, end, **changes))


def exactly(value: float) -> Decimal:
    """A float that stands for a decimal."""
    return Decimal(repr(float(value)))


def cash_by_fills(found: Replayed) -> Decimal:
    """Opening cash and all that the fills moved."""
    fills = found.fills
    moved = (exactly(s) * exactly(p) + exactly(f) for s, p, f in zip(fills.signed, fills.price, fills.fee, strict=True))
    return found.opening_cash - sum(moved, Decimal(0))


def rows_of(found: Replayed) -> list[tuple[Any, ...]]:
    """Fills as plain rows, in their order."""
    fills = found.fills
    columns = (fills.times.tolist(), fills.column, fills.signed, fills.price, fills.fee, fills.exits)
    return [tuple(row) for row in zip(*map(list, columns), strict=True)]


@dataclass(frozen=True)
class Minutes:
    """Bars of one timeframe inside the sessions; ``present`` (T, N) is false where a symbol did not trade."""

    starts: np.ndarray
    ends: np.ndarray
    values: np.ndarray = field(repr=False)
    present: np.ndarray = field(repr=False)
    provider: str = "minutes"

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(f"S{number}" for number in range(self.present.shape[1]))

    def block(self) -> Block:
        values = np.where(self.present, self.values, np.nan)
        none, nowhere = np.empty((2, 0), np.intp), np.zeros(len(self.symbols), np.intp)
        return Block(self.symbols, self.starts, self.ends, values, self.present, none, none, nowhere)

    def wanted(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> Wanted:
        return Wanted(tuple(symbols), timeframe, count, as_of, VENUE, self.provider, history=True)

    def bars(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> Checked:
        return check_block(self.block(), self.wanted(symbols, timeframe, count, as_of))

    def history(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> History:
        return check_history(self.block(), self.wanted(symbols, timeframe, count, as_of))

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Quote]:
        """The open of the bar that is being made, else the last close; always fresh, for somebody stands there."""
        now = np.datetime64(as_of.replace(tzinfo=None), "ns")
        found = {}
        for column, symbol in enumerate(self.symbols):
            begun = np.flatnonzero((self.starts <= now) & self.present[:, column])
            last = begun[-1]
            price = self.values[0 if self.ends[last] > now else 3, last, column]
            found[symbol] = around(symbol, float(price), as_of)
        return {symbol: quote for symbol, quote in found.items() if quote is not None and symbol in symbols}

    def quote(self, symbol: str, price: float, time: datetime) -> Quote | None:
        return around(symbol, price, time)


def minutes(first: date, count: int, span: int, columns: int, seed: int) -> Minutes:
    """Bars of ``span`` minutes over some sessions, half days as they are; all but the first symbol lack some."""
    days = [VENUE.hours(VENUE.offset(first, number)) for number in range(count)]
    step = np.timedelta64(span, "m")
    parts = [np.arange(_naive(day.opens), _naive(day.closes), step) for day in days if day]
    starts = np.concatenate(parts).astype("datetime64[ns]")
    values = walk(len(starts), columns, seed, sigma=0.004)
    present = np.random.default_rng(seed).random((len(starts), columns)) > 0.15
    present[:, 0] = True
    present[np.isin(starts, [part[0] for part in parts])] = True
    return Minutes(starts, starts + step, values, present)


def _naive(instant: datetime) -> np.datetime64:
    return np.datetime64(instant.replace(tzinfo=None), "m")
