"""The same amount of money in each position."""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

from pydantic import Field

from openbell.sizing.base import Sizer, SizingContext
from openbell.values.bars import FloatPanel


class FixedCash(Sizer):
    """quantity = notional / price."""

    apart: ClassVar[bool] = True

    notional: Decimal = Field(
        Decimal(1000), gt=0, le=10**9, description="Value of a full position, in the account's currency."
    )

    def full_sizes(self, context: SizingContext) -> Mapping[str, Decimal]:
        """Every symbol with a price."""
        return {symbol: self.notional / price for symbol, price in context.prices.items()}

    def rough(self, equity: FloatPanel, prices: FloatPanel, measured: FloatPanel | None) -> FloatPanel:  # noqa: ARG002
        """The same in floats."""
        sizes: FloatPanel = float(self.notional) / prices
        return sizes
