"""An account after one session: what it is worth, and what made it so."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Marked:
    """One position at its mark."""

    symbol: str
    quantity: Decimal
    average_price: Decimal
    mark: Decimal


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One row of the daily books of an account.

    ``total`` is cash + sum(quantity x mark) to the cent, ``value`` that sum. ``daily`` is the change of the total less
    the owner's ``flows`` since the snapshot before, None for the first; ``gain`` adds up. ``realized`` and ``fees``
    are those of all fills so far; ``activity`` is cash since the snapshot before that came or went without a trade.
    ``unexplained`` is cash that nobody has accepted yet: it counts as a flow until somebody says what it was.
    ``difference`` is the total less the broker's own equity, None where the broker tells none.
    """

    account: str
    session: date
    run_id: str
    time: datetime
    total: Decimal
    cash: Decimal
    value: Decimal
    daily: Decimal | None
    gain: Decimal
    realized: Decimal
    unrealized: Decimal
    fees: Decimal
    activity: Decimal
    flows: Decimal
    unexplained: Decimal
    broker_equity: Decimal | None
    difference: Decimal | None
    holdings: tuple[Marked, ...] = ()
