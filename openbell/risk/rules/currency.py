"""Only the listing that the account's money buys."""

from typing import ClassVar

from openbell.risk.base import Book, Rule
from openbell.risk.block import Block, Mask
from openbell.values.orders import OrderIntent
from openbell.values.verdict import Ruling


class Currency(Rule):
    """The venue's instrument must trade in the account's currency: under another it is another listing.

    Every limit is an amount in the account's currency, and a price in another one would slip through them all.
    """

    order: ClassVar[int] = 28
    needs: ClassVar[tuple[str, ...]] = ("instrument",)

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Deny any other currency, and an account or instrument without one."""
        instrument, own = book.instruments.get(intent.symbol), book.currency
        limit = own or "the account's currency"
        if instrument is None or not instrument.currency or not own:
            return self.unknown(f"currency of {intent.symbol}", limit)
        listing = f"{instrument.currency} at {instrument.venue}" if instrument.venue else instrument.currency
        return self.allow(intent, listing, limit) if instrument.currency == own else self.deny(listing, limit)

    def clears(self, block: Block) -> Mask:
        """Where each instrument trades in the account's money."""
        own = block.currency
        return block.entries(block.kinds(lambda of: bool(own) and of is not None and of.currency == own))
