"""The store as somebody who watches it reads it: counts and ages, no single run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from openbell.ports.switches import Breaker, Switch


@dataclass(frozen=True, slots=True)
class AccountLook:
    """One account: orders by state, since when the outcome of the oldest order is not known, open breaks, equity.

    ``equity`` is None while nothing was sealed, ``equity_at`` when it was.
    """

    account: str
    orders: Mapping[str, int] = field(default_factory=dict)
    unknown_since: datetime | None = None
    breaks: int = 0
    break_since: datetime | None = None
    equity: Decimal | None = None
    equity_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AlertLook:
    """Open alerts of one kind, and the oldest of them."""

    kind: str
    number: int
    since: datetime
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class StoreLook:
    """The store at one moment. ``outcomes`` counts the slots of the last day by plan, job and outcome.

    A slot that somebody still works on has the outcome ``open``; ``expired`` are those whose lease has run out.
    """

    switch: Switch
    accounts: tuple[AccountLook, ...]
    alerts: tuple[AlertLook, ...]
    breakers: tuple[tuple[str, str, Breaker], ...]
    outcomes: Mapping[tuple[str, str, str], int]
    messages: Mapping[str, int]
    expired: int = 0


class Health(Protocol):
    """What a watchdog asks of the store."""

    def look(self, since: datetime) -> StoreLook:
        """Everything at once; slots are counted from ``since`` on."""
