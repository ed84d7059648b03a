"""What strategies say: a panel of signals, and one row of it as values."""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import repeat

import numpy as np

from openbell.errors import StrategyError
from openbell.values.bars import FloatPanel


class Stance(StrEnum):
    """What a signal asks for. Only BUY and SELL act."""

    BUY = "buy"
    SELL = "sell"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, eq=False)
class SignalPanel:
    """Signals for every bar of a panel at once, all arrays of shape (T, N).

    ``target`` is the wanted exposure in [-1, 1] as a share of what the sizer allots: 1 a full long position,
    0 none, -1 a full short one, NaN no opinion (whatever is held stays). ``confidence`` lies in [0, 1].
    ``evidence`` holds the numbers that the reason is written from.
    """

    target: FloatPanel
    confidence: FloatPanel
    evidence: Mapping[str, FloatPanel] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, panel in {"confidence": self.confidence, **self.evidence}.items():
            if panel.shape != self.target.shape:
                raise StrategyError(f"{name} has shape {panel.shape}, target has {self.target.shape}")


@dataclass(frozen=True, slots=True)
class Signal:
    """One strategy's view of one symbol at one bar."""

    strategy: str
    symbol: str
    target: float
    confidence: float
    reason: str

    def __post_init__(self) -> None:
        if not (math.isnan(self.target) or -1 <= self.target <= 1):
            raise StrategyError(f"target {self.target} of {self.strategy} for {self.symbol} is not in [-1, 1]")
        if not 0 <= self.confidence <= 1:
            raise StrategyError(f"confidence {self.confidence} of {self.strategy} for {self.symbol} is not in [0, 1]")

    def canonical(self) -> dict[str, object]:
        """As it is written: no opinion is null, since NaN has no canonical form."""
        target = None if math.isnan(self.target) else self.target
        return {
            "strategy": self.strategy,
            "symbol": self.symbol,
            "target": target,
            "confidence": self.confidence,
            "reason": self.reason,
        }

    @property
    def stance(self) -> Stance:
        """BUY above zero, SELL at or below (leave or go short), HOLD without an opinion."""
        if math.isnan(self.target):
            return Stance.HOLD
        return Stance.BUY if self.target > 0 else Stance.SELL


def check_bounds(strategy: str, symbols: Sequence[str], target: FloatPanel, confidence: FloatPanel) -> None:
    """StrategyError that names the first cell out of bounds; arrays of shape (..., N)."""
    for name, low, values, good in (
        ("target", -1, target, ~(np.abs(target) > 1)),
        ("confidence", 0, confidence, (confidence >= 0) & (confidence <= 1)),
    ):
        if not good.all():
            at = int(good.argmin())
            symbol = symbols[at % len(symbols)]
            raise StrategyError(f"{name} {values.flat[at]} of {strategy} for {symbol} is not in [{low}, 1]")


def signal_row(
    strategy: str, symbols: Sequence[str], target: FloatPanel, confidence: FloatPanel, reasons: Sequence[str]
) -> tuple[Signal, ...]:
    """A signal per symbol from arrays of shape (N,): equal to building each, at a third of the cost.

    A run makes thousands at a time, so bounds are checked on the arrays and slots are filled column by column.
    """
    check_bounds(strategy, symbols, target, confidence)
    row = list(map(object.__new__, repeat(Signal, len(symbols))))
    columns = (repeat(strategy), symbols, target.tolist(), confidence.tolist(), reasons)
    for slot, column in zip(Signal.__slots__, columns, strict=True):
        deque(map(getattr(Signal, slot).__set__, row, column), maxlen=0)
    return tuple(row)


def no_signals(rows: int, symbols: int) -> SignalPanel:
    """A panel without any opinion."""
    return SignalPanel(np.full((rows, symbols), np.nan), np.zeros((rows, symbols)))
