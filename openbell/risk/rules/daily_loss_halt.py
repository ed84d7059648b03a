"""A bad day ends in entries being refused."""

from decimal import Decimal
from typing import ClassVar

from pydantic import Field

from openbell.risk.base import Book, Fraction, Rule
from openbell.risk.block import Block, Mask, within
from openbell.values.orders import OrderIntent
from openbell.values.verdict import Ruling


class DailyLossHalt(Rule):
    """(equity at the open - equity) / equity at the open."""

    order: ClassVar[int] = 180
    latches: ClassVar[str] = "loss"
    main: ClassVar[str] = "loss_fraction"
    within: ClassVar[tuple[str, ...]] = ("drawdown_halt",)
    account_wide: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = ("equity", "equity_at_open")

    loss_fraction: Fraction = Field(
        Decimal("0.02"), gt=0, description="Loss since the open at which entries stop, as a fraction of equity then."
    )

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Deny at the limit."""
        return self.within_fall(intent, book.equity, book.equity_at_open, self.loss_fraction, "equity at the open")

    def clears(self, block: Block) -> Mask:
        """Where equity is above the halt; asked of slots without entries too, as the account is."""
        least = (1 - float(self.loss_fraction)) * block.start
        return (block.start > 0) & within(least, block.equity)
