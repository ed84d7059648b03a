"""Curves in one line of text."""

from collections.abc import Sequence
from decimal import Decimal

BARS = "▁▂▃▄▅▆▇█"
#: Characters of the curve at most.
WIDTH = 60


def spark(values: Sequence[Decimal], width: int = WIDTH) -> str:
    """A line of block characters from the lowest to the highest value; a long series shows its last of each part."""
    parts = min(width, len(values))
    shown = [values[(index + 1) * len(values) // parts - 1] for index in range(parts)]
    low, high = min(shown), max(shown)
    top = len(BARS) - 1
    return "".join(BARS[int((value - low) * top / (high - low)) if high > low else 0] for value in shown)
