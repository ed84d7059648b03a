"""The store as people and machines read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from openbell.values.bars import Bars
from openbell.values.orders import Fill, OrderState
from openbell.values.record import Outcome, RunRecord


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One line of the history."""

    id: str
    plan: str
    job: str
    slot: str
    planned: datetime
    session: date
    outcome: Outcome
    code: str
    message: str
    clock: datetime | None
    as_of: datetime
    finished: datetime
    equity: Decimal | None
    counters: Mapping[str, int]

    @property
    def seconds(self) -> float | None:
        """How long the run took; None for one that was missed, and where the store does not know when it began."""
        took = None if self.clock is None or self.outcome is Outcome.MISSED else self.finished - self.clock
        return None if took is None else took.total_seconds()


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order as the store's projection has it."""

    client_id: str
    run_id: str
    plan: str
    slot: str
    symbol: str
    side: str
    quantity: Decimal
    purpose: str
    state: OrderState
    filled: Decimal
    average_price: Decimal | None
    detail: str
    updated: datetime


@dataclass(frozen=True, slots=True)
class PositionRow:
    """A position as the store's projection has it, with each strategy's part and the last known mark."""

    account: str
    symbol: str
    quantity: Decimal
    average_price: Decimal
    realized: Decimal
    mark: Decimal | None
    strategies: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """Cash and equity when a run was sealed."""

    time: datetime
    session: date
    cash: Decimal
    equity: Decimal


@dataclass(frozen=True, slots=True)
class Incident:
    """An alert, or a break between the books and the broker; open while ``closed`` is None."""

    number: int
    kind: str
    subject: str
    detail: str
    time: datetime
    account: str = ""
    closed: datetime | None = None
    closed_by: str = ""
    closed_why: str = ""


class History(Protocol):
    """The store as people and machines read it."""

    def runs(
        self,
        plan: str | None = None,
        limit: int = 50,
        before: str | None = None,
        outcome: str | None = None,
        job: str | None = None,
    ) -> tuple[RunSummary, ...]:
        """Newest first; ``before`` is the id of the last row of the page before."""

    def run(self, id_or_slot: str) -> RunRecord | None:
        """One sealed record by run id (or a unique beginning of it) or by slot key; the newest wins."""

    def sealed(self, run_id: str) -> RunRecord | None:
        """The sealed record of the run with exactly this id."""

    def bars(self, digest: str) -> Bars | None:
        """The stored panel behind a record."""

    def order(self, client_id: str) -> OrderRow | None:
        """One order as it stands now."""

    def orders(self, plan: str | None = None, limit: int = 50, open_only: bool = False) -> tuple[OrderRow, ...]:
        """Newest first."""

    def fills(self, account: str | None = None, limit: int = 50) -> tuple[Fill, ...]:
        """Newest first."""

    def positions(self, account: str | None = None) -> tuple[PositionRow, ...]:
        """Positions that are not zero, by account and symbol."""

    def equity(self, account: str, limit: int = 500) -> tuple[EquityPoint, ...]:
        """Oldest first, the last ``limit`` points, archived ones too where they lie here."""

    def alerts(self, open_only: bool = True, limit: int = 50) -> tuple[Incident, ...]:
        """Newest first."""

    def breaks(self, open_only: bool = True, limit: int = 50) -> tuple[Incident, ...]:
        """Newest first."""
