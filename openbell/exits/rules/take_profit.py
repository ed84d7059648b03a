"""Enough is enough."""

from decimal import Decimal
from typing import ClassVar

from pydantic import Field

from openbell.exits.base import ExitRule, FloatRow, Fraction, Holdings


class TakeProfit(ExitRule):
    """Closes a position whose price has moved its way by a fraction of the entry price."""

    order: ClassVar[int] = 30
    main: ClassVar[str] = "gain_fraction"
    always: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = ("quantity", "average", "mark")
    measures: ClassVar[str] = "gain since entry"

    gain_fraction: Fraction = Field(Decimal("0.2"), gt=0, description="Gain at which a position is closed.")

    @property
    def limit(self) -> float:
        """The gain, a fraction."""
        return float(self.gain_fraction)

    def measure(self, held: Holdings) -> FloatRow:
        """Gain since entry."""
        return held.gain()
