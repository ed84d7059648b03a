"""How many symbols may be held at once."""

from typing import ClassVar

from pydantic import Field

from openbell.risk.base import Book, Rule
from openbell.risk.block import Block, Mask
from openbell.values.orders import OrderIntent
from openbell.values.verdict import Ruling


class MaxPositions(Rule):
    """Counts symbols that are held or have an open order; adding to one of them takes no further place."""

    order: ClassVar[int] = 120
    main: ClassVar[str] = "positions"
    needs: ClassVar[tuple[str, ...]] = ("position", "open_order")

    positions: int = Field(5, ge=0, le=10_000, description="Most symbols held at once.")

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Deny a new symbol when all places are taken."""
        if book.pending(intent.symbol) is None:
            return self.unknown(f"position or open orders of {intent.symbol}", str(self.positions))
        new = not book.occupied(intent.symbol)
        count = book.totals.occupied + new
        measured, limit = str(count), str(self.positions)
        return self.deny(measured, limit) if new and count > self.positions else self.allow(intent, measured, limit)

    def clears(self, block: Block) -> Mask:
        """Where there are places for all new symbols, or none is new."""
        new = block.count(block.opens & ~block.leaves)
        cleared: Mask = (new == 0) | (block.occupied + new <= self.positions)
        return cleared
