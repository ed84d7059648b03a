"""Size of one order in money."""

from decimal import Decimal
from typing import ClassVar

from pydantic import Field

from openbell.risk.base import Book, Rule, amount
from openbell.risk.block import Block, Mask, within
from openbell.values.orders import OrderIntent
from openbell.values.verdict import Ruling


class MaxOrderNotional(Rule):
    """Quantity at the worst of current price, reference and limit price."""

    order: ClassVar[int] = 100
    main: ClassVar[str] = "notional"
    needs: ClassVar[tuple[str, ...]] = ("price", "reference")

    notional: Decimal = Field(
        Decimal(1000), gt=0, le=10**9, description="Most value of one entry, in the account's currency."
    )

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Clip to the limit."""
        cost, limit = book.cost(intent), amount(self.notional)
        if cost is None:
            return self.unknown(f"price of {intent.symbol}", limit)
        most = intent.quantity if cost <= self.notional else self.notional * intent.quantity / cost
        return self.clip(intent, book, most, amount(cost), limit)

    def clears(self, block: Block) -> Mask:
        """Where no entry costs more."""
        return block.entries(within(block.cost, float(self.notional)))
