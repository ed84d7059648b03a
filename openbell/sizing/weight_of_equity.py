"""The same share of equity in each position."""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

import numpy as np
from pydantic import Field

from openbell.sizing.base import Sizer, SizingContext
from openbell.values.bars import FloatPanel


class WeightOfEquity(Sizer):
    """quantity = weight x equity / price."""

    apart: ClassVar[bool] = True

    weight: Decimal = Field(
        Decimal("0.1"), gt=0, le=1, description="Share of equity in a full position, as a fraction (0.05 is 5 %)."
    )

    def full_sizes(self, context: SizingContext) -> Mapping[str, Decimal]:
        """Every symbol with a price; none without equity above zero."""
        equity = context.equity
        if equity is None or not equity.is_finite() or equity <= 0:
            return {}
        return {symbol: self.weight * equity / price for symbol, price in context.prices.items()}

    def rough(self, equity: FloatPanel, prices: FloatPanel, measured: FloatPanel | None) -> FloatPanel:  # noqa: ARG002
        """The same in floats."""
        sizes: FloatPanel = np.maximum(float(self.weight) * equity / prices, 0.0)
        return sizes
