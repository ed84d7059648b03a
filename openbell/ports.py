"""The doors to the outside world; adapters implement them, decisions only ever see these."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, runtime_checkable

from openbell.values.account import Account
from openbell.values.bars import Bars, Timeframe
from openbell.values.instrument import Instrument
from openbell.values.market import Activity, Checked
from openbell.values.orders import (
    Bust,
    Fill,
    Order,
    OrderClass,
    OrderIntent,
    OrderState,
    OrderType,
    TimeInForce,
)
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
    """What a venue can do; the gate denies the rest before anything is sent.

    ``coin_terms`` are the terms of coins where they differ. An entry below ``min_notional`` is not taken.
    """

    unique_client_ids: bool
    fractions: bool
    shorting: bool
    order_types: frozenset[OrderType]
    order_classes: frozenset[OrderClass] = frozenset({OrderClass.SIMPLE})
    terms: frozenset[TimeInForce] = frozenset(TimeInForce)
    coin_terms: frozenset[TimeInForce] = frozenset(TimeInForce)
    extended_hours: bool = False
    min_notional: Decimal = Decimal(0)

    def beyond(self, intent: OrderIntent) -> str:
        """Which part of an order the venue does not know, empty for none: an adapter refuses it and never drops it."""
        if intent.order_class not in self.order_classes:
            return f"{intent.order_class} orders"
        return "extended hours" if intent.extended_hours and not self.extended_hours else ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The broker has the order."""

    order: Order


@dataclass(frozen=True, slots=True)
class Rejected:
    """The broker certainly does not have the order.

    ``retry_at`` is when it will listen again, where nothing is wrong but that too much was asked of it.
    """

    code: str
    message: str
    retry_at: datetime | None = None


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


@runtime_checkable
class TakesBack(Protocol):
    """A broker whose venue takes executions back; its ``fills`` leave them out, and this tells of them."""

    def busts(self, since: datetime) -> tuple[Bust, ...]:
        """Executions that were taken back at or after ``since``, oldest first."""


def busts_of(broker: Broker, since: datetime) -> tuple[Bust, ...]:
    """What the venue took back; nothing at one that never does."""
    return broker.busts(since) if isinstance(broker, TakesBack) else ()


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
    """State of the breaker of one dependency of a job of a plan.

    ``broker``, ``data`` and ``store`` count failures, ``rejects`` the orders that the broker refuses; ``loss`` and
    ``orders`` are limits of the plan, and latch when they are reached.
    ``failures`` counts consecutive ones. Open until ``retry_at``; from then on one read-only probe is due
    (half-open), and ``probes`` good ones in a row close it. Latched breakers wait for a person.
    """

    open: bool
    failures: int
    reason: str = ""
    dependency: str = ""
    opened_at: datetime | None = None
    retry_at: datetime | None = None
    probes: int = 0
    latched: bool = False


@dataclass(frozen=True, slots=True)
class Exposure:
    """An account as the store knows it inside the transaction that may mark an order SENDING.

    ``positions`` are signed quantities by the fills of all plans; ``working`` every order of the account, of
    whatever plan, that the broker has or may have (SENDING and UNKNOWN included): together with positions they
    are the reservation against every limit. ``orders_today`` counts those of the plan,
    ``breaks`` says why entries wait, by symbol.
    """

    positions: Mapping[str, Decimal]
    working: tuple[Order, ...]
    orders_today: int
    breaks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Forbidden:
    """Why an order must not be sent now; nothing was written. ``latches`` names a breaker that it opens for good."""

    code: str
    detail: str
    latches: str = ""


@dataclass(frozen=True, slots=True)
class Reduced:
    """An order may go with less than was judged: ``quantity`` is above zero and below that, ``detail`` says why."""

    quantity: Decimal
    detail: str


#: The last gate: judges one intent against the exposure read in the same transaction; None lets it pass whole.
LastGate = Callable[[Exposure], Forbidden | Reduced | None]


@dataclass(frozen=True, slots=True)
class Unsettled:
    """An order of a frozen plan that is not terminal.

    ``sent`` is when it was first marked SENDING, ``updated`` when it came to stand where it does.
    """

    intent: OrderIntent
    plan: str
    account: str
    slot: Slot
    state: OrderState
    quantity: Decimal
    filled: Decimal
    sent: datetime | None
    updated: datetime
    fencing: int
    slot_open: bool


@dataclass(frozen=True, slots=True)
class Lookup:
    """One complete question to the broker about an order whose outcome is unknown, and its answer."""

    client_id: str
    time: datetime
    found: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """One step of an order, appended and never changed; ``quantity`` where a SENDING mark lowers it for good."""

    client_id: str
    state: OrderState
    time: datetime
    detail: str = ""
    broker_id: str = ""
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Frozen:
    """The first committed plan of a slot: what a restart executes, whatever it would decide now.

    ``reduced`` has the quantity of each order that the last gate let go with less than its verdict.
    """

    intents: tuple[OrderIntent, ...]
    verdicts: tuple[Verdict, ...]
    states: Mapping[str, OrderState]
    reduced: Mapping[str, Decimal] = field(default_factory=dict)


