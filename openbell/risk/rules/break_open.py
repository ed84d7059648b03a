"""No entry while the books and the broker disagree on the symbol."""

from typing import ClassVar

from openbell.risk.base import Book, Rule
from openbell.risk.block import Block, Mask
from openbell.values.orders import OrderIntent
from openbell.values.verdict import Ruling


class BreakOpen(Rule):
    """An open break of the symbol, or of the whole account, holds back what adds risk until it is closed.

    What takes off a position goes on: it is bounded by what is really held.
    """

    order: ClassVar[int] = 25

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Deny what nobody can count."""
        limit = "no open break"
        found = book.breaks.get("") or book.breaks.get(intent.symbol)
        return self.deny(found, limit) if found else self.allow(intent, "none", limit)

    def clears(self, block: Block) -> Mask:
        """Where no break holds anything back."""
        if not block.breaks:
            return ~block.none()
        everywhere = bool(block.breaks.get(""))
        return block.entries(block.each(lambda symbol, _: not everywhere and not block.breaks.get(symbol)))
