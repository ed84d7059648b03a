"""Mean reversion by the relative strength index in simple means (Cutler), which needs no endless memory."""

import math
from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from openbell import rolling
from openbell.strategies.base import Windowed
from openbell.values.bars import Bars, FloatPanel
from openbell.values.signal import SignalPanel


class RsiReversion(Windowed):
    """Buy what fell too much and leave it when it has recovered; between the lines what is held stays.

    RSI = 100 x rises / (rises + falls) over the window, 50 when nothing moved. Long only, every bar above
    ``exit_above`` says leave. With ``short``, that side of the line may hold a short, and only a bar that crosses
    the line says leave. Confidence is the larger side's share of the movement, from 0.5 to 1.
    """

    apart: ClassVar[bool] = True

    window: int = Field(14, ge=2, le=500, description="Bars of movement in the index.")
    oversold: float = Field(30, gt=0, lt=100, description="Buy below this index.")
    exit_above: float = Field(50, gt=0, lt=100, description="Leave above this index.")
    overbought: float = Field(70, gt=0, lt=100, description="Go short above this index, when short is on.")
    short: bool = Field(False, description="Go short above overbought.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.oversold >= self.exit_above:
            raise ValueError(f"oversold {self.oversold:g} is not below exit_above {self.exit_above:g}")
        if self.short and self.exit_above >= self.overbought:
            raise ValueError(f"exit_above {self.exit_above:g} is not below overbought {self.overbought:g}")
        return self

    @property
    def lookback(self) -> int:
        """The bars of movement, the bar before them, and one more to see a line crossed."""
        return self.window + 1 + self.short

    @property
    def hold_reason(self) -> str:
        """The lines that the index stands between."""
        upper = self.overbought if self.short else self.exit_above
        return f"RSI between {self.oversold:g} and {upper:g}: what is held stays"

    def decide(self, bars: Bars, rows: int) -> SignalPanel:
        """1 below oversold, 0 on leaving, -1 above overbought when short."""
        index = self._index(bars.close, rows + self.short)
        rsi = index[-rows:]
        above = rsi > self.exit_above
        target = np.where(above, 0.0, np.nan)
        if self.short:
            crossed = above != (index[:rows] > self.exit_above)
            target = np.where(rsi > self.overbought, -1.0, np.where(crossed, 0.0, np.nan))
        target = np.where(rsi < self.oversold, 1.0, target)
        return SignalPanel(target, np.maximum(rsi, 100 - rsi) / 100, {"rsi": rsi})

    def _index(self, close: FloatPanel, rows: int) -> FloatPanel:
        step = np.diff(rolling.last(close, rows + self.window), axis=0)
        rises = rolling.mean(np.maximum(step, 0), self.window, rows)
        movement = rolling.mean(np.abs(step), self.window, rows)
        moved = np.where(movement > rolling.ROUNDING * np.abs(close[-rows:]), movement, 0.0)
        index = np.clip(100 * rolling.ratio(rises, moved, 0.5), 0.0, 100.0)
        return np.where(np.isfinite(movement), index, np.nan)

    def reasons(self, evidence: Mapping[str, FloatPanel]) -> list[str]:
        """The index and the line it passed."""
        low, leave, high = self.oversold, self.exit_above, self.overbought if self.short else math.inf
        rsi = f"{self.window}-bar RSI %.1f"
        below, back, above, over = (
            f"{rsi} {line}"
            for line in (f"below {low:g}", f"not above {leave:g}", f"above {leave:g}", f"above {high:g}")
        )
        return [
            (below if value < low else over if value > high else above if value > leave else back) % value
            for value in evidence["rsi"].tolist()
        ]
