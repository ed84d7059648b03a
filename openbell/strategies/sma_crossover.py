"""Two simple moving averages: long while the fast one is above the slow one."""

from collections.abc import Mapping
from functools import cache
from typing import ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from openbell import rolling
from openbell.strategies.base import Windowed, cells
from openbell.values.bars import Bars, FloatPanel
from openbell.values.signal import SignalPanel


class SmaCrossover(Windowed):
    """Trend by two means of the close.

    Confidence is the share of driftless random walks of the same volatility whose means lie closer together.
    """

    apart: ClassVar[bool] = True

    fast: int = Field(20, ge=1, le=1_000, description="Bars in the fast mean.")
    slow: int = Field(50, ge=2, le=2_000, description="Bars in the slow mean.")
    short: bool = Field(False, description="Go short, not only flat, while the fast mean is not above.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.fast >= self.slow:
            raise ValueError(f"fast {self.fast} is not below slow {self.slow}")
        return self

    @property
    def lookback(self) -> int:
        """The slow window."""
        return self.slow

    def decide(self, bars: Bars, rows: int) -> SignalPanel:
        """1 above, else 0 or -1; means closer than rounding count as equal."""
        fast, slow = rolling.mean(bars.close, self.fast, rows), rolling.mean(bars.close, self.slow, rows)
        gap = rolling.ratio(fast, slow, np.nan) - 1
        typical = rolling.noise(bars.close, self.slow - 1, rows) * _spread(self.fast, self.slow)
        target = np.where(gap > rolling.ROUNDING, 1.0, -1.0 if self.short else 0.0)
        confidence = rolling.surprise(rolling.ratio(gap, typical, 0.0))
        return SignalPanel(target, confidence, {"fast": fast, "slow": slow, "gap": gap})

    def reasons(self, evidence: Mapping[str, FloatPanel]) -> list[str]:
        """Both means and how they stand."""
        above = f"{self.fast}-bar mean %.6g above {self.slow}-bar mean %.6g"
        below = above.replace("above", "not above")
        equal = rolling.ROUNDING
        found = cells(evidence["fast"], evidence["slow"], evidence["gap"])
        return [(above if gap > equal else below) % (fast, slow) for fast, slow, gap in found]


@cache
def _spread(fast: int, slow: int) -> float:
    """Standard deviation of fast minus slow mean for a random walk with steps of size one.

    The step k bars ago is part of min(k + 1, n) of the n prices of a mean.
    """
    steps = np.arange(1, slow + 1)
    weights = np.minimum(steps / fast, 1) - steps / slow
    return float(np.sqrt((weights**2).sum()))
