"""The reason to hold is gone."""

from typing import ClassVar

from openbell.exits.base import ExitRule, FloatRow, Holdings


class StrategyExit(ExitRule):
    """Closes a position once every strategy that holds it wants out: flat, or the other way."""

    order: ClassVar[int] = 40
    needs: ClassVar[tuple[str, ...]] = ("leaving",)
    measures: ClassVar[str] = "share whose strategies want out"

    @property
    def limit(self) -> float:
        """All of the position."""
        return 1.0

    def measure(self, held: Holdings) -> FloatRow:
        """The share of the position whose strategies want it no longer."""
        return held.leaving