class Journal(Protocol):
    """The store as a run needs it. Each method is one transaction."""

    def claim(self, slot: Slot, run_id: str, lease: timedelta, alone_but_for: str = "") -> Claim:
        """Claim the slot, or learn who has it; the database's clock decides about leases.

        With ``alone_but_for`` nothing is taken while another run than that one works on any slot of the same job.
        """

    def reopen(self, slot: Slot, run_id: str, lease: timedelta) -> Claim:
        """Claim a slot that was closed as failed once more; any other one stays with whoever has it."""

    def release(self, slot: Slot, fencing: int, outcome: Outcome, code: str, succeeded: Sequence[str] = ()) -> None:
        """Close the slot with its outcome, and count a success of each dependency named for the job's breakers."""

    def switch(self) -> Switch:
        """The kill switch."""

    def set_switch(self, level: Level, actor: str, reason: str, epoch: int | None = None) -> Switch:
        """Move the kill switch to a new epoch; with ``epoch`` given, only from that one (else StoreError)."""

    def renew(self, slot: Slot, fencing: int, lease: timedelta) -> None:
        """Prolong the lease of a claimed slot; a stale claim is a StoreError."""

    def breaker(self, plan: str, job: str) -> Breaker:
        """The breaker of one job of one plan that matters most: an open one, else the one nearest to opening."""

    def breakers(self) -> tuple[tuple[str, str, Breaker], ...]:
        """Every breaker with its plan and job."""

    def count(self, plan: str, job: str, dependency: str, failure: str, at_once: bool = False) -> Breaker:
        """Count one outcome: an empty ``failure`` is a success; ``at_once`` opens whatever the count."""

    def latch(self, plan: str, job: str, dependency: str, reason: str) -> None:
        """Open a breaker until a person resets it."""

    def reset_breaker(self, plan: str, job: str, actor: str, reason: str) -> None:
        """Close the breakers of a job by hand."""

    def unsettled(self, account: str | None = None) -> tuple[Unsettled, ...]:
        """Every order that is not terminal, oldest first, whatever its age."""

    def unplanned(self, client_ids: Sequence[str]) -> tuple[str, ...]:
        """Those of some ids of orders that stand in no frozen plan, in the order given."""

    def expired(self) -> tuple[tuple[Slot, int, str], ...]:
        """Slots without an outcome whose lease ran out, with fencing number and run id, oldest first."""

    def slots(self, plan: str, since: datetime) -> Mapping[str, Mapping[datetime, str]]:
        """The slots of a plan that somebody has taken, from ``since`` on: outcomes (empty: open) by job and instant."""

    def first_slot(self, plan: str, job: str) -> datetime | None:
        """The planned instant of the earliest slot that a job of a plan has ever taken."""

    def looked_up(self, lookup: Lookup) -> None:
        """Keep one look-up of an order; appended and never changed."""

    def lookups(self, client_id: str) -> tuple[Lookup, ...]:
        """The look-ups of an order since it was last marked SENDING, oldest first."""

    def alert(self, kind: str, subject: str, detail: str) -> None:
        """Keep something that a person must see; the same kind and subject while it is open counts once."""

    def open_break(self, account: str, kind: str, subject: str, detail: str) -> None:
        """Keep a difference between the books and the broker; the same kind and subject while open counts once."""

    def close_alert(self, number: int, actor: str, reason: str) -> None:
        """Close an alert by the number that the history gives; needs actor and reason."""

    def close_break(self, number: int, actor: str, reason: str) -> None:
        """Close a break by the number that the history gives; needs actor and reason."""

    def freeze(
        self, slot: Slot, fencing: int, account: str, intents: Sequence[OrderIntent], verdicts: Sequence[Verdict]
    ) -> Frozen:
        """Commit the plan of a slot, or get the one committed before; the first wins."""

    def frozen(self, slot: Slot) -> Frozen | None:
        """The committed plan of a slot, if there is one."""

    def begin_send(
        self, slot: Slot, fencing: int, event: OrderEvent, reduces: bool, gate: LastGate
    ) -> Forbidden | Reduced | None:
        """Mark an intent SENDING, or learn why it must not be sent; Reduced is the quantity that it goes with.

        In one transaction that excludes every other send of the account: fencing number and lease by the
        database's clock, kill switch (``reduces`` tells whether the intent only shrinks a position), the last
        gate against the account's exposure, the state machine, the mark. A stale claim is a StoreError.
        """

    def record(self, event: OrderEvent, fills: Sequence[Fill] = (), before: Sequence[OrderEvent] = ()) -> None:
        """Append an order event with its fills, and move the projections, in one transaction.

        ``before`` are steps of the same order that came to light together with it, such as ACKED before FILLED:
        one durable commit for all.
        """

    def report(self, event: OrderEvent, fills: Sequence[Fill] = (), busts: Sequence[str] = ()) -> OrderState:
        """Take the broker's word on an order, in whatever order and however often it comes; returns the state now.

        Each fill is applied once. A status that the order has passed already changes nothing, one that it cannot
        take opens a break. A fill of an order that has ended keeps its state and opens a break; more than was
        ordered halts everything. ``busts`` are ids of fills that the broker took back.
        """

    def activity(self, plan: str, account: str, day_start: datetime, recent_since: datetime) -> Activity:
        """What the plan has done so far."""

    def looks(self, plan: str) -> Mapping[str, datetime]:
        """The planned instant of the newest slot in which each strategy of the plan looked."""

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
        """Oldest first, the last ``limit`` points."""

    def alerts(self, open_only: bool = True, limit: int = 50) -> tuple[Incident, ...]:
        """Newest first."""

    def breaks(self, open_only: bool = True, limit: int = 50) -> tuple[Incident, ...]:
        """Newest first."""
