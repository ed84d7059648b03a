"""The same number of units in each position."""

from collections.abc import Mapping
from decimal import Decimal

from pydantic import Field

from openbell.sizing.base import Sizer, SizingContext


class FixedQuantity(Sizer):
    """quantity, whatever the price."""

    quantity: Decimal = Field(Decimal(1), gt=0, le=10**9, description="Units of a full position.")

    def full_sizes(self, context: SizingContext) -> Mapping[str, Decimal]:
        """Every symbol with a price."""
        return dict.fromkeys(context.prices, self.quantity)
