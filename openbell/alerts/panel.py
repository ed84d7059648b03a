"""What expressions say of every symbol of a panel at its last bar; what several of them share is computed once."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openbell.alerts.functions import CROSSINGS, FUNCTIONS, tail
from openbell.alerts.tree import Kind, Node
from openbell.rolling import ROUNDING
from openbell.values.bars import FIELDS, Bars, FloatPanel

Flags = NDArray[np.bool_]
#: Steps between two looks at the clock.
_BATCH = 64


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Where something certainly holds and where it certainly does not; where neither is set, it is unknown."""

    yes: Flags
    no: Flags

    def both(self, other: "Truth") -> "Truth":
        """Whether both hold: one that does not is enough to know."""
        return Truth(self.yes & other.yes, self.no | other.no)

    def either(self, other: "Truth") -> "Truth":
        """Whether one of them holds: one that does is enough to know."""
        return Truth(self.yes | other.yes, self.no & other.no)

    def opposite(self) -> "Truth":
        """Whether it does not hold; unknown stays unknown."""
        return Truth(self.no, self.yes)


class _Step(NamedTuple):
    """One operation on the results of earlier steps."""

    op: str
    args: tuple[int, ...]
    params: tuple[float, ...]


class Program:
    """Several expressions as one list of steps, each different one once, arguments before what needs them."""

    def __init__(self, trees: Iterable[Node]) -> None:
        self._known: dict[_Step, int] = {}
        self._seen: dict[int, int] = {}
        self._trees = tuple(trees)
        for tree in self._trees:
            self._add(tree)
        self.steps = list(self._known)
        self.rows = self._needed()

    def _add(self, node: Node) -> int:
        found = self._seen.get(id(node))
        if found is None:
            step = _Step(node.op, tuple(map(self._add, node.args)), node.params)
            found = self._seen[id(node)] = self._known.setdefault(step, len(self._known))
        return found

    def at(self, node: Node) -> int:
        """The step of a node of one of the trees, or of one that is equal to it."""
        found = self._seen.get(id(node))
        return self._known[_Step(node.op, tuple(map(self.at, node.args)), node.params)] if found is None else found

    def _needed(self) -> list[int]:
        """How many of its last rows each step must give."""
        rows = [1] * len(self.steps)
        for number in range(len(rows) - 1, -1, -1):
            step = self.steps[number]
            wanted = rows[number] + _before(step)
            for arg in step.args:
                rows[arg] = max(rows[arg], wanted)
        return rows


def _before(step: _Step) -> int:
    if step.op in CROSSINGS:
        return 1
    return FUNCTIONS[step.op].before(step.params) if step.op in FUNCTIONS else 0


class Panel:
    """The answers of a program on a panel of bars. A symbol with too little history has unknown answers."""

    def __init__(self, program: Program, bars: Bars, expired: Callable[[], bool] = lambda: False) -> None:
        self.bars = bars
        self._program = program
        self._results: list[FloatPanel | Truth | None] = [None] * len(program.steps)
        with np.errstate(all="ignore"):
            for number, step in enumerate(program.steps):
                if number % _BATCH == 0 and expired():
                    break
                self._results[number] = self._result(step, program.rows[number])

    def truth(self, tree: Node) -> Truth | None:
        """Whether a condition holds at the last bar, shape (N,); None when time ran out before it was judged."""
        result = self._results[self._program.at(tree)]
        return Truth(result.yes[-1], result.no[-1]) if isinstance(result, Truth) else None

    def last(self, node: Node) -> list[float]:
        """A series at the last bar for every symbol, NaN for unknown."""
        result = self._results[self._program.at(node)]
        known = result[-1].tolist() if isinstance(result, np.ndarray) else [math.nan] * len(self.bars.symbols)
        return list(known)

    def _result(self, step: _Step, rows: int) -> FloatPanel | Truth:
        if step.op == "number":
            return np.array(step.params[0])
        if step.op in FIELDS:
            return _rows_of(self.bars.panel(step.op), rows)
        args = [self._results[arg] for arg in step.args]
        if step.op in _LOGIC:
            return _LOGIC[step.op]([_shortened(arg, rows) for arg in args if isinstance(arg, Truth)])
        panels = tuple(arg for arg in args if isinstance(arg, np.ndarray))
        if step.op in FUNCTIONS:
            return FUNCTIONS[step.op].compute(panels, step.params, rows)
        if step.op in CROSSINGS:
            return _crossed(step.op, panels, rows)
        shown = tuple(tail(panel, rows) for panel in panels)
        return _COMPARED[step.op](_Gap(*shown)) if step.op in _COMPARED else _ARITHMETIC[step.op](*shown)


