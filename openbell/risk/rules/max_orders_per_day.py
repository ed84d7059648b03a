"""How many orders one day may send."""

from typing import ClassVar

from pydantic import Field

from openbell.risk.base import Book, Rule
from openbell.risk.block import Block, Mask
from openbell.values.orders import OrderIntent
from openbell.values.verdict import Ruling


class MaxOrdersPerDay(Rule):
    """Counts every order of the day; exits are counted but never held back, so that entries cannot starve them."""

    order: ClassVar[int] = 170
    latches: ClassVar[str] = "orders"
    main: ClassVar[str] = "orders"

    orders: int = Field(50, ge=0, le=100_000, description="Most orders of one day before an entry is refused.")

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Deny when the count is used up."""
        return self.up_to(intent, book.orders_today + 1, self.orders)

    def clears(self, block: Block) -> Mask:
        """Where the count is not used up, exits included."""
        return block.quiet() | (block.today + block.count() <= self.orders)
