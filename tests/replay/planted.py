"""Strategies with one planted fault each, and honest ones beside them."""

import numpy as np

from openbell.strategies.base import Strategy, seasoned
from openbell.values.bars import Bars, FloatPanel
from openbell.values.signal import SignalPanel


class Planted(Strategy):
    """Long where ``score`` is above zero; what a score sees is the fault."""

    need: int = 5

    @property
    def lookback(self) -> int:
        return self.need

    def score(self, bars: Bars) -> FloatPanel:
        raise NotImplementedError

    def signals(self, bars: Bars) -> SignalPanel:
        with np.errstate(invalid="ignore"):
            target = np.where(self.score(bars) > 0, 1.0, 0.0)
        target[~seasoned(bars.close, self.need)] = np.nan
        return SignalPanel(target, np.where(np.isnan(target), 0.0, 0.7))

    def reason(self, values: dict[str, float]) -> str:
        return "the score is above zero"


class Honest(Planted):
    def score(self, bars: Bars) -> FloatPanel:
        before = np.roll(bars.close, 4, axis=0)
        before[:4] = np.nan
        return bars.close - before


class NextClose(Planted):
    def score(self, bars: Bars) -> FloatPanel:
        after = np.roll(bars.close, -1, axis=0)
        after[-1:] = bars.close[-1:]
        return after - bars.close


class CentredMean(Planted):
    def score(self, bars: Bars) -> FloatPanel:
        ends = [np.roll(bars.close, step, axis=0) for step in (-2, -1, 0, 1, 2)]
        return bars.close - np.mean(ends, axis=0)


class NormalisedOverThePanel(Planted):
    def score(self, bars: Bars) -> FloatPanel:
        listed = np.isfinite(bars.close)
        count = np.maximum(listed.sum(axis=0), 1)
        return bars.close - np.where(listed, bars.close, 0.0).sum(axis=0) / count


class BelowTheHighestEver(Planted):
    def score(self, bars: Bars) -> FloatPanel:
        highest = np.where(np.isfinite(bars.close), bars.close, 0.0).max(axis=0, initial=0.0)
        return 0.9 * highest - bars.close


class FilledFromBehind(Planted):
    """Each block of five bars knows its last close."""

    def score(self, bars: Bars) -> FloatPanel:
        last = np.minimum(np.arange(len(bars)) // 5 * 5 + 4, max(0, len(bars) - 1))
        return bars.close[last] - bars.close


class KnowsWhoSurvives(Planted):
    def score(self, bars: Bars) -> FloatPanel:
        alive = np.isfinite(bars.close[-1:]) if len(bars) else np.ones((1, len(bars.symbols)), bool)
        return np.where(alive, 1.0, -1.0) * np.ones(bars.close.shape)


class VolumeOfTomorrow(Planted):
    def score(self, bars: Bars) -> FloatPanel:
        after = np.roll(bars.volume, -1, axis=0)
        after[-1:] = bars.volume[-1:]
        return after - bars.volume


PEEKING = (
    NextClose,
    CentredMean,
    NormalisedOverThePanel,
    BelowTheHighestEver,
    FilledFromBehind,
    KnowsWhoSurvives,
    VolumeOfTomorrow,
)


class NeedsMore(Honest):
    """Says that four bars are enough, and looks at five."""

    need: int = 4


class OutOfBounds(Honest):
    def signals(self, bars: Bars) -> SignalPanel:
        panel = super().signals(bars)
        return SignalPanel(panel.target * 3, panel.confidence)


class Restless(Honest):
    """Another confidence each time it is asked."""

    def signals(self, bars: Bars) -> SignalPanel:
        panel = super().signals(bars)
        drawn = np.random.default_rng().random(panel.target.shape)
        return SignalPanel(panel.target, np.where(np.isnan(panel.target), 0.0, drawn))


class Scribbles(Honest):
    def signals(self, bars: Bars) -> SignalPanel:
        bars.close[...] = 1.0
        return super().signals(bars)


class Stumbles(Honest):
    def signals(self, bars: Bars) -> SignalPanel:
        if not len(bars):
            raise KeyError("no bars")
        return super().signals(bars)


class CountsColumns(Honest):
    """The first symbol of the panel is its favourite."""

    def score(self, bars: Bars) -> FloatPanel:
        return super().score(bars) * np.where(np.arange(len(bars.symbols)) == 0, -1.0, 1.0)


class Silent(Honest):
    def signals(self, bars: Bars) -> SignalPanel:
        none = np.full(bars.close.shape, np.nan)
        return SignalPanel(none, np.zeros(none.shape))


class OtherwiseLive(Honest):
    """A live run is told something else than a replay."""

    def latest(self, bars: Bars) -> SignalPanel:
        panel = super().latest(bars)
        return SignalPanel(np.where(np.isnan(panel.target), np.nan, 1 - panel.target), panel.confidence)
