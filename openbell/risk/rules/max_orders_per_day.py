"""How many orders one day may send."""

from typing import ClassVar

from pydantic import Field

from openbell.risk.base import Book, Rule
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
        count = book.orders_today + 1
        measured, limit = str(count), str(self.orders)
        return self.allow(intent, measured, limit) if count <= self.orders else self.deny(measured, limit)
