"""The store as a run needs it: slots, switches, orders, records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from openbell.ports.sending import Forbidden, Frozen, LastGate, Lookup, OrderEvent, Reduced, Unsettled
from openbell.ports.switches import Breaker, Level, Switch
from openbell.values.bars import Bars
from openbell.values.market import Activity
from openbell.values.orders import Fill, OrderIntent, OrderState
from openbell.values.record import Outcome, RunRecord
from openbell.values.slot import Slot
from openbell.values.verdict import Verdict


class ClaimKind(StrEnum):
    """Answer to a claim of a slot."""

    WON = "won"
    RESUMED = "resumed"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Claim:
    """Who may work on a slot. Every write of the run carries ``fencing``; a newer claim voids an older one.

    RESUMED: an earlier attempt, ``died``, did (its lease ran out) and this one goes on with what it froze. RUNNING and
    DONE name the run that holds or held the slot.
    """

    kind: ClaimKind
    run_id: str
    fencing: int
    died: str = field(default="", compare=False)

    @property
    def held(self) -> bool:
        """Whether the caller may go on."""
        return self.kind in (ClaimKind.WON, ClaimKind.RESUMED)


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

    def positions(self, account: str) -> Mapping[str, Decimal]:
        """Signed quantities by the fills of all plans, as far as the store knows them."""

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
        """Commit the plan of a slot, or get the one committed before; the first wins.

        The legs of what may be sent are frozen as orders of their own; the plan does not name them, its states do.
        """

    def frozen(self, slot: Slot) -> Frozen | None:
        """The committed plan of a slot, if there is one."""

    def begin_send(
        self, slot: Slot, fencing: int, event: OrderEvent, reduces: bool, gate: LastGate, with_it: Sequence[str] = ()
    ) -> Forbidden | Reduced | None:
        """Mark an intent SENDING, or learn why it must not be sent; Reduced is the quantity that it goes with.

        ``with_it`` are the ids of its legs, which are marked with it.

        In one transaction that excludes every other send of the account: fencing number and lease by the
        database's clock, kill switch (``reduces`` tells whether the intent only shrinks a position), the last
        gate against the account's exposure, the state machine, the mark. A stale claim is a StoreError.
        """

    def record(self, event: OrderEvent, fills: Sequence[Fill] = (), before: Sequence[OrderEvent] = ()) -> None:
        """Append an order event with its fills, and move the projections, in one transaction.

        ``before`` are steps of the same order that came to light together with it, such as ACKED before FILLED, and
        steps of its legs: one durable commit for all.
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
        """(last equity before the session, highest equity so far); None where nothing is recorded.

        Before the first session of an account there is none: there it is the first equity of the session itself.
        """

    def seal(self, record: RunRecord, bars: Bars | None, fencing: int = 0, succeeded: Sequence[str] = ()) -> str:
        """Write the whole record in one transaction, chained to the previous one; returns its hash.

        With the number of its claim the record's slot is closed in the same transaction, as ``release`` does, and a
        plan of which everything was denied is frozen there if it was not before. A stale claim is a StoreError there
        too, and the record is kept.
        """
