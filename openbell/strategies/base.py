"""What every strategy promises: signals for every bar of a panel at once, from a finite past."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from openbell.errors import StrategyError
from openbell.plugins import Plugin
from openbell.values.bars import Bars, FloatPanel
from openbell.values.signal import SignalPanel, no_signals

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

    #: Whether the opinion on a symbol depends on its own bars alone: wide panels are then asked for strip by strip.
    apart: ClassVar[bool] = False

    @property
    @abstractmethod
    def lookback(self) -> int:
        """Bars that a signal needs, its own included."""

    @abstractmethod
    def signals(self, bars: Bars) -> SignalPanel:
        """Signals of shape (T, N) for a panel of any length, also an empty one."""

    def opinions(self, bars: Bars) -> SignalPanel:
        """``signals`` where nobody asks for reasons; evidence may be left out, which spares its arrays."""
        return self.signals(bars)

    def latest(self, bars: Bars) -> SignalPanel:
        """The last row of ``signals``, shape (1, N), for a panel of at least ``lookback`` bars."""
        panel = self.signals(bars.tail(self.lookback))
        if not isinstance(panel, SignalPanel):
            raise StrategyError(f"signals is a {type(panel).__name__}, not a SignalPanel")
        evidence = {name: values[-1:] for name, values in panel.evidence.items()}
        return SignalPanel(panel.target[-1:], panel.confidence[-1:], evidence)

    @abstractmethod
    def reason(self, values: Mapping[str, float]) -> str:
        """Words for one cell that has an opinion, from its evidence."""

    def reasons(self, evidence: Mapping[str, FloatPanel]) -> list[str]:
        """Words for many cells that have an opinion; each piece of evidence has shape (K,), and there is one."""
        return [self.reason(dict(zip(evidence, cell, strict=True))) for cell in cells(*evidence.values())]

    @property
    def hold_reason(self) -> str:
        """Words for a cell without an opinion."""
        return "no opinion: what is held stays"


class Windowed(Strategy):
    """A strategy that only works on the rows with enough history; the rows before them get no opinion.

    A live run asks for one row, a replay for thousands; either way nothing else is computed.
    """

    @abstractmethod
    def decide(self, bars: Bars, rows: int) -> SignalPanel:
        """Signals of the last ``rows`` rows, shape (rows, N); there are ``lookback - 1`` bars before them.

        A cell of a symbol that is too young, or with a NaN in its evidence, loses its opinion afterwards.
        """

    @abstractmethod
    def reasons(self, evidence: Mapping[str, FloatPanel]) -> list[str]:
        """Words for many cells at once: a run writes thousands."""

    def reason(self, values: Mapping[str, float]) -> str:
        """The words of one cell are those of many."""
        return self.reasons({name: np.array([value]) for name, value in values.items()})[0]

    def signals(self, bars: Bars) -> SignalPanel:
        """The decided rows below those that come too early."""
        return self._whole(bars, told=True)

    def opinions(self, bars: Bars) -> SignalPanel:
        """The same without evidence."""
        return self._whole(bars, told=False)

    def _whole(self, bars: Bars, told: bool) -> SignalPanel:
        early = self.lookback - 1
        if len(bars) <= early or not bars.symbols:
            return no_signals(len(bars), len(bars.symbols))
        panel = self._blanked(bars)
        evidence = {name: _below(early, values, np.nan) for name, values in panel.evidence.items()} if told else {}
        return SignalPanel(_below(early, panel.target, np.nan), _below(early, panel.confidence, 0.0), evidence)

    def latest(self, bars: Bars) -> SignalPanel:
        """One decided row, with nothing above it."""
        return self._blanked(bars.tail(self.lookback))

    def _blanked(self, bars: Bars) -> SignalPanel:
        decided = self.decide(bars, len(bars) - self.lookback + 1)
        known = _two_ends(bars.close, self.lookback)
        for values in decided.evidence.values():
            known &= np.isfinite(values)
        target = np.where(known, decided.target, np.nan)
        confidence = np.where(np.isnan(target), 0.0, np.minimum(np.maximum(decided.confidence, 0.0), 1.0))
        return SignalPanel(target, confidence, decided.evidence)


def cells(*evidence: FloatPanel) -> Iterator[tuple[float, ...]]:
    """Cell by cell, pieces of evidence of shape (K,) as plain numbers."""
    return zip(*(values.tolist() for values in evidence), strict=True)


def _below(early: int, values: FloatPanel, blank: float) -> FloatPanel:
    padded = np.empty((early + len(values), values.shape[1]))
    padded[:early] = blank
    padded[early:] = values
    return padded


def seasoned(close: FloatPanel, lookback: int) -> Mask:
    """Where a symbol has at least ``lookback`` bars, this one included; shape (T, N)."""
    enough = np.zeros(close.shape, np.bool_)
    if len(close) >= lookback:
        enough[lookback - 1 :] = _two_ends(close, lookback)
    return enough


def _two_ends(close: FloatPanel, lookback: int) -> Mask:
    """The same without the rows that come too early; a history has no holes, so its two ends say it all."""
    ends: Mask = np.isfinite(close[lookback - 1 :]) & np.isfinite(close[: len(close) - lookback + 1])
    return ends
