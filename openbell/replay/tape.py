"""The tape of a replay: every bar, every slot, every opinion, laid out before the first decision."""

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from openbell.values.bars import Bars, FloatPanel, Times
from openbell.values.history import History

#: Numbers of rows, columns and slots.
Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Instants:
    """K instants, rising, and where they stand on the tape.

    ``when`` are the instants, ``times`` the same for numpy. ``row`` is the last bar that is complete, ``forming`` the
    one that is being made; -1 where there is none. ``session`` numbers the session that an instant belongs to.
    ``least`` is the age limit of bars at the instant, on the scale of ``Tape.clock``.
    """

    when: tuple[datetime, ...]
    times: Times
    row: Indices
    forming: Indices
    session: Indices
    least: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.when)


@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """T bars of N symbols, S sessions, and the K slots at which a plan of P strategies may trade.

    ``history`` has the bars, warm-up first, finite from each symbol's first bar on. ``clock`` (T,) is when a bar is
    complete on a scale on which ages are counted. ``target`` and ``confidence`` (P, T, N) are what each strategy says
    at each bar, NaN where it has no opinion or a run would have dropped the symbol. ``slots`` are those that are inside
    the window; ``skips`` counts the others by code. ``closes`` (S,) end the sessions, ``last`` (S,) is the newest bar
    then, -1 for none. ``steady`` (T, N) is false where a symbol has no bar in that row and none has been seen in that
    session: it cannot trade while the row is being made.
    """

    history: History
    clock: NDArray[np.int64]
    target: FloatPanel
    confidence: FloatPanel
    slots: Instants
    planned: int
    skips: dict[str, int]
    sessions: tuple[date, ...]
    closes: Times
    last: Indices
    steady: Flags

    @property
    def bars(self) -> Bars:
        """The panel."""
        return self.history.bars

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols, in the order of the columns."""
        return self.history.bars.symbols

    def fit(self, at: Instants, number: int) -> Flags:
        """Which symbols a run at an instant decides on, shape (N,): sound, and not too old."""
        row = int(at.row[number])
        if row < 0:
            return np.zeros(len(self.symbols), np.bool_)
        fit: Flags = self.history.fit[row] & (self.clock[self.history.newest[row]] >= at.least[number])
        return fit

    def prices(self, at: Instants, number: int) -> Floats:
        """What an order meets at an instant, shape (N,), NaN for a symbol without any bar yet.

        The open of the bar that is being made, and the last close of what does not trade.
        """
        row, forming = int(at.row[number]), int(at.forming[number])
        if forming < 0:
            return self.bars.close[row] if row >= 0 else np.full(len(self.symbols), np.nan)
        opens: Floats = self.bars.open[forming]
        if row < 0 or bool(self.steady[forming].all()):
            return opens
        mixed: Floats = np.where(self.steady[forming], opens, self.bars.close[row])
        return mixed

    def trades(self, at: Instants, number: int) -> Flags:
        """Which symbols trade at an instant, shape (N,); where the exchange is closed, those that ever did."""
        forming, row = int(at.forming[number]), int(at.row[number])
        if forming < 0 and row < 0:
            return np.zeros(len(self.symbols), np.bool_)
        trading: Flags = self.steady[forming] if forming >= 0 else self.history.newest[row] >= 0
        return trading

    def marks(self, sessions: slice) -> FloatPanel:
        """The last close of each symbol at the end of each session, shape (s, N), NaN before its first."""
        rows = self.last[sessions]
        return np.where(rows[:, None] >= 0, self.bars.close[rows], np.nan)
