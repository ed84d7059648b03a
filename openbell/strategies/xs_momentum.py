"""Cross-sectional momentum: the past winners of a universe (Jegadeesh and Titman, 1993)."""

from collections.abc import Mapping

import bottleneck as bn
import numpy as np
from pydantic import Field

from openbell import rolling
from openbell.strategies.base import Windowed, cells
from openbell.values.bars import Bars, FloatPanel
from openbell.values.signal import SignalPanel


class CrossSectionalMomentum(Windowed):
    """Long the part of the universe that rose most over the window, flat in the rest.

    Equal returns share their mean rank, and a tie across the line stays out. A bar with fewer than two ranked
    symbols has no signal. Confidence is how far a symbol stands from the middle of the ranking: 1 for the first
    and the last, 0 for the median.
    """

    window: int = Field(120, ge=1, le=2_000, description="Bars over which returns are taken.")
    skip: int = Field(5, ge=0, le=500, description="Last bars left out, where returns tend to reverse.")
    top: float = Field(0.2, gt=0, le=0.5, description="Fraction of the ranked symbols to hold, at least one.")
    short: bool = Field(False, description="Go short in as many of the last.")

    @property
    def lookback(self) -> int:
        """The window, the skipped bars and the bar the return starts from."""
        return self.window + self.skip + 1

    def decide(self, bars: Bars, rows: int) -> SignalPanel:
        """1 for the first, -1 for the last when short, 0 between."""
        moved = rolling.change(bars.close, self.window, rows, self.skip)
        moved = np.where(np.isfinite(bars.close[-rows:]), moved, np.nan)
        count = np.isfinite(moved).sum(axis=1, keepdims=True).astype(np.float64)
        place = count + 1 - bn.nanrankdata(moved, axis=1)
        held = np.maximum(1.0, np.floor(count * self.top))
        target = np.where(place <= held, 1.0, 0.0)
        if self.short:
            target = np.where(place >= count - held + 1, -1.0, target)
        middle = (count + 1) / 2
        confidence = np.abs(place - middle) / np.maximum(middle - 1, 0.5)
        evidence = {"return": moved, "place": place, "of": np.broadcast_to(count, moved.shape)}
        return SignalPanel(np.where(count >= 2, target, np.nan), confidence, evidence)

    def reasons(self, evidence: Mapping[str, FloatPanel]) -> list[str]:
        """The return and its place."""
        whole = bool((evidence["place"] % 1 == 0).all())  # a tie shares a mean rank
        words = f"{self.window}-bar return %+.2f%% ranks {'%d' if whole else '%g'} of %d"
        return [words % cell for cell in cells(100 * evidence["return"], evidence["place"], evidence["of"])]
