"""Size of one order in units."""

from decimal import Decimal
from typing import ClassVar

from pydantic import Field

from openbell.risk.base import Book, Rule, units
from openbell.values.orders import OrderIntent
from openbell.values.verdict import Ruling


class MaxOrderQuantity(Rule):
    """A guard against a price or quantity that is off by orders of magnitude."""

    order: ClassVar[int] = 90
    main: ClassVar[str] = "quantity"

    quantity: Decimal = Field(Decimal(1000), gt=0, le=10**9, description="Most units of the symbol in one entry.")

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Clip to the limit."""
        return self.clip(intent, book, self.quantity, units(intent.quantity), units(self.quantity))
