"""No entry on an old price."""

from datetime import timedelta
from typing import ClassVar

from pydantic import Field

from openbell.risk.base import Book, Rule
from openbell.risk.block import Block, Mask
from openbell.values.orders import OrderIntent
from openbell.values.verdict import Ruling


class StalePrice(Rule):
    """The quote behind an entry must be there and young; one from the future counts as unknown."""

    order: ClassVar[int] = 10
    main: ClassVar[str] = "age_seconds"
    needs: ClassVar[tuple[str, ...]] = ("price", "price_age")

    age_seconds: float | None = Field(
        None, gt=0, le=86400, description="Oldest quote for an entry; the plan's freshness.quotes if that is less."
    )

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Deny above the limit, and without a price or its age."""
        most = book.quote_limit.total_seconds()
        most = most if self.age_seconds is None else min(most, self.age_seconds)
        limit = f"{most:g} s"
        age = book.price_ages.get(intent.symbol)
        if book.price(intent.symbol) is None:
            return self.unknown(f"price of {intent.symbol}", limit)
        if age is None or age < timedelta(0):
            return self.unknown(f"age of the price of {intent.symbol}", limit)
        seconds = age.total_seconds()
        measured = f"{seconds:.1f} s"
        return self.allow(intent, measured, limit) if seconds <= most else self.deny(measured, limit)

    def clears(self, block: Block) -> Mask:
        """Where every entry's price is known and young."""
        most = block.quote_limit.total_seconds()
        most = most if self.age_seconds is None else min(most, self.age_seconds)
        return block.entries((block.price > 0) & (block.age >= 0) & (block.age <= most))
