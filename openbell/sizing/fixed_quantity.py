"""The same number of units in each position."""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

import numpy as np
from pydantic import Field

from openbell.sizing.base import Sizer, SizingContext
from openbell.values.bars import FloatPanel


class FixedQuantity(Sizer):
    """quantity, whatever the price."""

    apart: ClassVar[bool] = True

    quantity: Decimal = Field(Decimal(1), gt=0, le=10**9, description="Units of a full position.")

    def full_sizes(self, context: SizingContext) -> Mapping[str, Decimal]:
        """Every symbol with a price."""
        return dict.fromkeys(context.prices, self.quantity)

    def rough(self, equity: FloatPanel, prices: FloatPanel, measured: FloatPanel | None) -> FloatPanel:  # noqa: ARG002
        """The same in floats."""
        sizes: FloatPanel = np.full(prices.shape, float(self.quantity))
        return sizes
