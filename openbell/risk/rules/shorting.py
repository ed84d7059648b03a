"""A sale beyond what is held is a short sale, and needs to be wanted."""

from decimal import Decimal
from typing import ClassVar

from pydantic import Field

from openbell.risk.base import Book, Rule, units
from openbell.risk.block import Block, Mask
from openbell.values.instrument import Instrument
from openbell.values.orders import OrderIntent, Side
from openbell.values.verdict import Ruling


class Shorting(Rule):
    """Cuts a sale to what is held, unless plan, venue and instrument all allow a short one."""

    order: ClassVar[int] = 50
    main: ClassVar[str] = "allowed"
    needs: ClassVar[tuple[str, ...]] = ("position", "open_order")

    allowed: bool = Field(False, strict=True, description="Whether positions may go below zero.")

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Clip a sale that nothing covers."""
        if intent.side is Side.BUY:
            return self.allow(intent, "buy", "sales only")
        closable = book.closable(intent.symbol, intent.side)
        if closable is None:
            return self.unknown(f"position in {intent.symbol}", "held quantity")
        reason = "" if intent.quantity <= closable else self._forbidden(intent, book)
        if reason:
            return self.clip(intent, book, closable, units(intent.quantity), f"{units(closable)} held, {reason}")
        short = max(Decimal(0), intent.quantity - closable)
        return self.allow(intent, f"{units(short)} short", "shorting allowed" if self.allowed else "0 short")

    def clears(self, block: Block) -> Mask:
        """Where no sale opens a position, or short ones are allowed throughout."""
        can = self.allowed and block.capabilities.shorting is True
        return block.entries((block.sign > 0) | block.kinds(lambda of: can and _lends(of)))

    def _forbidden(self, intent: OrderIntent, book: Book) -> str:
        if not self.allowed:
            return "shorting is not allowed by the plan"
        if book.capabilities.shorting is not True:
            return "the venue takes no short sales"
        if not _lends(book.instruments.get(intent.symbol)):
            return f"{intent.symbol} cannot be sold short"
        return ""


def _lends(instrument: Instrument | None) -> bool:
    return instrument is not None and instrument.shortable is True and instrument.asset_class != "crypto"
