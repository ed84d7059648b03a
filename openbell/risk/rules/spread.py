"""No market entry into a book that is crossed, locked or wide open."""

from decimal import Decimal
from typing import ClassVar

from pydantic import Field

from openbell.risk.base import Book, Fraction, Rule, known, ratio
from openbell.risk.block import SLACK, Block, Mask
from openbell.values.orders import OrderIntent, OrderType
from openbell.values.verdict import Ruling


class Spread(Rule):
    """(ask - bid) / mid of the quote behind a market order; where the bid reaches the ask, the quote is no price.

    Exits are let through: what is held must be closable in a bad market too.
    """

    order: ClassVar[int] = 15
    main: ClassVar[str] = "spread_fraction"
    needs: ClassVar[tuple[str, ...]] = ("spread",)

    spread_fraction: Fraction = Field(
        Decimal("0.05"), gt=0, description="Widest spread for a market entry, as a fraction of the middle."
    )

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Deny at or below 0 and above the limit."""
        limit = f"above 0 and at most {ratio(self.spread_fraction)}"
        if intent.type is not OrderType.MARKET:
            return self.allow(intent, f"{intent.type.value} order", limit)
        spread = book.spreads.get(intent.symbol)
        if spread is None or not known(spread):
            return self.unknown(f"spread of {intent.symbol}", limit)
        measured = ratio(spread) if spread > 0 else f"{ratio(spread)}, {'crossed' if spread < 0 else 'locked'}"
        return self.allow(intent, measured, limit) if 0 < spread <= self.spread_fraction else self.deny(measured, limit)

    def clears(self, block: Block) -> Mask:
        """Where every entry's quote is open and narrow."""
        narrow = (block.spread > SLACK) & (block.spread + SLACK <= float(self.spread_fraction))
        return block.entries(narrow)
