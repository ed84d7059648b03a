"""Size of one position against the whole account."""

from decimal import Decimal
from typing import ClassVar

import numpy as np
from pydantic import Field

from openbell.risk.base import Book, Fraction, Rule, known, ratio
from openbell.risk.block import Block, Mask, within
from openbell.values.orders import OrderIntent
from openbell.values.verdict import Ruling


class MaxPositionWeight(Rule):
    """|position + open orders of the side + intent| x price / equity."""

    order: ClassVar[int] = 110
    main: ClassVar[str] = "equity_fraction"
    within: ClassVar[tuple[str, ...]] = ("max_gross_exposure",)
    needs: ClassVar[tuple[str, ...]] = ("equity", "price", "position", "open_order")

    equity_fraction: Fraction = Field(
        Decimal("0.2"), gt=0, description="Most of one symbol, as a fraction of equity (0.05 is 5 %)."
    )

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Clip to the limit."""
        limit, equity = ratio(self.equity_fraction), book.equity
        if equity is None or not known(equity) or equity <= 0:
            return self.unknown("equity above 0", limit)
        price, reach = book.price(intent.symbol), book.reach(intent.symbol, intent.side)
        if price is None or reach is None:
            return self.unknown(f"price or position of {intent.symbol}", limit)
        most = (self.equity_fraction * equity - reach) / price
        return self.clip(intent, book, most, ratio((reach + intent.quantity * price) / equity), limit)

    def clears(self, block: Block) -> Mask:
        """Where no entry makes its symbol too heavy."""
        equity = block.equity[block.slot]
        reached = np.maximum(block.reach, 0) + block.value
        return block.entries((equity > 0) & within(reached, float(self.equity_fraction) * equity))
