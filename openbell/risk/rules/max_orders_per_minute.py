"""How many orders one minute may see."""

from typing import ClassVar

from pydantic import Field

from openbell.risk.base import Book, Rule
from openbell.risk.block import Block, Mask
from openbell.values.orders import OrderIntent
from openbell.values.verdict import Ruling


class MaxOrdersPerMinute(Rule):
    """Counts what the plan has sent in the last 60 seconds, at the moment of each send, over all of its runs.

    A program that has lost its mind sends fast. Exits are counted but never held back.
    """

    order: ClassVar[int] = 175
    latches: ClassVar[str] = "rate"
    main: ClassVar[str] = "orders"

    orders: int = Field(60, ge=0, le=100_000, description="Most orders within 60 seconds before an entry is refused.")

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Deny when the count is used up."""
        return self.up_to(intent, book.orders_last_minute + 1, self.orders)

    def clears(self, block: Block) -> Mask:
        """Where the count is not used up, exits included; all orders of a slot may go out within a minute."""
        return block.quiet() | (block.minute + block.count() <= self.orders)
