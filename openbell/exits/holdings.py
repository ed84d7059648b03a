"""What the exit rules look at: every position of a plan as one row of numbers."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from openbell.errors import InputError

FloatRow = NDArray[np.float64]
Flags = NDArray[np.bool_]
#: Measured fractions are rounded to this many decimals, so that a price exactly at a limit has reached it.
DIGITS = 9


@dataclass(frozen=True, slots=True, eq=False)
class Holdings:
    """Positions side by side: one float64 array of shape (N,) per column, NaN for unknown.

    ``quantity`` is signed, ``average`` the entry price, ``mark`` the price now, ``high`` and ``low`` the highest and
    lowest price since the position was opened. ``age`` counts seconds since then, ``sessions`` the sessions that
    have begun since the one it was opened in. ``leaving`` is the share of the position, in [0, 1], whose strategies
    want it no longer. ``left`` counts seconds until the session ends.
    """

    symbols: tuple[str, ...]
    quantity: FloatRow
    average: FloatRow
    mark: FloatRow
    high: FloatRow
    low: FloatRow
    age: FloatRow
    sessions: FloatRow
    leaving: FloatRow
    left: FloatRow

    def __post_init__(self) -> None:
        for name in COLUMNS:
            if getattr(self, name).shape != (len(self.symbols),):
                raise InputError(f"{name} has shape {getattr(self, name).shape}, there are {len(self.symbols)} symbols")

    def __len__(self) -> int:
        return len(self.symbols)

    @property
    def long(self) -> Flags:
        """Which positions are long; the others are short."""
        return self.quantity > 0

    def gain(self) -> FloatRow:
        """How far the price has moved the position's way since entry, as a fraction of the entry price; shape (N,)."""
        with np.errstate(invalid="ignore", over="ignore"):
            moved = np.where(self.long, self.mark - self.average, self.average - self.mark)
        return self._share(moved, self.average)

    def given_back(self) -> FloatRow:
        """How far the price has come back from the best one since entry, as a fraction of that; shape (N,)."""
        with np.errstate(invalid="ignore", over="ignore"):
            best = np.where(self.long, np.maximum(self.high, self.mark), np.minimum(self.low, self.mark))
            back = np.abs(best - self.mark)
        return self._share(back, best)

    def _share(self, part: FloatRow, whole: FloatRow) -> FloatRow:
        """Rounded quotients; NaN where the whole is no price or anything is not finite."""
        held = np.isfinite(self.quantity) & (self.quantity != 0)
        good = held & np.isfinite(part) & np.isfinite(whole) & (whole > 0)
        quotient = np.full(part.shape, np.nan)
        with np.errstate(over="ignore"):
            np.divide(part, whole, out=quotient, where=good)
            rounded = np.round(quotient, DIGITS)
        return np.where(np.isfinite(rounded), rounded, np.nan)


#: Every column of numbers.
COLUMNS = tuple(field.name for field in fields(Holdings) if field.name != "symbols")