def _rows_of(panel: FloatPanel, rows: int) -> FloatPanel:
    """The last rows of a field; unknown where history does not reach."""
    if len(panel) >= rows:
        return panel[len(panel) - rows :]
    return np.concatenate([np.full((rows - len(panel), panel.shape[1]), np.nan), panel])


def _shortened(truth: Truth, rows: int) -> Truth:
    return Truth(truth.yes[-rows:], truth.no[-rows:])


def _all(truths: Sequence[Truth]) -> Truth:
    joined = truths[0]
    for truth in truths[1:]:
        joined = joined.both(truth)
    return joined


def _any(truths: Sequence[Truth]) -> Truth:
    joined = truths[0]
    for truth in truths[1:]:
        joined = joined.either(truth)
    return joined


_LOGIC: dict[str, Callable[[list[Truth]], Truth]] = {
    "and": _all,
    "or": _any,
    "not": lambda truths: truths[0].opposite(),
}


class _Gap:
    """Where one panel is above or below another; differences that rounding can make are none."""

    def __init__(self, a: FloatPanel, b: FloatPanel) -> None:
        gap = a - b
        slack = ROUNDING * np.maximum(np.abs(a), np.abs(b))
        self.known: Flags = np.isfinite(gap)
        self.above: Flags = self.known & (gap > slack)
        self.below: Flags = self.known & (gap < -slack)

    def is_above(self) -> Truth:
        """Whether a > b."""
        return Truth(self.above, self.known & ~self.above)

    def is_below(self) -> Truth:
        """Whether a < b."""
        return Truth(self.below, self.known & ~self.below)

    def is_apart(self) -> Truth:
        """Whether a != b."""
        apart = self.above | self.below
        return Truth(apart, self.known & ~apart)


_COMPARED: dict[str, Callable[[_Gap], Truth]] = {
    ">": _Gap.is_above,
    "<": _Gap.is_below,
    "!=": _Gap.is_apart,
    "<=": lambda gap: gap.is_above().opposite(),
    ">=": lambda gap: gap.is_below().opposite(),
    "==": lambda gap: gap.is_apart().opposite(),
}


def _crossed(op: str, panels: tuple[FloatPanel, ...], rows: int) -> Truth:
    a, b = panels
    now = _Gap(tail(a, rows), tail(b, rows))
    before = _Gap(_earlier(a, rows), _earlier(b, rows))
    if op == "crosses_above":
        return now.is_above().both(before.is_above().opposite())
    return now.is_below().both(before.is_below().opposite())


def _earlier(panel: FloatPanel, rows: int) -> FloatPanel:
    return panel[-rows - 1 : -1] if panel.ndim else panel


def _known(panel: FloatPanel) -> FloatPanel:
    """Without what is no number, since nothing can be said of it."""
    return np.where(np.isfinite(panel), panel, np.nan)


def _difference(a: FloatPanel, b: FloatPanel) -> FloatPanel:
    gap = a - b
    return _known(np.where(np.abs(gap) <= ROUNDING * np.maximum(np.abs(a), np.abs(b)), 0.0, gap))


_ARITHMETIC: dict[str, Callable[..., FloatPanel]] = {
    "+": lambda a, b: _known(a + b),
    "-": _difference,
    "*": lambda a, b: _known(a * b),
    "/": lambda a, b: _known(a / b),
    "neg": lambda a: -a,
}


def operands(tree: Node) -> tuple[Node, ...]:
    """The series that an expression compares, each once, in the order of its text."""
    found: dict[Node, None] = {}
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if node.kind is Kind.SERIES:
            found.setdefault(node)
        elif node.kind is Kind.TRUTH:
            waiting.extend(reversed(node.args))
    return tuple(found)
