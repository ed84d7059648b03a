"""What a replay found, in columns: reports, statistics and comparisons are views of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from openbell.values.bars import Bars, FloatPanel, Times
from openbell.values.market import Dropped
from openbell.values.orders import OrderIntent
from openbell.values.plan import Plan
from openbell.values.slot import Slot
from openbell.values.verdict import Verdict

#: One entry for each row.
Floats = NDArray[np.float64]
Columns = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The account at the close of each session, arrays of shape (S,); money in the account's currency.

    ``times`` are the closes, UTC. ``gross`` is the sum of |quantity x mark|, ``net`` the signed one, ``holdings`` how
    many symbols are held, ``turnover`` what was bought and sold during the session.
    """

    times: Times
    cash: Floats
    equity: Floats
    gross: Floats
    net: Floats
    holdings: NDArray[np.int64]
    turnover: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Fills:
    """Executions, oldest first, arrays of shape (F,).

    ``column`` is the symbol's place in ``Replayed.symbols``, ``signed`` the quantity, negative for a sale; ``exits``
    is true where an exit rule asked for it.
    """

    times: Times
    column: Columns
    signed: Floats
    price: Floats
    fee: Floats
    exits: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.times)


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """Positions from flat to flat (or to a turn of sign), by time of their end, arrays of shape (R,).

    One that is open at the end is marked at the last close and has ``open`` true. ``quantity`` is the largest that
    was held, signed; ``entry`` and ``exit`` are average prices; ``profit`` is net of ``fees``.
    """

    column: Columns
    opened: Times
    closed: Times
    quantity: Floats
    entry: Floats
    exit: Floats
    profit: Floats
    fees: Floats
    open: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.opened)


@dataclass(frozen=True, slots=True)
class Decided:
    """One slot in full, as a live run would have frozen it; kept only when a replay is asked to."""

    slot: Slot
    intents: tuple[OrderIntent, ...]
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """A replay from ``start`` to ``end``, both sessions and included.

    ``bars`` is the panel that was decided on, ``opening_cash`` and ``closing_cash`` are exact. ``denials`` counts
    intents that the gate denied, by rule, ``clipped`` those it made smaller; ``skips`` counts slots by the code of
    the guard that stopped them. ``slots`` is how many there were, ``decided`` how many came to a decision.
    ``marks`` (S, N) are the prices that the curve was marked with, NaN while a symbol had none.
    """

    plan: Plan
    start: date
    end: date
    symbols: tuple[str, ...]
    bars: Bars
    provider: str
    currency: str
    opening_cash: Decimal
    closing_cash: Decimal
    curve: Curve
    fills: Fills
    trades: Trades
    slots: int
    decided: int
    marks: FloatPanel
    denials: Mapping[str, int] = field(default_factory=dict)
    clipped: Mapping[str, int] = field(default_factory=dict)
    skips: Mapping[str, int] = field(default_factory=dict)
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()
    decisions: tuple[Decided, ...] = ()
