"""Size of one order in units."""

from decimal import Decimal
from typing import ClassVar

import numpy as np
from pydantic import Field

from openbell.risk.base import Book, Rule, units
from openbell.risk.block import Block, Mask, within
from openbell.values.orders import OrderIntent
from openbell.values.verdict import Ruling

#: Below this, a whole number stands for no quantity with decimals (there are nine).
_EXACT = 1e6


class MaxOrderQuantity(Rule):
    """A guard against a price or quantity that is off by orders of magnitude."""

    order: ClassVar[int] = 90
    main: ClassVar[str] = "quantity"

    quantity: Decimal = Field(Decimal(1000), gt=0, le=10**9, description="Most units of the symbol in one entry.")

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Clip to the limit."""
        return self.clip(intent, book, self.quantity, units(intent.quantity), units(self.quantity))

    def clears(self, block: Block) -> Mask:
        """Where no entry is larger; whole quantities are exact and may be at the limit."""
        limit = float(self.quantity)
        whole = (block.quantity < _EXACT) & (block.quantity == np.floor(block.quantity))
        return block.entries(within(block.quantity, limit) | (whole & (block.quantity <= np.floor(limit))))
