"""What one run saw: everything that its decisions may depend on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from openbell.values.account import Account
from openbell.values.bars import Bars
from openbell.values.instrument import Instrument
from openbell.values.orders import Order
from openbell.values.quote import Quote


class DropCode(StrEnum):
    """Why a symbol was left out of a run."""

    MISSING = "DATA_MISSING"
    INVALID = "DATA_INVALID"
    CONFLICT = "DATA_CONFLICT"
    TIMEZONE = "DATA_TIMEZONE"
    FUTURE = "DATA_FUTURE"
    STALE = "DATA_STALE"
    SUSPECT = "DATA_SUSPECT"
    EMPTY = "DATA_EMPTY"
    WARMUP = "WARMUP"


@dataclass(frozen=True, slots=True)
class Dropped:
    """A symbol left out, with the code and what was found."""

    symbol: str
    code: DropCode
    detail: str


@dataclass(frozen=True, slots=True)
class FeedFailure:
    """A feed that was asked ``attempts`` times and gave nothing; ``code`` is the error's name."""

    provider: str
    code: str
    detail: str
    attempts: int


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """A panel that passed validation, what was left out of it, and what was put right on the way.

    ``providers`` names the source of each symbol that is not from ``bars.provider``, ``failures`` the feeds that were
    asked in vain. ``carried`` (T, N) is true where a close was carried forward over a bar that is not there; None
    where nothing was. ``aside`` holds, as far as they go, the bars of symbols that were dropped as STALE or SUSPECT:
    to compare with, never to decide on.
    """

    bars: Bars
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()
    providers: Mapping[str, str] = field(default_factory=dict)
    failures: tuple[FeedFailure, ...] = ()
    carried: NDArray[np.bool_] | None = field(default=None, repr=False)
    aside: Bars | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Activity:
    """What the plan has done so far, as the gate needs it.

    ``books`` is the signed quantity that each (strategy, symbol) holds by its own fills. ``recent`` holds
    (symbol, side) of the orders sent inside the duplicate window, ``orders_today`` the count of this session.
    ``breaks`` says why entries of a symbol wait; the empty symbol stands for all of them.
    ``looks`` has the planned instant of the newest slot in which each strategy looked, where the plan goes by it.
    """

    books: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)
    orders_today: int = 0
    recent: frozenset[tuple[str, str]] = frozenset()
    looks: Mapping[str, datetime] = field(default_factory=dict)
    breaks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """Bars, quotes, account and open orders as of one instant. Quotes may lack symbols; unknown is not zero."""

    as_of: datetime
    checked: Checked
    quotes: Mapping[str, Quote]
    account: Account
    open_orders: tuple[Order, ...]
    instruments: Mapping[str, Instrument]
    activity: Activity = Activity()

    @property
    def bars(self) -> Bars:
        """The validated panel."""
        return self.checked.bars

    def price(self, symbol: str) -> Decimal | None:
        """Mid of the quote, else the last close of the panel, else None for unknown."""
        if symbol in self.quotes:
            return self.quotes[symbol].mid
        if symbol in self.bars.symbols and len(self.bars):
            close = self.bars.close[-1, self.bars.column(symbol)]
            return Decimal(repr(float(close))) if close == close else None
        return None
