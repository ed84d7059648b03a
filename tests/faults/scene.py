"""What a trial trades: one plan on one account, five symbols at fixed prices, one bell a day around the clock."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from openbell.specs import FeedSpec, Surroundings
from openbell.values.bars import FIELDS, Timeframe, make_bars
from openbell.values.market import Checked
from openbell.values.plan import Plan
from openbell.values.quote import Quote

SYMBOLS = ("AAPL", "IBM", "KO", "MSFT", "XOM")
#: Money in each order; at a price of 100 it is nine shares, and room below the limits.
NOTIONAL = Decimal(900)
BASE = Decimal(100)


def plan(**changes: Any) -> Plan:
    """Buys the whole universe at its only bell of the day."""
    values: dict[str, Any] = {
        "name": "matrix",
        "universe": SYMBOLS,
        "account": {"broker": "alpaca", "name": "matrix"},
        "window": {"exchange": "24/7", "grace": "24h"},
        "schedule": {"trade": {"every": "24h"}},
        "strategies": ({"use": "buy_and_hold"},),
        "sizing": {"use": "fixed_cash", "params": {"notional": NOTIONAL}},
    }
    return Plan.model_validate(values | changes)


class Tape:
    """Flat daily bars and a fresh quote of each symbol. ``drift`` moves every price, as a market would."""

    provider = "tape"

    def __init__(self, drift: Decimal = Decimal(0)) -> None:
        self.price = BASE + drift

    def bars(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> Checked:
        """``count`` bars up to the last midnight."""
        last = np.datetime64(as_of.astimezone(UTC).date(), "ns")
        times = last - np.arange(count - 1, -1, -1) * np.timedelta64(1, "D").astype("timedelta64[ns]")
        panels = {name: np.full((count, len(symbols)), float(self.price)) for name in FIELDS}
        return Checked(make_bars(symbols, times, panels, timeframe, self.provider))

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Quote]:
        """A cent wide, one second old."""
        cent, time = Decimal("0.01"), as_of - timedelta(seconds=1)
        return {s: Quote(s, self.price, self.price + cent, self.price, time) for s in symbols}


class TapeFeed(FeedSpec):
    """The tape as a plan's feed."""

    drift: Decimal = Decimal(0)

    def open(self, around: Surroundings) -> Tape:
        return Tape(self.drift)
