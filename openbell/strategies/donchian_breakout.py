"""Channel breakout: buy a new high, leave on a new low (Donchian)."""

from collections.abc import Mapping
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from openbell.strategies import _rolling as rolling
from openbell.strategies.base import Strategy, opinions, seasoned
from openbell.values.bars import Bars
from openbell.values.signal import SignalPanel


class DonchianBreakout(Strategy):
    """Long after a close above the high of the bars before it, out after one below their low; hold between.

    Confidence is 0.5 at the line and grows with the distance beyond it in widths of the channel.
    """

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

    def signals(self, bars: Bars) -> SignalPanel:
        """1 above the channel, 0 below it."""
        upper = rolling.delayed(rolling.highest(bars.high, self.entry), 1)
        lower = rolling.delayed(rolling.lowest(bars.low, self.exit), 1)
        target = np.where(bars.close > upper, 1.0, np.where(bars.close < lower, 0.0, np.nan))
        beyond = np.maximum(bars.close - upper, lower - bars.close)
        confidence = 0.5 + 0.5 * rolling.surprise(rolling.ratio(beyond, upper - lower, np.inf))
        known = seasoned(bars.close, self.lookback)
        return opinions(known, target, confidence, {"close": bars.close, "upper": upper, "lower": lower})

    def reason(self, values: Mapping[str, float]) -> str:
        """The close and the line it broke."""
        close, upper, lower = values["close"], values["upper"], values["lower"]
        if close > upper:
            return f"close {close:.6g} above the {self.entry}-bar high {upper:.6g}"
        side = "below" if close < lower else "not below"
        return f"close {close:.6g} {side} the {self.exit}-bar low {lower:.6g}"
