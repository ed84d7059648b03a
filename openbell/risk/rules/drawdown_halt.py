"""A fall from the peak ends in entries being refused."""

from decimal import Decimal
from typing import ClassVar

from pydantic import Field

from openbell.risk.base import Book, Fraction, Rule
from openbell.risk.block import Block, Mask, within
from openbell.values.orders import OrderIntent
from openbell.values.verdict import Ruling


class DrawdownHalt(Rule):
    """(peak equity - equity) / peak equity."""

    order: ClassVar[int] = 190
    latches: ClassVar[str] = "loss"
    main: ClassVar[str] = "drawdown_fraction"
    account_wide: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = ("equity", "peak_equity")

    drawdown_fraction: Fraction = Field(
        Decimal("0.1"), gt=0, description="Fall from the highest equity at which entries stop, as a fraction of it."
    )

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Deny at the limit."""
        return self.within_fall(intent, book.equity, book.peak_equity, self.drawdown_fraction, "peak equity")

    def clears(self, block: Block) -> Mask:
        """Where equity is above the halt; asked of slots without entries too, as the account is."""
        least = (1 - float(self.drawdown_fraction)) * block.peak
        return (block.peak > 0) & within(least, block.equity)
