"""How many orders one run may send."""

from typing import ClassVar

from pydantic import Field

from openbell.risk.base import Book, Rule
from openbell.values.orders import OrderIntent
from openbell.values.verdict import Ruling


class MaxOrdersPerRun(Rule):
    """Counts every order of the run; exits are counted but never held back, so that entries cannot starve them."""

    order: ClassVar[int] = 160
    main: ClassVar[str] = "orders"
    within: ClassVar[tuple[str, ...]] = ("max_orders_per_day",)

    orders: int = Field(10, ge=0, le=100_000, description="Most orders of one run before an entry is refused.")

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Deny when the count is used up."""
        count = book.orders_this_run + 1
        measured, limit = str(count), str(self.orders)
        return self.allow(intent, measured, limit) if count <= self.orders else self.deny(measured, limit)
