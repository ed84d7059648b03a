"""Rolling pieces over time (axis 0) of (T, N) panels, for the last ``rows`` rows only.

Only the rows that these need are read. A window that holds a NaN gives NaN.
"""

import math
from collections.abc import Callable

import bottleneck as bn
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from openbell.values.bars import FloatPanel

#: Running sums carry rounding from older bars; relative differences below this are none.
ROUNDING = 1e-9
#: The same for a root mean square, where rounding shows as its root.
STILL = 1e-6


def last(panel: FloatPanel, rows: int, delay: int = 0) -> FloatPanel:
    """The last rows as they were ``delay`` bars ago."""
    stop = len(panel) - delay
    return panel[stop - rows : stop]


def mean(panel: FloatPanel, window: int, rows: int) -> FloatPanel:
    """Mean of the last ``window`` bars."""
    return _moved(np.add, bn.move_sum, panel, window, rows) / window


def highest(panel: FloatPanel, window: int, rows: int) -> FloatPanel:
    """Largest of the last ``window`` bars."""
    return _moved(np.maximum, bn.move_max, panel, window, rows)


def lowest(panel: FloatPanel, window: int, rows: int) -> FloatPanel:
    """Smallest of the last ``window`` bars."""
    return _moved(np.minimum, bn.move_min, panel, window, rows)


def _moved(
    pairwise: np.ufunc, move: Callable[..., FloatPanel], panel: FloatPanel, window: int, rows: int
) -> FloatPanel:
    """One window is a plain reduction; many share their work."""
    needed = last(panel, rows + window - 1)
    if rows == 1:
        reduced: FloatPanel = pairwise.reduce(needed, axis=0, keepdims=True)
        return reduced
    return move(needed, window, axis=0)[window - 1 :]


def weighted(panel: FloatPanel, weights: FloatPanel, rows: int) -> FloatPanel:
    """Sum of the last ``len(weights)`` bars, each times its weight; the newest bar has the last weight."""
    needed = last(panel, rows + len(weights) - 1)
    if rows == 1:
        newest: FloatPanel = np.einsum("k,kn->n", weights, needed)[None]
        return newest
    each: FloatPanel = np.einsum("k,rnk->rn", weights, sliding_window_view(needed, len(weights), axis=0))
    return each


def deviation(panel: FloatPanel, window: int, rows: int) -> FloatPanel:
    """Standard deviation of the last ``window`` bars around their own mean; exactly 0 for what stands still."""
    needed = last(panel, rows + window - 1)
    windows = needed.T[None] if rows == 1 else sliding_window_view(needed, window, axis=0)
    middle = windows.mean(axis=2)
    spread: FloatPanel = windows.std(axis=2)
    return np.where(spread <= ROUNDING * np.abs(middle), 0.0, spread)


def change(panel: FloatPanel, bars: int, rows: int, delay: int = 0) -> FloatPanel:
    """Relative change over ``bars`` bars, as it was ``delay`` bars ago; NaN where the base is not above zero."""
    changed = ratio(last(panel, rows, delay), last(panel, rows, delay + bars), np.nan)
    changed -= 1
    return changed


def noise(close: FloatPanel, window: int, rows: int, delay: int = 0) -> FloatPanel:
    """Root mean square of the last ``window`` one-bar changes; exactly 0 for prices that stand still."""
    changes = change(close, 1, rows + window - 1, delay)
    if rows == 1:
        squared = np.einsum("ij,ij->j", changes, changes)[None] / window
    else:
        squared = np.maximum(mean(changes * changes, window, rows), 0)
    size = np.sqrt(squared)
    return np.where(size < STILL, 0.0, size)


def ratio(above: FloatPanel, below: FloatPanel, otherwise: float) -> FloatPanel:
    """Quotient of two panels, ``otherwise`` where the divisor is not above zero."""
    if (below > 0).all():
        return above / below  # several times faster than a division under a mask
    quotient = np.full(above.shape, otherwise)
    np.divide(above, below, out=quotient, where=below > 0)
    return quotient


def surprise(deviations: FloatPanel) -> FloatPanel:
    """Probability that a normal variable strays less than this many standard deviations: erf(z / sqrt 2).

    In the tanh approximation of Hendrycks and Gimpel (2016, arXiv 1606.08415), off by less than 0.001.
    """
    z = np.minimum(np.abs(deviations), 10.0)
    nearly: FloatPanel = np.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z * z * z))
    return nearly
