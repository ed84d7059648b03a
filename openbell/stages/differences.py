"""Where two panels of signals differ: the first bar, the first symbol there, and both values."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from openbell.values.bars import Bars, FloatPanel
from openbell.values.signal import SignalPanel
from openbell.values.time import iso

#: How far apart equal values may be, relative and absolute: sums over other windows round differently.
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Difference:
    """The first cell in which two panels differ; NaN is told as no opinion (None).

    ``value`` is target, confidence or the name of a piece of evidence.
    """

    symbol: str
    bar: datetime
    value: str
    was: float | None
    became: float | None

    @property
    def words(self) -> str:
        """The change in words."""
        change = f"was {_said(self.was)} and becomes {_said(self.became)}"
        return f"{self.value} of {self.symbol} at {iso(self.bar)} {change}"


def cut(panel: SignalPanel, rows: slice, columns: slice | list[int] = slice(None)) -> SignalPanel:
    """Some rows and columns of a panel."""
    evidence = {name: values[rows][:, columns] for name, values in panel.evidence.items()}
    return SignalPanel(panel.target[rows][:, columns], panel.confidence[rows][:, columns], evidence)


def same(one: FloatPanel, other: FloatPanel) -> NDArray[np.bool_]:
    """Where two arrays are equal within the tolerance, with NaN only where the other has NaN; a mask of their shape."""
    close: NDArray[np.bool_] = np.isclose(one, other, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    return close


def difference(one: SignalPanel, other: SignalPanel, bars: Bars) -> Difference | None:
    """The first difference of two panels over the same bars; evidence counts where there is an opinion."""
    says = ~np.isnan(one.target)
    if one.target.shape != other.target.shape or (says.any() and one.evidence.keys() != other.evidence.keys()):
        return _of_shape(one, other, bars)
    found = min(_firsts(one, other, says), default=None)
    if found is None:
        return None
    row, column, _, name = found
    left, right = (_panel(panel, name)[row, column] for panel in (one, other))
    return Difference(bars.symbols[column], instant(bars, row), name, known(left), known(right))


def _firsts(one: SignalPanel, other: SignalPanel, says: NDArray[np.bool_]) -> Iterator[tuple[int, int, int, str]]:
    """Row and column of the first difference of each array, with the array's rank and name."""
    told = one.evidence if says.any() else ()
    for rank, name in enumerate(("target", "confidence", *told)):
        apart = ~same(_panel(one, name), _panel(other, name))
        if rank > 1:
            apart &= says
        if apart.any():
            row, column = divmod(int(apart.argmax()), apart.shape[1])
            yield row, column, rank, name


def _of_shape(one: SignalPanel, other: SignalPanel, bars: Bars) -> Difference:
    """Panels that cannot be laid on each other: told by their size."""
    pieces = [float(panel.target.size * (2 + len(panel.evidence))) for panel in (one, other)]
    return Difference(bars.symbols[0], instant(bars, 0), "number of values", *pieces)


def _panel(panel: SignalPanel, name: str) -> FloatPanel:
    own: FloatPanel = getattr(panel, name) if name in ("target", "confidence") else panel.evidence[name]
    return own


def instant(bars: Bars, row: int) -> datetime:
    """When a bar was complete."""
    at: datetime = bars.times[row].astype("datetime64[us]").item()
    return at.replace(tzinfo=UTC)


def known(value: float) -> float | None:
    """A number, None for one that is not finite."""
    return float(value) if np.isfinite(value) else None


def _said(value: float | None) -> str:
    return "no opinion" if value is None else f"{value:.10g}"
