"""Strategies that say what a test tells them, and some that break the contract."""

import math

import numpy as np

from openbell import strategies
from openbell.plugins import discover
from openbell.stages.evaluate import Seat
from openbell.strategies.base import Strategy
from openbell.strategies.sma_crossover import SmaCrossover
from openbell.values.signal import SignalPanel

SMA = SmaCrossover(fast=3, slow=8)


ALL = [found() for found in discover(strategies, Strategy).values()]


class Told(Strategy):
    """Says what it is told to: a target, a confidence, some evidence."""

    target: float = 1.0
    confidence: float = 0.8
    evidence: float = 1.0

    @property
    def lookback(self):
        return 2

    def signals(self, bars):
        full = {name: np.full(bars.close.shape, getattr(self, name)) for name in ("target", "confidence", "evidence")}
        return SignalPanel(full["target"], full["confidence"], {"evidence": full["evidence"]})

    def reason(self, values):
        return f"told {values['evidence']:g}"


class Raises(Told):
    def signals(self, bars):
        return 1 / 0


class RaisesLate(Told):
    def reason(self, values):
        raise KeyError("price")


class Nothing(Told):
    def signals(self, bars):
        return None


class Narrow(Told):
    def signals(self, bars):
        return SignalPanel(np.ones((len(bars), 1)), np.ones((len(bars), 1)))


class Writes(Told):
    def signals(self, bars):
        bars.close[:] = 0
        return super().signals(bars)


class WritesBoldly(Told):
    def signals(self, bars):
        bars.close.flags.writeable = True
        return super().signals(bars)


class Wordless(Told):
    def reason(self, values):
        return None


class Talkative(Told):
    def reasons(self, evidence):
        return ["one", "two"] * 50


def seat(strategy: Strategy, *universe: str, label: str = "") -> Seat:
    return Seat(label or strategy.name, strategy, universe)


BAD = [
    (Raises(), "ZeroDivisionError: division by zero (told.py:"),
    (RaisesLate(), "KeyError: 'price'"),
    (Nothing(), "signals is a NoneType, not a SignalPanel"),
    (Narrow(), "target has shape (1, 1), not (1, 2)"),
    (Told(target=5.0), "target 5.0 of bad for S0 is not in [-1, 1]"),
    (Told(confidence=1.5), "confidence 1.5 of bad for S0 is not in [0, 1]"),
    (Told.model_construct(confidence=math.nan), "confidence nan of bad for S0 is not in [0, 1]"),
    (Told.model_construct(target=math.inf), "target inf of bad for S0"),
    (Told.model_construct(evidence=math.nan), "evidence evidence of bad for S0 is not finite"),
    (Writes(), "ValueError: assignment destination is read-only"),
    (WritesBoldly(), "ValueError: cannot set WRITEABLE flag"),
    (Wordless(), "TypeError: sequence item 1: expected str instance, NoneType found"),
    (Talkative(), "bad gave 100 reasons for 2 opinions"),
]
