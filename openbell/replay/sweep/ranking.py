"""The rows of a sweep from the best down, and laid out over two of its axes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from openbell.replay.result import Floats
from openbell.replay.sweep.grid import Axis
from openbell.replay.sweep.sweep import Swept
from openbell.replay.sweep.work import LOWER, Row


@dataclass(frozen=True, slots=True, eq=False)
class Heat:
    """One figure over two axes, shape (down, across): the best over all other axes, NaN where there is none."""

    down: Axis
    across: Axis
    values: Floats
    by: str


def ranked(rows: Sequence[Row], by: str) -> list[Row]:
    """From the best down; rows without the figure come last, in their order."""
    sign = 1.0 if by in LOWER else -1.0
    return sorted(rows, key=lambda row: (row.figures.get(by) is None, sign * (row.figures.get(by) or 0.0)))


def heat(swept: Swept, by: str) -> Heat | None:
    """The first two axes with several values; None for a sweep along one line."""
    wide = [number for number, axis in enumerate(swept.grid.axes) if len(axis.values) > 1]
    if len(wide) < 2:
        return None
    shape = tuple(len(axis.values) for axis in swept.grid.axes)
    figures = [row.figures.get(by) for row in swept.rows]
    values = np.array([np.nan if value is None else value for value in figures], np.float64).reshape(shape)
    others = tuple(number for number in range(len(shape)) if number not in wide[:2])
    worst = np.inf if by in LOWER else -np.inf
    filled = np.where(np.isnan(values), worst, values)
    best = (filled.min if by in LOWER else filled.max)(axis=others)
    down, across = (swept.grid.axes[number] for number in wide[:2])
    return Heat(down, across, np.where(np.isinf(best), np.nan, best), by)


def shares(found: Heat) -> Floats:
    """How good each value is, 0 the worst and 1 the best of them, NaN where there is none; shape as the values."""
    low, high = np.nanmin(found.values), np.nanmax(found.values)
    if not high > low:
        return np.where(np.isnan(found.values), np.nan, 1.0)
    share: Floats = (found.values - low) / (high - low)
    return 1.0 - share if found.by in LOWER else share
