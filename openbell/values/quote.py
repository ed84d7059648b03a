"""A price that can be traded on now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from openbell.errors import InputError
from openbell.values.time import as_utc


@dataclass(frozen=True, slots=True)
class Quote:
    """Best bid and ask and the last trade of one symbol at ``time`` (the venue's own, not the fetch)."""

    symbol: str
    bid: Decimal
    ask: Decimal
    last: Decimal
    time: datetime

    def __post_init__(self) -> None:
        as_utc(self.time, f"quote time of {self.symbol}")
        for name in ("bid", "ask", "last"):
            price: Decimal = getattr(self, name)
            if not (price.is_finite() and price > 0):
                raise InputError(f"{name} {price} of {self.symbol} is not above 0")

    def age(self, as_of: datetime) -> timedelta:
        """How old the quote is at ``as_of``."""
        return as_of - self.time

    @property
    def mid(self) -> Decimal:
        """Halfway between bid and ask."""
        return (self.bid + self.ask) / 2

    @property
    def spread(self) -> Decimal:
        """Ask less bid as a fraction of the mid; negative when crossed."""
        return (self.ask - self.bid) / self.mid
