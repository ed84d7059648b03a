"""How many orders one run may send."""

from typing import ClassVar

from pydantic import Field

from openbell.risk.base import Book, Rule
from openbell.risk.block import Block, Mask
from openbell.values.orders import OrderIntent
from openbell.values.verdict import Ruling


class MaxOrdersPerRun(Rule):
    """Counts every order of the run; exits are counted but never held back, so that entries cannot starve them."""

    order: ClassVar[int] = 160
    main: ClassVar[str] = "orders"
    within: ClassVar[tuple[str, ...]] = ("max_orders_per_day", "max_orders_per_minute")

    orders: int = Field(10, ge=0, le=100_000, description="Most orders of one run before an entry is refused.")

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Deny when the count is used up."""
        return self.up_to(intent, book.orders_this_run + 1, self.orders)

    def clears(self, block: Block) -> Mask:
        """Where the count is not used up, exits included."""
        return block.quiet() | (block.count() <= self.orders)
