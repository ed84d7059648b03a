"""Wrong is wrong."""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar, Literal

from pydantic import Field

from openbell.exits.base import ExitRule, FloatRow, Fraction, Holdings


class StopLoss(ExitRule):
    """Closes a position whose price has moved against it by a fraction of the entry price."""

    order: ClassVar[int] = 10
    main: ClassVar[str] = "loss_fraction"
    always: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = ("quantity", "average", "mark")
    measures: ClassVar[str] = "loss since entry"

    loss_fraction: Fraction = Field(Decimal("0.1"), gt=0, lt=1, description="Loss at which a position is closed.")

    resting: Literal["live", "always", "never"] = Field(
        "live", description="Whose positions also have a stop order at the broker: live plans', all or none."
    )

    @property
    def limit(self) -> float:
        """The loss, a fraction."""
        return float(self.loss_fraction)

    def measure(self, held: Holdings) -> FloatRow:
        """Loss since entry; below zero while there is a gain."""
        return -held.gain()

    def resting_stop(self, average: Decimal, long: bool, mode: str) -> Decimal | None:
        """Where the loss is reached."""
        if self.resting == "never" or (self.resting == "live" and mode != "live"):
            return None
        return average * (1 - self.loss_fraction if long else 1 + self.loss_fraction)

    def conflict(self, others: Mapping[str, ExitRule]) -> str:
        """A stop may not be further away than the target."""
        target = others.get("take_profit")
        if target is None or self.limit <= target.limit:
            return ""
        return f"{self.told} is above {target.told}; lower the one, raise the other or set one to false"
