"""Never trade against an own resting order."""

from typing import ClassVar

from openbell.risk.base import Book, Rule, units
from openbell.risk.block import Block, Mask
from openbell.values.orders import OrderIntent, Side
from openbell.values.verdict import Ruling


class WashTrade(Rule):
    """Holds for exits as well: the venue refuses them, and a cancel must be confirmed before anything new goes out."""

    order: ClassVar[int] = 210
    applies_to_exits: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = ("open_order",)

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Deny while an order of the other side is open."""
        other = Side.SELL if intent.side is Side.BUY else Side.BUY
        resting = book.resting(intent.symbol, other)
        limit = f"no open {other.value} of {intent.symbol}"
        if resting is None:
            return self.unknown("open orders", limit)
        measured = f"{units(resting)} open"
        return self.deny(measured, limit) if resting else self.allow(intent, measured, limit)

    def clears(self, block: Block) -> Mask:
        """Where no open order of the other side rests."""
        return block.every(~block.meets)
