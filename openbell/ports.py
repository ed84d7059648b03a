"""The doors to the outside world; adapters implement them, decisions only ever see these."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from openbell.values.account import Account
from openbell.values.bars import Bars, Timeframe
from openbell.values.instrument import Instrument
from openbell.values.market import Activity, Checked
from openbell.values.orders import Fill, Order, OrderIntent, OrderState, OrderType
from openbell.values.quote import Quote
from openbell.values.record import Outcome, RunRecord
from openbell.values.slot import Slot
from openbell.values.verdict import Verdict

# --- feeds ---------------------------------------------------------------------------------------------------


class MarketFeed(Protocol):
    """Prices of many symbols in one call each; raises FeedUnavailable when it does not answer."""

    @property
    def provider(self) -> str:
        """Name that records carry."""

    def bars(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> Checked:
        """The last ``count`` bars complete at ``as_of``; what cannot be used is dropped with its reason."""

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Quote]:
        """The newest quote of each symbol at ``as_of``; a symbol without one is absent."""


# --- brokers -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a venue can do; the gate denies the rest before anything is sent."""

    unique_client_ids: bool
    fractions: bool
    shorting: bool
    order_types: frozenset[OrderType]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The broker has the order."""

    order: Order


@dataclass(frozen=True, slots=True)
class Rejected:
    """The broker certainly does not have the order."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows whether the broker has the order: look it up, never send it again blindly."""

    reason: str


Submission = Accepted | Rejected | Unknown


@dataclass(frozen=True, slots=True)
class BrokerClock:
    """The venue's own time and whether it is open now."""

    now: datetime
    is_open: bool


class Broker(Protocol):
    """One account at one venue. Questions raise BrokerUnavailable; ``submit`` and ``cancel`` never do."""

    @property
    def account_id(self) -> str:
        """The account's own number or name."""

    @property
    def environment(self) -> str:
        """``paper`` or ``live``, as the venue says it."""

    @property
    def capabilities(self) -> Capabilities:
        """What the venue can do."""

    def clock(self) -> BrokerClock:
        """The venue's clock."""

    def account(self) -> Account:
        """Cash, buying power and positions."""

    def open_orders(self) -> tuple[Order, ...]:
        """Every order that is not terminal, all pages."""

    def order(self, client_id: str) -> Order | None:
        """The order with our id, or None when the venue says that there is none."""

    def submit(self, intent: OrderIntent) -> Submission:
        """Send once, without any retry."""

    def cancel(self, client_id: str) -> Submission:
        """Ask for a cancel; the order may still fill."""

    def fills(self, since: datetime) -> tuple[Fill, ...]:
        """Executions at or after ``since``, oldest first."""

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        """Facts of each symbol; an unknown symbol is absent."""


# --- the paper broker's memory -------------------------------------------------------------------------------


class PaperBook(Protocol):
    """One paper account inside one write transaction; saved when the transaction ends, or not at all."""

    def account(self) -> Account | None:
        """The account, or None before the first save."""

    def save_account(self, account: Account) -> None:
        """Keep cash and positions."""

    def order(self, client_id: str) -> Order | None:
        """One order by our id."""

    def open_orders(self) -> tuple[Order, ...]:
        """Orders that are not terminal, oldest first."""

    def save_order(self, order: Order) -> None:
        """Keep an order, new or changed."""

    def add_fill(self, fill: Fill) -> None:
        """Keep a fill; a known id is refused."""

    def fills(self, since: datetime) -> tuple[Fill, ...]:
        """Fills at or after ``since``, oldest first."""

    def note(self, key: str) -> str | None:
        """A small text kept with the account, such as the extreme price of a trailing stop."""

    def save_note(self, key: str, text: str) -> None:
        """Keep a small text."""


class PaperLedger(Protocol):
    """Where paper accounts live across processes."""

    def open(self, account_id: str) -> AbstractContextManager[PaperBook]:
        """A book under an exclusive write transaction."""


# --- the journal: slots, switches, orders, records -----------------------------------------------------------


