"""Other futures for the same past: what comes after a row of a panel is cut off, shuffled, moved or delisted."""

from collections.abc import Callable, Mapping

import numpy as np

from openbell.values.bars import FIELDS, Bars, FloatPanel, make_bars

#: The panel with another future from row ``cut`` on; rows before it are the same to the bit.
Future = Callable[[Bars, int, np.random.Generator], Bars]
_PRICES = FIELDS[:-1]


def cut_off(bars: Bars, cut: int, rng: np.random.Generator) -> Bars:  # noqa: ARG001
    """No future at all, as a live run sees it."""
    return bars.rows(0, cut)


def shuffled(bars: Bars, cut: int, rng: np.random.Generator) -> Bars:
    """The bars that come, in another order; each symbol keeps the rows in which it is listed."""
    fields = _copies(bars)
    for column in range(len(bars.symbols)):
        listed = cut + np.flatnonzero(np.isfinite(bars.close[cut:, column]))
        order = rng.permutation(listed)
        for panel in fields.values():
            panel[listed, column] = panel[order, column]
    return _made(bars, fields)


def moved(bars: Bars, cut: int, rng: np.random.Generator) -> Bars:
    """Every bar that comes at another price and volume, most within a seventh and seven times of what it was."""
    fields = _copies(bars)
    shape = bars.close[cut:].shape
    factor = np.exp(rng.normal(0.0, 1.0, shape))
    for name in _PRICES:
        fields[name][cut:] *= factor
    fields["volume"][cut:] *= np.exp(rng.normal(0.0, 1.0, shape))
    return _made(bars, fields)


def delisted(bars: Bars, cut: int, rng: np.random.Generator) -> Bars:
    """About half of the symbols end at the cut: who survives is not known before."""
    ended = rng.random(len(bars.symbols)) < 0.5
    ended[rng.integers(len(ended))] = True
    fields = _copies(bars)
    for panel in fields.values():
        panel[cut:, ended] = np.nan
    return _made(bars, fields)


#: How each is told, after the words "with the bars from ... on".
FUTURES: Mapping[str, Future] = {
    "cut off": cut_off,
    "shuffled": shuffled,
    "at other prices": moved,
    "of half the symbols missing": delisted,
}


def _copies(bars: Bars) -> dict[str, FloatPanel]:
    return {name: bars.panel(name).copy() for name in FIELDS}


def _made(bars: Bars, fields: dict[str, FloatPanel]) -> Bars:
    return make_bars(bars.symbols, bars.times, fields, bars.timeframe, bars.provider, bars.adjustment)
