"""Time-series momentum: the sign of a symbol's own past return (Moskowitz, Ooi and Pedersen, 2012)."""

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from openbell.strategies import _rolling as rolling
from openbell.strategies.base import Strategy, opinions, seasoned
from openbell.values.bars import Bars
from openbell.values.signal import SignalPanel


class TimeSeriesMomentum(Strategy):
    """Long what has risen over the window, leaving out the last bars.

    Confidence is the share of driftless random walks of the same volatility that moved less.
    """

    window: int = Field(120, ge=2, le=2_000, description="Bars over which the return is taken.")
    skip: int = Field(5, ge=0, le=500, description="Last bars left out, where returns tend to reverse.")
    short: bool = Field(False, description="Go short, not only flat, on what has not risen.")

    @property
    def lookback(self) -> int:
        """The window, the skipped bars and the bar the return starts from."""
        return self.window + self.skip + 1

    def signals(self, bars: Bars) -> SignalPanel:
        """1 for a return above zero, else 0 or -1."""
        moved = rolling.delayed(rolling.change(bars.close, self.window), self.skip)
        typical = rolling.delayed(rolling.noise(bars.close, self.window), self.skip) * np.sqrt(self.window)
        target = np.where(moved > 0, 1.0, -1.0 if self.short else 0.0)
        known = seasoned(bars.close, self.lookback) & np.isfinite(moved) & np.isfinite(typical)
        confidence = rolling.surprise(rolling.ratio(moved, typical, 0.0))
        return opinions(known, target, confidence, {"return": moved})

    def reason(self, values: Mapping[str, float]) -> str:
        """The return and what was left out."""
        return f"{self.window}-bar return {values['return']:+.2%}, last {self.skip} bars left out"
