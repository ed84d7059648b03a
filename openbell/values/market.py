"""What one run saw: everything that its decisions may depend on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

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


#: What each code tells a person.
REASONS: Mapping[DropCode, str] = MappingProxyType(
    {
        DropCode.MISSING: "The feed does not have the symbol, or has a hole of more than three sessions.",
        DropCode.INVALID: "A price that is no number, zero, negative or absurd; a high below the low, a close outside "
        "of both, a negative volume; a row without a time.",
        DropCode.CONFLICT: "Two different bars for one time, bars that overlap, two feeds more than 1 % apart, or "
        "prices of another adjustment than the rest of the panel.",
        DropCode.TIMEZONE: "Bars outside the sessions in a way that only times of a wrong zone explain.",
        DropCode.FUTURE: "A bar that starts more than a second after the run's instant.",
        DropCode.STALE: "The newest bar is older than `freshness.bars`, by the bar's own time.",
        DropCode.SUSPECT: "The newest close is more than 40 % from the one before, as after a split, and no second "
        "feed confirms it. Somebody is alerted.",
        DropCode.EMPTY: "The answer holds no bar, or none that is complete.",
        DropCode.WARMUP: "Fewer bars than a strategy needs; said by the strategies, not by the feed.",
    }
)


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
