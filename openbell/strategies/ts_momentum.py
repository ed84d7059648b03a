"""Time-series momentum: the sign of a symbol's own past return (Moskowitz, Ooi and Pedersen, 2012)."""

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from openbell import rolling
from openbell.strategies.base import Windowed, cells
from openbell.values.bars import Bars, FloatPanel
from openbell.values.signal import SignalPanel


class TimeSeriesMomentum(Windowed):
    """Long what has risen over the window, leaving out the last bars.

    Confidence is the share of driftless random walks of the same volatility that moved less.
    """

    apart: ClassVar[bool] = True

    window: int = Field(120, ge=2, le=2_000, description="Bars over which the return is taken.")
    skip: int = Field(5, ge=0, le=500, description="Last bars left out, where returns tend to reverse.")
    short: bool = Field(False, description="Go short, not only flat, on what has not risen.")

    @property
    def lookback(self) -> int:
        """The window, the skipped bars and the bar the return starts from."""
        return self.window + self.skip + 1

    def decide(self, bars: Bars, rows: int) -> SignalPanel:
        """1 for a return above zero, else 0 or -1."""
        moved = rolling.change(bars.close, self.window, rows, self.skip)
        typical = rolling.noise(bars.close, self.window, rows, self.skip) * math.sqrt(self.window)
        target = np.where(moved > 0, 1.0, -1.0 if self.short else 0.0)
        confidence = rolling.surprise(rolling.ratio(moved, typical, 0.0))
        return SignalPanel(target, confidence, {"return": moved})

    def reasons(self, evidence: Mapping[str, FloatPanel]) -> list[str]:
        """The return and what was left out."""
        words = f"{self.window}-bar return %+.2f%%, last {self.skip} bars left out"
        return [words % cell for cell in cells(100 * evidence["return"])]
