"""Which position is closed, and by which rule: every rule on all positions at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from openbell.exits.base import ExitRule
from openbell.exits.holdings import FloatRow, Holdings


@dataclass(frozen=True, slots=True)
class Fired:
    """One position that a rule closes, with what was measured and the limit in words."""

    symbol: str
    rule: str
    measures: str
    measured: str
    limit: str

    @property
    def words(self) -> str:
        """One line: ``stop_loss: loss since entry 10.40 %, limit 10.00 %``."""
        return f"{self.rule}: {self.measures} {self.measured}, limit {self.limit}"


def judge_exits(rules: Sequence[ExitRule], held: Holdings) -> tuple[Fired, ...]:
    """The positions to close, in the order of the rules and then of the holdings; each position once."""
    waiting = np.ones(len(held), np.bool_)
    fired: list[Fired] = []
    for rule in rules:
        measured = rule.measure(held)
        # A comparison with NaN is false, whichever way a rule compares.
        reached = rule.reached(measured) & np.isfinite(measured) & waiting
        waiting &= ~reached
        limit = rule.say(rule.limit)
        fired += [
            Fired(held.symbols[at], rule.name, rule.measures, rule.say(float(measured[at])), limit)
            for at in np.flatnonzero(reached).tolist()
        ]
    return tuple(fired)


@dataclass(frozen=True, slots=True)
class Distance:
    """Where one position stands with one rule; ``measured`` is empty where it is unknown."""

    symbol: str
    rule: str
    measures: str
    measured: str
    limit: str
    reached: bool


def distances(rules: Sequence[ExitRule], held: Holdings) -> tuple[Distance, ...]:
    """Every position with every rule, position by position."""
    columns = [(rule, rule.measure(held)) for rule in rules]
    return tuple(
        _distance(rule, symbol, measured, at) for at, symbol in enumerate(held.symbols) for rule, measured in columns
    )


def _distance(rule: ExitRule, symbol: str, measured: FloatRow, at: int) -> Distance:
    value = float(measured[at])
    known = bool(np.isfinite(value))
    said = rule.say(value) if known else ""
    return Distance(
        symbol, rule.name, rule.measures, said, rule.say(rule.limit), known and bool(rule.reached(measured)[at])
    )
