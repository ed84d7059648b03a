"""Rolling pieces over time (axis 0) of (T, N) panels: NaN until the window is full of bars."""

import math
from collections.abc import Callable

import bottleneck as bn
import numpy as np

from openbell.values.bars import FloatPanel

#: Running sums carry rounding from older bars; relative differences below this are none.
ROUNDING = 1e-9
#: The same for a root mean square, where rounding shows as its root.
STILL = 1e-6


def mean(panel: FloatPanel, window: int) -> FloatPanel:
    """Mean of the last ``window`` rows."""
    return _moved(bn.move_mean, panel, window)


def highest(panel: FloatPanel, window: int) -> FloatPanel:
    """Largest of the last ``window`` rows."""
    return _moved(bn.move_max, panel, window)


def lowest(panel: FloatPanel, window: int) -> FloatPanel:
    """Smallest of the last ``window`` rows."""
    return _moved(bn.move_min, panel, window)


def _moved(move: Callable[..., FloatPanel], panel: FloatPanel, window: int) -> FloatPanel:
    if len(panel) < window:
        return np.full(panel.shape, np.nan)
    return move(panel, window, axis=0)


def delayed(panel: FloatPanel, bars: int) -> FloatPanel:
    """Each row as it was ``bars`` rows ago."""
    late = np.full(panel.shape, np.nan)
    late[bars:] = panel[: max(0, len(panel) - bars)]
    return late


def change(panel: FloatPanel, bars: int = 1) -> FloatPanel:
    """Relative change over ``bars`` rows; NaN where the older price is not above zero."""
    older = delayed(panel, bars)
    return ratio(panel, older, np.nan) - 1


def noise(close: FloatPanel, window: int) -> FloatPanel:
    """Root mean square of the last ``window`` one-bar changes; exactly 0 for prices that stand still."""
    size = np.sqrt(np.maximum(mean(change(close) ** 2, window), 0))
    return np.where(size < STILL, 0.0, size)


def ratio(above: FloatPanel, below: FloatPanel, otherwise: float) -> FloatPanel:
    """Quotient of two panels, ``otherwise`` where the divisor is not above zero."""
    return np.divide(above, below, out=np.full(above.shape, otherwise), where=below > 0)


def surprise(deviations: FloatPanel) -> FloatPanel:
    """Probability that a normal variable strays less than this many standard deviations: erf(z / sqrt 2).

    In the tanh approximation of Hendrycks and Gimpel (2016, arXiv 1606.08415), off by less than 0.001.
    """
    z = np.minimum(np.abs(deviations), 10.0)
    return np.asarray(np.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))