class ClaimKind(StrEnum):
    """Answer to a claim of a slot."""

    WON = "won"
    RESUMED = "resumed"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Claim:
    """Who may work on a slot. Every write of the run carries ``fencing``; a newer claim voids an older one.

    RESUMED: an earlier attempt died (its lease ran out) and this one goes on with what it froze. RUNNING and
    DONE name the run that holds or held the slot.
    """

    kind: ClaimKind
    run_id: str
    fencing: int

    @property
    def held(self) -> bool:
        """Whether the caller may go on."""
        return self.kind in (ClaimKind.WON, ClaimKind.RESUMED)


class Level(StrEnum):
    """The kill switch."""

    ACTIVE = "active"
    REDUCE_ONLY = "reduce_only"
    HALTED = "halted"


@dataclass(frozen=True, slots=True)
class Switch:
    """Where the kill switch stands; unreadable counts as HALTED."""

    level: Level
    epoch: int
    actor: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Breaker:
    """State of a job's circuit breaker."""

    open: bool
    failures: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """One step of an order, appended and never changed."""

    client_id: str
    state: OrderState
    time: datetime
    detail: str = ""
    broker_id: str = ""


@dataclass(frozen=True, slots=True)
class Frozen:
    """The first committed plan of a slot: what a restart executes, whatever it would decide now."""

    intents: tuple[OrderIntent, ...]
    verdicts: tuple[Verdict, ...]
    states: Mapping[str, OrderState]


class Journal(Protocol):
    """The store as a run needs it. Each method is one transaction."""

    def claim(self, slot: Slot, run_id: str, lease: timedelta) -> Claim:
        """Claim the slot, or learn who has it; the database's clock decides about leases."""

    def release(self, slot: Slot, fencing: int, outcome: Outcome, code: str) -> None:
        """Close the slot with its outcome."""

    def switch(self) -> Switch:
        """The kill switch."""

    def breaker(self, plan: str, job: str) -> Breaker:
        """The breaker of one job of one plan."""

    def freeze(
        self, slot: Slot, fencing: int, account: str, intents: Sequence[OrderIntent], verdicts: Sequence[Verdict]
    ) -> Frozen:
        """Commit the plan of a slot, or get the one committed before; the first wins."""

    def frozen(self, slot: Slot) -> Frozen | None:
        """The committed plan of a slot, if there is one."""

    def begin_send(self, slot: Slot, fencing: int, event: OrderEvent, reduces: bool) -> Switch | None:
        """Mark an intent SENDING, if the slot's fencing number is current and the kill switch lets it.

        Both are read in the transaction that writes the mark. None when it may be sent; else the switch that
        forbids it, and nothing is written. ``reduces`` tells whether the intent only shrinks a position.
        """

    def record(self, event: OrderEvent, fills: Sequence[Fill] = ()) -> None:
        """Append an order event with its fills, and move the projections, in one transaction."""

    def activity(self, plan: str, account: str, day_start: datetime, recent_since: datetime) -> Activity:
        """What the plan has done so far."""

    def reference_equity(self, account: str, session: date) -> tuple[Decimal | None, Decimal | None]:
        """(last equity before the session, highest equity so far); None where nothing is recorded."""

    def seal(self, record: RunRecord, bars: Bars | None) -> str:
        """Write the whole record in one transaction, chained to the previous one; returns its hash."""


# --- reading the store ---------------------------------------------------------------------------------------


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
    as_of: datetime
    equity: Decimal | None
    counters: Mapping[str, int]


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


class History(Protocol):
    """The store as people and machines read it."""

    def runs(
        self, plan: str | None = None, limit: int = 50, before: str | None = None, outcome: str | None = None
    ) -> tuple[RunSummary, ...]:
        """Newest first; ``before`` is the id of the last row of the page before."""

    def run(self, id_or_slot: str) -> RunRecord | None:
        """One sealed record by run id (or a unique beginning of it) or by slot key; the newest wins."""

    def bars(self, digest: str) -> Bars | None:
        """The stored panel behind a record."""

    def orders(self, plan: str | None = None, limit: int = 50, open_only: bool = False) -> tuple[OrderRow, ...]:
        """Newest first."""

    def fills(self, account: str | None = None, limit: int = 50) -> tuple[Fill, ...]:
        """Newest first."""

    def positions(self, account: str | None = None) -> tuple[PositionRow, ...]:
        """Positions that are not zero, by account and symbol."""

    def equity(self, account: str, limit: int = 500) -> tuple[EquityPoint, ...]:
        """Oldest first, the last ``limit`` points."""
