"""What every strategy promises: signals for every bar of a panel at once, from a finite past."""

from abc import abstractmethod
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from openbell.plugins import Plugin
from openbell.values.bars import Bars, FloatPanel
from openbell.values.signal import SignalPanel

Mask = NDArray[np.bool_]


class Strategy(Plugin):
    """One view of the market, frozen with its parameters.

    The promises, which ``tests/contracts/strategy_contract.py`` checks:

    - a row depends on its own bar and the ``lookback - 1`` bars before it: not on later bars, so that a replay
      knows no more than a live run did, and not on older ones, so that both reach the same answer (to 1e-9);
    - no opinion on a symbol with fewer bars than that;
    - the order of the symbols does not matter, and the panel is not written to;
    - an error is a StrategyError or one of Python's own.
    """

    @property
    @abstractmethod
    def lookback(self) -> int:
        """Bars that a signal needs, its own included."""

    @abstractmethod
    def signals(self, bars: Bars) -> SignalPanel:
        """Signals of shape (T, N) for a panel of any length, also an empty one."""

    @abstractmethod
    def reason(self, values: Mapping[str, float]) -> str:
        """Words for one cell that has an opinion, from its evidence."""

    @property
    def hold_reason(self) -> str:
        """Words for a cell without an opinion."""
        return "no opinion: what is held stays"


def seasoned(close: FloatPanel, lookback: int) -> Mask:
    """Where a symbol has at least ``lookback`` bars, this one included; shape (T, N).

    A history has no holes, so its two ends say it all.
    """
    present = np.isfinite(close)
    enough = np.zeros_like(present)
    if len(close) >= lookback:
        enough[lookback - 1 :] = present[lookback - 1 :] & present[: len(close) - lookback + 1]
    return enough


def opinions(
    known: Mask, target: FloatPanel, confidence: FloatPanel, evidence: Mapping[str, FloatPanel]
) -> SignalPanel:
    """The panel with an opinion only where ``known``; confidence is cut to [0, 1], and 0 without an opinion."""
    wanted = np.where(known, target, np.nan)
    sure = np.where(np.isnan(wanted), 0.0, np.clip(confidence, 0.0, 1.0))
    return SignalPanel(wanted, sure, evidence)
