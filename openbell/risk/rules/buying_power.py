"""Nothing is bought with money that is not there."""

from decimal import Decimal
from typing import ClassVar

from pydantic import Field

from openbell.risk.base import Book, Fraction, Rule, amount, known
from openbell.risk.block import Block, Mask, within
from openbell.values.orders import OrderIntent
from openbell.values.verdict import Ruling


class BuyingPower(Rule):
    """Value of the entry, and a cushion on whatever has no price limit: venues value such orders above the quote.

    Buying power left already excludes the plain value of this run's entries; the cushion covers those as well.
    """

    order: ClassVar[int] = 200
    main: ClassVar[str] = "cushion_fraction"
    needs: ClassVar[tuple[str, ...]] = ("buying_power", "price", "reference")

    cushion_fraction: Fraction = Field(
        Decimal("0.05"), le=Decimal("0.5"), description="Added to the value of orders without a limit price."
    )

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Deny what cannot be paid for."""
        power, cost = book.buying_power, book.cost(intent)
        if power is None or not known(power):
            return self.unknown("buying power", "buying power left")
        if cost is None or not known(book.uncapped):
            return self.unknown(f"price of {intent.symbol}", amount(power))
        uncapped = book.uncapped + (cost if intent.limit_price is None else Decimal(0))
        needed = cost + self.cushion_fraction * uncapped
        measured, limit = amount(needed), amount(power)
        return self.allow(intent, measured, limit) if needed <= power else self.deny(measured, limit)

    def clears(self, block: Block) -> Mask:
        """Where the last entry can still be paid for: none has a price limit, and each uses up its value."""
        spent = block.added(block.cost)
        return block.quiet() | within((1 + float(self.cushion_fraction)) * spent, block.power)
