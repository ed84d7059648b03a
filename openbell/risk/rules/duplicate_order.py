"""No second entry of the same kind so soon after the first."""

from typing import ClassVar

from openbell.risk.base import Book, Rule
from openbell.risk.block import Block, Mask
from openbell.values.orders import OrderIntent
from openbell.values.verdict import Ruling


class DuplicateOrder(Rule):
    """Same symbol and side inside the duplicate window, or already in this run.

    Exits are bounded by what is held less what open exits take off, so a second one cannot do harm.
    """

    order: ClassVar[int] = 80

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Deny what was sent a moment ago."""
        what = f"{intent.side.value} {intent.symbol}"
        limit = "once in the duplicate window"
        if (intent.symbol, intent.side.value) in book.recent:
            return self.deny(f"{what} was sent before", limit)
        return self.allow(intent, f"first {what}", limit)

    def clears(self, block: Block) -> Mask:
        """Where nothing comes a second time."""
        return block.entries(~block.repeats)
