"""A price that can be traded on now."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from openbell.errors import InputError
from openbell.values.time import as_utc


@dataclass(frozen=True, slots=True)
class Quote:
    """Best bid and ask and the last trade of one symbol at ``time`` (the venue's own, not the fetch).

    ``mid`` is halfway between bid and ask, ``spread`` ask less bid as a fraction of it, negative when crossed: they
    are asked for far more often than quotes are made, and follow from the rest.
    """

    symbol: str
    bid: Decimal
    ask: Decimal
    last: Decimal
    time: datetime
    mid: Decimal = field(init=False, repr=False, compare=False)
    spread: Decimal = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        as_utc(self.time, f"quote time of {self.symbol}")
        bid, ask = self.bid, self.ask
        for name, price in (("bid", bid), ("ask", ask), ("last", self.last)):
            if not (price.is_finite() and price > 0):
                raise InputError(f"{name} {price} of {self.symbol} is not above 0")
        mid = (bid + ask) / 2
        object.__setattr__(self, "mid", mid)
        object.__setattr__(self, "spread", (ask - bid) / mid)

    def age(self, as_of: datetime) -> timedelta:
        """How old the quote is at ``as_of``."""
        return as_of - self.time
