"""Channel breakout: buy a new high, leave on a new low (Donchian)."""

from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from openbell import rolling
from openbell.strategies.base import Windowed, cells
from openbell.values.bars import Bars, FloatPanel
from openbell.values.signal import SignalPanel


class DonchianBreakout(Windowed):
    """Long after a close above the high of the bars before it, out after one below their low; hold between.

    Confidence is 0.5 at the line and grows with the distance beyond it in widths of the channel.
    """

    apart: ClassVar[bool] = True

    entry: int = Field(20, ge=1, le=2_000, description="Bars before this one whose highest high must be passed.")
    exit: int = Field(10, ge=1, le=2_000, description="Bars before this one whose lowest low must hold.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.exit > self.entry:
            raise ValueError(f"exit {self.exit} is above entry {self.entry}")
        return self

    @property
    def lookback(self) -> int:
        """The channel and the bar that breaks out of it."""
        return self.entry + 1

    @property
    def hold_reason(self) -> str:
        """Where the close stands."""
        return f"close inside its channel of {self.entry} and {self.exit} bars: what is held stays"

    def decide(self, bars: Bars, rows: int) -> SignalPanel:
        """1 above the channel, 0 below it."""
        close = bars.close[-rows:]
        upper = rolling.highest(bars.high[:-1], self.entry, rows)
        lower = rolling.lowest(bars.low[:-1], self.exit, rows)
        target = np.where(close > upper, 1.0, np.where(close < lower, 0.0, np.nan))
        beyond = np.maximum(close - upper, lower - close)
        confidence = 0.5 + 0.5 * rolling.surprise(rolling.ratio(beyond, upper - lower, np.inf))
        return SignalPanel(target, confidence, {"close": close, "upper": upper, "lower": lower})

    def reasons(self, evidence: Mapping[str, FloatPanel]) -> list[str]:
        """The close and the line it broke."""
        above = f"close %.6g above the {self.entry}-bar high %.6g"
        below = f"close %.6g below the {self.exit}-bar low %.6g"
        found = cells(evidence["close"], evidence["upper"], evidence["lower"])
        return [above % (close, high) if close > high else below % (close, low) for close, high, low in found]
