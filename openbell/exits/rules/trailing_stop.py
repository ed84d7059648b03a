"""Keep most of what was won."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from openbell.exits.base import ExitRule, FloatRow, Fraction, Holdings


class TrailingStop(ExitRule):
    """Closes a position whose price has come back from the best one since entry by a fraction of that price."""

    order: ClassVar[int] = 20
    main: ClassVar[str] = "back_fraction"
    needs: ClassVar[tuple[str, ...]] = ("quantity", "mark", "high", "low")
    measures: ClassVar[str] = "back from the best price since entry"

    back_fraction: Fraction = Field(gt=0, lt=1, description="How far back from the best price since entry.")

    @property
    def limit(self) -> float:
        """The way back, a fraction."""
        return float(self.back_fraction)

    def measure(self, held: Holdings) -> FloatRow:
        """The way back from the highest price of a long position, the lowest of a short one."""
        return held.given_back()

    def conflict(self, others: Mapping[str, ExitRule]) -> str:
        """One that even from just below the target ends beyond the stop can never be the first to fire."""
        target, stop = others.get("take_profit"), others.get("stop_loss")
        if target is None or stop is None:
            return ""
        long = (1 + target.limit) * (1 - self.limit) <= 1 - stop.limit
        short = (1 - target.limit) * (1 + self.limit) >= 1 + stop.limit
        if not (long and short):
            return ""
        return f"{self.told} is wider than all the way from {target.told} to {stop.told}: it could never fire"
