"""Exits are limited too: never beyond what is held."""

from typing import ClassVar

from openbell.risk.base import Book, Rule, units
from openbell.risk.block import Block, Mask
from openbell.values.orders import OrderIntent, Purpose
from openbell.values.verdict import Ruling


class HeldQuantity(Rule):
    """An exit or reduction is cut to what is held less what open orders of its side already take off."""

    order: ClassVar[int] = 40
    applies_to_exits: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = ("position", "open_order")

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Clip exits to the quantity that can still be closed."""
        if intent.purpose is Purpose.ENTRY:
            return self.allow(intent, "entry", "exits only")
        closable = book.closable(intent.symbol, intent.side)
        if closable is None:
            return self.unknown(f"position in {intent.symbol}", "held quantity")
        return self.clip(intent, book, closable, units(intent.quantity), f"{units(closable)} held")

    def clears(self, block: Block) -> Mask:
        """Where whatever is no entry surely only takes off a position."""
        return block.every(block.entry | block.leaves)
