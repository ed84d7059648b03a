"""An order's price must be near the market's."""

from decimal import Decimal
from typing import ClassVar

import numpy as np
from pydantic import Field

from openbell.risk.base import Book, Fraction, Rule, known, ratio
from openbell.risk.block import SLACK, Block, Mask
from openbell.values.orders import OrderIntent, OrderType, Purpose
from openbell.values.verdict import Ruling


class PriceCollar(Rule):
    """Distance of the limit price from the current price; without a limit, of the price that sized the entry.

    The limit of a stop-limit order is held against its stop, which may well be far from the market.
    """

    order: ClassVar[int] = 70
    main: ClassVar[str] = "collar_fraction"
    applies_to_exits: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = ("price", "reference")

    collar_fraction: Fraction = Field(
        Decimal("0.03"), gt=0, le=Decimal("0.5"), description="Largest distance, as a fraction of the price."
    )

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Deny outside the collar. A market exit has no price to judge, and an exit may always ask for more."""
        limit = ratio(self.collar_fraction)
        leaves = intent.purpose is not Purpose.ENTRY and book.shrinks(intent)
        if leaves and intent.limit_price is None:
            return self.allow(intent, "market exit", limit)
        own = intent.reference if intent.limit_price is None else intent.limit_price
        near = intent.stop_price if intent.type is OrderType.STOP_LIMIT else book.price(intent.symbol)
        if near is None or not (known(near) and known(own) and own > 0):
            return self.unknown(f"price of {intent.symbol}", limit)
        distance = (own - near) / near
        harm = distance * intent.side.sign if leaves else abs(distance)
        measured = ratio(harm)
        return self.allow(intent, measured, limit) if harm <= self.collar_fraction else self.deny(measured, limit)

    def clears(self, block: Block) -> Mask:
        """Where every entry's own price is near enough; a market exit has none."""
        distance = np.abs(block.reference - block.price) / block.price
        near = (block.reference > 0) & (distance + SLACK <= float(self.collar_fraction))
        return block.every(block.leaves | near)
