"""Entries only in what the plan may trade."""

from typing import ClassVar

from pydantic import Field, field_validator

from openbell.errors import InputError
from openbell.risk.base import Book, Rule
from openbell.risk.block import Block, Mask
from openbell.values.instrument import check_symbol
from openbell.values.orders import OrderIntent
from openbell.values.verdict import Ruling


class AllowedSymbols(Rule):
    """A list of symbols; without one, whatever the venue knows of the plan's universe."""

    order: ClassVar[int] = 20
    main: ClassVar[str] = "symbols"
    needs: ClassVar[tuple[str, ...]] = ("instrument",)

    symbols: tuple[str, ...] = Field((), description="Symbols that may be entered; empty: all known to the venue.")

    @field_validator("symbols")
    @classmethod
    def _spelled(cls, symbols: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(check_symbol(symbol) for symbol in symbols)
        except InputError as error:
            raise ValueError(str(error)) from None

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Deny what is not on the list."""
        allowed = intent.symbol in (self.symbols or book.instruments)
        limit = f"{len(self.symbols)} listed" if self.symbols else f"{len(book.instruments)} known to the venue"
        return self.allow(intent, intent.symbol, limit) if allowed else self.deny(intent.symbol, limit)

    def clears(self, block: Block) -> Mask:
        """Where every entry is on the list."""
        allowed = self.symbols or block.instruments
        if allowed is block.instruments and block.complete:
            return ~block.none()
        return block.entries(block.each(lambda symbol, _: symbol in allowed))
