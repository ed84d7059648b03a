"""An expression as a tree, with the kind of value that each node has."""

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What a node stands for: one number, a number for each bar and symbol, or whether something holds."""

    NUMBER = "a number"
    SERIES = "a series"
    TRUTH = "a condition"


@dataclass(frozen=True, slots=True)
class Node:
    """One operation on its arguments; ``op`` is a function, a field, an operator or ``number``.

    ``params`` are its numbers that must be known beforehand, such as the bars of a window. ``start`` and ``stop``
    say where it stands in the text and do not count when trees are compared. ``bars`` is how many bars the newest
    value rests on.
    """

    op: str
    kind: Kind
    args: tuple["Node", ...] = ()
    params: tuple[float, ...] = ()
    bars: int = field(default=1, compare=False)
    depth: int = field(default=1, compare=False)
    start: int = field(default=0, compare=False)
    stop: int = field(default=0, compare=False)
