"""Long less short positions against equity."""

from decimal import Decimal
from typing import ClassVar

import numpy as np
from pydantic import Field

from openbell.risk.base import Book, Rule, known, ratio
from openbell.risk.block import SLACK, Block, Floats, Mask
from openbell.values.orders import OrderIntent
from openbell.values.verdict import Ruling


class MaxNetExposure(Rule):
    """|sum of position x price| / equity in the direction of the intent, as if all open orders that way fill."""

    order: ClassVar[int] = 140
    main: ClassVar[str] = "times_equity"
    within: ClassVar[tuple[str, ...]] = ("max_gross_exposure",)
    needs: ClassVar[tuple[str, ...]] = ("equity", "price", "other_price", "position", "open_order")

    times_equity: Decimal = Field(Decimal(1), gt=0, le=50, description="Most net exposure, in multiples of equity.")

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Clip to the limit."""
        limit, equity = ratio(self.times_equity), book.equity
        if equity is None or not known(equity) or equity <= 0:
            return self.unknown("equity above 0", limit)
        price, reach = book.price(intent.symbol), book.net_reach(intent.side)
        if price is None or reach is None:
            return self.unknown("a price or position", limit)
        most = (self.times_equity * equity - reach) / price
        return self.clip(intent, book, most, ratio((reach + intent.quantity * price) / equity), limit)

    def clears(self, block: Block) -> Mask:
        """Where all buys of a slot, and all its sales, stay within the limit."""
        most = float(self.times_equity) * block.equity
        buys, sales = block.added(block.value, 1), block.added(block.value, -1)
        up = (buys == 0) | _below(block.high, buys, most)
        down = (sales == 0) | _below(-block.low, sales, most)
        inside: Mask = (block.equity > 0) & up & down
        return block.quiet() | inside


def _below(reach: Floats, added: Floats, most: Floats) -> Mask:
    """What is held may cancel out to next to nothing, so room is left by the size of the parts."""
    sure: Mask = reach + added + SLACK * (np.abs(reach) + added) <= most - SLACK * np.abs(most)
    return sure
