"""Bars of a long stretch of time, with what a run at each of them would have known of their faults."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openbell.values.bars import Bars, Times
from openbell.values.market import Dropped


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """A panel to decide on row by row, as a run would have whose newest row that was.

    ``bars`` (T, N) is finite from each symbol's first bar on: a bar that is not there, or that no run would have
    taken, is the close before it without volume. ``starts`` (T,) is when each bar begins. ``newest`` (T, N) is the row
    of each symbol's last own bar at or before a row, -1 ahead of the first. ``fit`` (T, N) is false where a run would
    have dropped the symbol, whatever the clock: a jump that is not confirmed, a defect or a hole inside its window.
    ``dropped`` are symbols that cannot be used at all, ``doubted`` the jumps by row, with the detail that a run would
    have told.
    """

    bars: Bars
    starts: Times
    newest: NDArray[np.int32]
    fit: NDArray[np.bool_]
    dropped: tuple[Dropped, ...] = ()
    doubted: tuple[tuple[int, Dropped], ...] = ()
    notes: tuple[str, ...] = ()

    def rows(self, start: int, stop: int) -> "History":
        """Rows ``start`` to ``stop`` (exclusive); own bars before them count as none."""
        newest = np.maximum(self.newest[start:stop] - start, -1).astype(np.int32)
        return History(
            self.bars.rows(start, stop),
            self.starts[start:stop],
            newest,
            self.fit[start:stop] & (newest >= 0),
            self.dropped,
            tuple((row - start, one) for row, one in self.doubted if start <= row < stop),
            self.notes,
        )
