"""Sum of all positions, long and short alike, against equity."""

from decimal import Decimal
from typing import ClassVar

from pydantic import Field

from openbell.risk.base import Book, Rule, known, ratio
from openbell.risk.block import Block, Mask, within
from openbell.values.orders import OrderIntent
from openbell.values.verdict import Ruling


class MaxGrossExposure(Rule):
    """Sum of |position| x price / equity, each symbol with the worse side of its open orders."""

    order: ClassVar[int] = 130
    main: ClassVar[str] = "times_equity"
    within: ClassVar[tuple[str, ...]] = ("max_leverage",)
    needs: ClassVar[tuple[str, ...]] = ("equity", "price", "other_price", "position", "open_order")

    times_equity: Decimal = Field(Decimal(1), gt=0, le=50, description="Most gross exposure, in multiples of equity.")

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Clip to the limit."""
        limit, equity = ratio(self.times_equity), book.equity
        if equity is None or not known(equity) or equity <= 0:
            return self.unknown("equity above 0", limit)
        price, reach = book.price(intent.symbol), book.reach(intent.symbol, intent.side)
        others = book.gross_elsewhere(intent.symbol)
        if price is None or reach is None or others is None:
            return self.unknown("a price or position", limit)
        most = (self.times_equity * equity - others - reach) / price
        return self.clip(intent, book, most, ratio((others + reach + intent.quantity * price) / equity), limit)

    def clears(self, block: Block) -> Mask:
        """Where all entries of a slot together stay within the limit."""
        most = float(self.times_equity) * block.equity
        return block.quiet() | ((block.equity > 0) & within(block.gross + block.added(block.value), most))
