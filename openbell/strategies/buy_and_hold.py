"""Buy and hold: own the universe, and bring it back to its weights now and then."""

from collections.abc import Mapping
from datetime import date
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from openbell.strategies.base import Windowed, cells
from openbell.values.bars import Bars, FloatPanel, Times
from openbell.values.signal import SignalPanel

Dates = NDArray[np.datetime64]
Index = NDArray[np.int64]


class BuyAndHold(Windowed):
    """Fully long on the first bars of each period, and no opinion on the others.

    A signal knows the market and not what is held: the bars that act bring every position back to its weight,
    up or down, and on the others positions drift. A plan that starts inside a period buys at the next one, or
    on ``since``. ``daily`` acts on every daily bar, so it buys at once; the sizing's smallest trade then decides
    which drift is worth an order. ``never`` acts on ``since`` alone. Days are UTC dates of the bar's close; a bar
    complete at midnight belongs to the day before.
    """

    rebalance: Literal["never", "daily", "weekly", "monthly", "quarterly"] = Field(
        "daily", description="How often positions are brought back to their weights."
    )
    since: date | None = Field(None, description="First day; the strategy acts then, and not before.")
    acting: int = Field(
        3, ge=1, le=60, description="First bars of a period that act, so that a missed or clipped run is made good."
    )

    @model_validator(mode="after")
    def _starts(self) -> Self:
        if self.rebalance == "never" and self.since is None:
            raise ValueError("rebalance 'never' needs since: the day on which to buy")
        return self

    @property
    def lookback(self) -> int:
        """The bars that may act, and the one before them that ends the last period."""
        return self.acting + 1

    @property
    def hold_reason(self) -> str:
        """Until when."""
        return f"no {self.rebalance} rebalancing on this bar: what is held stays"

    def decide(self, bars: Bars, rows: int) -> SignalPanel:
        """1 on the bars that act."""
        bar = np.repeat(1.0 + self._age(bars.times)[-rows:, None], len(bars.symbols), axis=1)
        target = np.where(bar <= self.acting, 1.0, np.nan)
        return SignalPanel(target, np.ones(target.shape), {"bar": bar})

    def _age(self, times: Times) -> Index:
        """Bars since the start of a period, counted up to ``acting``; shape (T,)."""
        days = (times - np.timedelta64(1, "ns")).astype("datetime64[D]")
        begun = np.ones(len(days), bool) if self.since is None else days >= np.datetime64(self.since)
        starts = np.zeros(len(days), bool)
        starts[1:] = begun[1:] & ((np.diff(self._period(days)) != 0) | ~begun[:-1])
        rows = np.arange(len(days))
        latest = np.maximum.accumulate(np.where(starts, rows, -self.acting))
        return np.minimum(rows - latest, self.acting)

    def _period(self, days: Dates) -> Index:
        """Number of the period that a day lies in; weeks begin on Monday."""
        months = days.astype("datetime64[M]").astype(np.int64)
        match self.rebalance:
            case "never":
                return np.zeros(len(days), np.int64)
            case "daily":
                return days.astype(np.int64)
            case "weekly":
                return (days.astype(np.int64) + 3) // 7
            case "monthly":
                return months
            case "quarterly":
                return months // 3

    def reasons(self, evidence: Mapping[str, FloatPanel]) -> list[str]:
        """Which bar of the period acts."""
        words = f"{self.rebalance} rebalancing: bar %d of {self.acting} that act"
        return [words % cell for cell in cells(evidence["bar"])]
