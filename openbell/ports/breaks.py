"""What reconciliation keeps: looks at the broker, breaks, and the adjustments that people accepted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from openbell.values.account import Position
from openbell.values.breaks import Activity, Difference, NonTrade
from openbell.values.money import ZERO
from openbell.values.orders import Fill


class Result(StrEnum):
    """What a comparison came to; unknown is neither clean nor flat."""

    CLEAN = "clean"
    BREAK = "break"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Look:
    """One comparison of an account. ``cash`` is that of the books, None until the first known look.

    ``seen`` has the keys of the differences that were there; ``small`` is cash within the tolerance, booked at once.
    """

    account: str
    time: datetime
    result: Result
    detail: str = ""
    cash: Decimal | None = None
    seen: tuple[str, ...] = ()
    small: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Break:
    """A break; ``symbol`` is empty where it is about the account. Open while ``closed`` is None."""

    number: int
    account: str
    kind: str
    subject: str
    symbol: str
    detail: str
    time: datetime
    quantity: Decimal | None = None
    price: Decimal | None = None
    cash: Decimal | None = None
    closed: datetime | None = None
    closed_by: str = ""
    closed_why: str = ""

    @property
    def key(self) -> str:
        """The key of the difference behind it."""
        return f"{self.kind} {self.subject}"


@dataclass(frozen=True, slots=True)
class Kept:
    """The books of an account as the store has them.

    ``fills`` are those since the instant asked for, ``taken`` the ids of executions that an adjustment stands for,
    ``cash`` that of the last known look moved by all that was booked since, None before the first.
    """

    positions: Mapping[str, Position] = field(default_factory=dict)
    fills: tuple[Fill, ...] = ()
    taken: frozenset[str] = frozenset()
    cash: Decimal | None = None
    breaks: tuple[Break, ...] = ()
    unknown_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Noted:
    """What a look changed: numbers of breaks that were opened, and of those that were released."""

    opened: tuple[int, ...] = ()
    released: tuple[int, ...] = ()


class BreakBook(Protocol):
    """The store as reconciliation needs it. Each method is one transaction."""

    def kept(self, account: str, since: datetime) -> Kept:
        """The books of an account, with the fills since an instant and the breaks that are open."""

    def note(self, look: Look, differences: Sequence[Difference]) -> Noted:
        """Keep a look and its breaks.

        The same difference while open counts once; one whose amounts moved is replaced. A break whose repair is
        automatic, or whose difference went by itself, is released when two known looks in a row do not show it.
        """

    def book(self, account: str, activities: Sequence[Activity]) -> None:
        """Book what the venue names, as an adjustment each; in kind it comes off every strategy's part alike."""

    def breaks(self, account: str | None = None, open_only: bool = True, limit: int = 50) -> tuple[Break, ...]:
        """Newest first."""

    def one(self, number: int) -> Break | None:
        """A break by its number."""

    def accept(self, number: int, actor: str, reason: str, activity: NonTrade | None = None) -> None:
        """The books take the broker's word: an adjustment where there is something to book, and the break is closed.

        A StoreError for a closed break or a blank actor or reason; ``activity`` goes with a difference in cash.
        """

    def adopt(self, number: int, plan: str, strategy: str, actor: str, reason: str) -> None:
        """Accept, and give the position to a strategy of a plan; a StoreError where it is not an external one."""

    def reassign(self, plan: str, old: str, new: str, actor: str, reason: str) -> Mapping[str, Decimal]:
        """Give all that one strategy of a plan holds, in whatever account, to another; returns quantities by symbol."""

    def waiting(self, account: str) -> Mapping[str, str]:
        """Why entries wait, by symbol; the empty symbol stands for the whole account."""
