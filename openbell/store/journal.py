"""The journal: what a run reads and writes. Each method is one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import Connection, bindparam, func, select

from openbell.crashpoints import reach
from openbell.errors import StoreError
from openbell.ports import (
    Breaker,
    Claim,
    Forbidden,
    Frozen,
    LastGate,
    Level,
    Lookup,
    OrderEvent,
    Reduced,
    Switch,
    Unsettled,
)
from openbell.store import breakers, breaks, exposure, incidents, legs, orders, reports, sealing, slots, switches
from openbell.store.connect import Store
from openbell.store.order_tables import BOOKS, ORDERS
from openbell.store.prepared import by
from openbell.store.reference import reference_equity
from openbell.store.run_tables import STRATEGY_LOOKS
from openbell.store.watch_tables import ALERTS, BREAKS
from openbell.values.bars import Bars
from openbell.values.market import Activity
from openbell.values.order_states import check_transition
from openbell.values.orders import Fill, OrderIntent, OrderState
from openbell.values.record import Outcome, RunRecord
from openbell.values.slot import Slot
from openbell.values.verdict import Decision, Verdict

_SENT = select(ORDERS.c.symbol, ORDERS.c.side, ORDERS.c.sent).where(
    ORDERS.c.plan == bindparam("plan"), ORDERS.c.account == bindparam("account"), ORDERS.c.sent >= bindparam("since")
)
_NEWEST_LOOKS = (
    select(STRATEGY_LOOKS.c.strategy, func.max(STRATEGY_LOOKS.c.planned).label("planned"))
    .where(STRATEGY_LOOKS.c.plan == bindparam("plan"))
    .group_by(STRATEGY_LOOKS.c.strategy)
)


@dataclass(frozen=True, slots=True)
class SqlJournal:
    """``ports.Journal`` on a store; while ``halt_file`` exists the switch stands at HALTED."""

    store: Store
    halt_file: Path | None = None

    def claim(self, slot: Slot, run_id: str, lease: timedelta, alone_but_for: str = "") -> Claim:
        """Claim the slot, or learn who has it."""
        return self.store.transact(lambda connection: slots.claim(connection, slot, run_id, lease, alone_but_for))

    def reopen(self, slot: Slot, run_id: str, lease: timedelta) -> Claim:
        """Claim a slot that was closed as failed once more."""
        return self.store.transact(lambda connection: slots.reopen(connection, slot, run_id, lease))

    def renew(self, slot: Slot, fencing: int, lease: timedelta) -> None:
        """Prolong a lease that still runs; a stale claim, or one that ran out, is a StoreError."""
        self.store.transact(lambda connection: slots.renew(connection, slot, fencing, lease))

    def release(self, slot: Slot, fencing: int, outcome: Outcome, code: str, succeeded: Sequence[str] = ()) -> None:
        """Close the slot, and count a success of each dependency named; a stale claim is a StoreError."""
        with self.store.writing() as connection:
            slots.release(connection, slot, fencing, outcome, code)
            breakers.succeed(connection, slot.plan, slot.job, succeeded)

    def switch(self) -> Switch:
        """The kill switch; a store that cannot be read counts as HALTED."""
        try:
            with self.store.reading() as connection:
                return switches.read_switch(connection, self.halt_file)
        except StoreError as error:
            return Switch(Level.HALTED, 0, "store", f"the switch cannot be read: {error}")

    def set_switch(self, level: Level, actor: str, reason: str, epoch: int | None = None) -> Switch:
        """Move the kill switch; only HALTED may move on from another epoch than the one given."""
        with self.store.writing() as connection:
            return switches.move_switch(connection, level, actor, reason, epoch)

    def breaker(self, plan: str, job: str) -> Breaker:
        """The breaker of one job of one plan that matters most."""
        with self.store.reading() as connection:
            return breakers.most_pressing(connection, plan, job)

    def breakers(self) -> tuple[tuple[str, str, Breaker], ...]:
        """Every breaker with its plan and job."""
        with self.store.reading() as connection:
            return breakers.every(connection)

    def count(self, plan: str, job: str, dependency: str, failure: str, at_once: bool = False) -> Breaker:
        """Count one outcome; a success where nothing failed lately writes nothing."""
        key = {"plan": plan, "job": job, "dependency": dependency}
        if not failure:
            with self.store.reading() as connection:
                if untouched := breakers.untouched(connection, key):
                    return untouched
        with self.store.writing() as connection:
            return breakers.count(connection, key, failure, at_once)

    def latch(self, plan: str, job: str, dependency: str, reason: str) -> None:
        """Open a breaker until a person resets it; one that is latched already stays as it was."""
        with self.store.writing() as connection:
            breakers.latch(connection, {"plan": plan, "job": job, "dependency": dependency}, reason)

    def reset_breaker(self, plan: str, job: str, actor: str, reason: str) -> None:
        """Close the breakers of a job by hand; StoreError without actor and reason."""
        with self.store.writing() as connection:
            breakers.reset(connection, plan, job, actor, reason)

    def unsettled(self, account: str | None = None) -> tuple[Unsettled, ...]:
        """Every order that is not terminal, oldest first."""
        with self.store.reading() as connection:
            return exposure.unsettled(connection, account)

    def positions(self, account: str) -> Mapping[str, Decimal]:
        """Signed quantities by the fills of all plans."""
        with self.store.reading() as connection:
            return exposure.positions(connection, account)

    def unplanned(self, client_ids: Sequence[str]) -> tuple[str, ...]:
        """Those of some ids of orders that stand in no frozen plan, in the order given."""
        with self.store.reading() as connection:
            return exposure.unplanned(connection, client_ids)

    def expired(self) -> tuple[tuple[Slot, int, str], ...]:
        """Slots without an outcome whose lease ran out by the database's clock."""
        with self.store.reading() as connection:
            return slots.expired(connection)

    def slots(self, plan: str, since: datetime) -> Mapping[str, Mapping[datetime, str]]:
        """Outcomes of the slots that somebody has taken, by job and planned instant."""
        with self.store.reading() as connection:
            return slots.taken(connection, plan, since)

    def first_slot(self, plan: str, job: str) -> datetime | None:
        """The planned instant of the job's earliest slot."""
        with self.store.reading() as connection:
            return slots.first(connection, plan, job)

    def looked_up(self, lookup: Lookup) -> None:
        """Keep one look-up of an order that was marked SENDING."""
        with self.store.writing() as connection:
            exposure.looked_up(connection, lookup)

    def lookups(self, client_id: str) -> tuple[Lookup, ...]:
        """The look-ups since the order was last marked SENDING."""
        with self.store.reading() as connection:
            return exposure.lookups(connection, client_id)

    def alert(self, kind: str, subject: str, detail: str) -> None:
        """Keep an alert unless the same is open."""
        with self.store.writing() as connection:
            incidents.raise_once(connection, ALERTS, "", kind, subject, detail)

    def open_break(self, account: str, kind: str, subject: str, detail: str) -> None:
        """Keep a break unless the same is open."""
        with self.store.writing() as connection:
            incidents.raise_once(connection, BREAKS, account, kind, subject, detail)

    def close_alert(self, number: int, actor: str, reason: str) -> None:
        """Close an alert by its number; StoreError without actor and reason."""
        with self.store.writing() as connection:
            incidents.close(connection, ALERTS, number, actor, reason)

    def close_break(self, number: int, actor: str, reason: str) -> None:
        """Close a break by its number; StoreError without actor and reason."""
        with self.store.writing() as connection:
            incidents.close(connection, BREAKS, number, actor, reason)

    def freeze(
        self, slot: Slot, fencing: int, account: str, intents: Sequence[OrderIntent], verdicts: Sequence[Verdict]
    ) -> Frozen:
        """Commit the plan of a slot, or get the one committed before; a stale claim is a StoreError."""

        def work(connection: Connection) -> Frozen | None:
            claimed = slots.held_open(connection, slot, fencing)
            if claimed.frozen_at is not None:
                return slots.frozen(connection, slot)
            return orders.freeze(connection, claimed, account, *legs.with_legs(intents, verdicts))

        frozen = self.store.transact(work)
        if frozen is None:
            raise StoreError(f"slot {slot.key}: the frozen plan cannot be read back")
        return legs.without_legs(frozen)

    def frozen(self, slot: Slot) -> Frozen | None:
        """The committed plan of a slot, if there is one."""
        with self.store.reading() as connection:
            frozen = slots.frozen(connection, slot)
        return None if frozen is None else legs.without_legs(frozen)

    def begin_send(
        self, slot: Slot, fencing: int, event: OrderEvent, reduces: bool, gate: LastGate, with_it: Sequence[str] = ()
    ) -> Forbidden | Reduced | None:
        """Mark an intent SENDING with its legs, or learn why not; a stale claim or lease is a StoreError.

        The journal's lock holds back every other send, whatever its account, until this one is decided.
        """
        if event.state is not OrderState.SENDING:
            raise StoreError(f"order {event.client_id} cannot begin to be sent as {event.state}")

        def work(connection: Connection) -> Forbidden | Reduced | None:
            slots.held_in_time(connection, slot, fencing)
            order = orders.order_row(connection, event.client_id)
            if order.slot != slot.key:
                raise StoreError(f"order {event.client_id} belongs to slot {order.slot}, not {slot.key}")
            check_transition(event.client_id, OrderState(order.state), event.state)
            switch = switches.read_switch(connection, self.halt_file)
            said = switches.forbidden_by(switch, reduces) or gate(
                exposure.exposure(connection, slot, order, event.time)
            )
            if not isinstance(said, Forbidden):
                orders.step(connection, order, orders.mark(order, event, said), fencing)
                legs.mark(connection, with_it, event, said, fencing)
            return said

        return self.store.transact(work)

    def record(self, event: OrderEvent, fills: Sequence[Fill] = (), before: Sequence[OrderEvent] = ()) -> None:
        """Append an order event with its fills, after the steps ``before`` it; known fills are not applied again."""
        with self.store.writing() as connection:
            for earlier in before:
                orders.step(connection, orders.order_row(connection, earlier.client_id), earlier)
            orders.step(connection, orders.order_row(connection, event.client_id), event, None, fills)

    def report(self, event: OrderEvent, fills: Sequence[Fill] = (), busts: Sequence[str] = ()) -> OrderState:
        """Take the broker's word on an order, in whatever order and however often it comes; returns the state now."""
        with self.store.writing() as connection:
            return reports.take(connection, event, fills, busts)

    def activity(self, plan: str, account: str, day_start: datetime, recent_since: datetime) -> Activity:
        """What the plan has done so far, by the times at which its orders were marked SENDING."""
        of = {"plan": plan, "account": account}
        with self.store.reading() as connection:
            rows = connection.execute(_SENT, {**of, "since": min(day_start, recent_since)}).all()
            held = connection.execute(by(BOOKS, "plan", "account"), of)
            books = {(row.strategy, row.symbol): row.quantity for row in held if row.quantity}
            waiting = breaks.waiting(connection, account)
        return Activity(
            books=books,
            orders_today=sum(row.sent >= day_start for row in rows),
            recent=frozenset((row.symbol, row.side) for row in rows if row.sent >= recent_since),
            breaks=waiting,
        )

    def looks(self, plan: str) -> Mapping[str, datetime]:
        """The planned instant of the newest slot in which each strategy of the plan looked."""
        with self.store.reading() as connection:
            rows = connection.execute(_NEWEST_LOOKS, {"plan": plan})
            return {row.strategy: row.planned for row in rows}

    def reference_equity(self, account: str, session: date) -> tuple[Decimal | None, Decimal | None]:
        """(last equity before the session, without one the first of the session; highest up to and in it)."""
        with self.store.reading() as connection:
            return reference_equity(connection, account, session)

    def seal(self, record: RunRecord, bars: Bars | None, fencing: int = 0, succeeded: Sequence[str] = ()) -> str:
        """Write the whole record, chained to the previous one, and close its slot; returns its hash."""
        stale: StoreError | None = None
        sealable = sealing.prepare(self.store, record, bars)
        with self.store.writing() as connection:
            sealed = sealing.write(connection, sealable)
            reach("inside-seal")
            try:
                if fencing:
                    _close(connection, record, fencing, succeeded)
            except StoreError as error:
                if record.outcome is Outcome.COMPLETED and _denied(record):
                    raise  # it did nothing, and what it decided was committed nowhere: no completed run of the slot
                stale = error  # what the run did is kept, whoever holds its slot by now
        if stale:
            raise stale
        return sealed


def _close(connection: Connection, record: RunRecord, fencing: int, succeeded: Sequence[str]) -> None:
    """Close the slot of a record; a plan of which nothing could be sent was not frozen before, and is now."""
    slot = Slot(record.plan, record.job, record.planned, record.session)
    before = slots.release(connection, slot, fencing, record.outcome, record.code)
    if before.frozen_at is None and _denied(record):
        orders.freeze(connection, before, record.account, *legs.with_legs(record.intents, record.verdicts))
    breakers.succeed(connection, slot.plan, slot.job, succeeded)


def _denied(record: RunRecord) -> bool:
    """Whether the run wanted orders and nothing of any of them was allowed."""
    return {verdict.decision for verdict in record.verdicts} == {Decision.DENIED}
