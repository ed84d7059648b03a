"""The journal: what a run reads and writes. Each method is one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import select

from openbell.errors import StoreError
from openbell.ports import Breaker, Claim, Frozen, Level, OrderEvent, Switch
from openbell.store import orders, sealing, slots, switches
from openbell.store.connect import Store
from openbell.store.order_tables import BOOKS, ORDERS
from openbell.store.run_tables import EQUITY_POINTS
from openbell.values.bars import Bars
from openbell.values.market import Activity
from openbell.values.orders import Fill, OrderIntent, OrderState
from openbell.values.record import Outcome, RunRecord
from openbell.values.slot import Slot
from openbell.values.verdict import Verdict


@dataclass(frozen=True, slots=True)
class SqlJournal:
    """``ports.Journal`` on a store; while ``halt_file`` exists the switch stands at HALTED."""

    store: Store
    halt_file: Path | None = None

    def claim(self, slot: Slot, run_id: str, lease: timedelta) -> Claim:
        """Claim the slot, or learn who has it."""
        with self.store.writing() as connection:
            return slots.claim(connection, slot, run_id, lease)

    def release(self, slot: Slot, fencing: int, outcome: Outcome, code: str) -> None:
        """Close the slot; a stale claim is a StoreError."""
        with self.store.writing() as connection:
            slots.release(connection, slot, fencing, outcome, code)

    def switch(self) -> Switch:
        """The kill switch; a store that cannot be read counts as HALTED."""
        try:
            with self.store.reading() as connection:
                return switches.read_switch(connection, self.halt_file)
        except StoreError as error:
            return Switch(Level.HALTED, 0, "store", f"the switch cannot be read: {error}")

    def breaker(self, plan: str, job: str) -> Breaker:
        """The breaker of one job of one plan."""
        with self.store.reading() as connection:
            return switches.read_breaker(connection, plan, job)

    def freeze(
        self, slot: Slot, fencing: int, account: str, intents: Sequence[OrderIntent], verdicts: Sequence[Verdict]
    ) -> Frozen:
        """Commit the plan of a slot, or get the one committed before; a stale claim is a StoreError."""
        with self.store.writing() as connection:
            claimed = slots.held_open(connection, slot, fencing)
            if claimed.frozen_at is None:
                orders.freeze(connection, claimed, account, intents, verdicts)
            frozen = slots.frozen(connection, slot)
        if frozen is None:
            raise StoreError(f"slot {slot.key}: the frozen plan cannot be read back")
        return frozen

    def frozen(self, slot: Slot) -> Frozen | None:
        """The committed plan of a slot, if there is one."""
        with self.store.reading() as connection:
            return slots.frozen(connection, slot)

    def begin_send(self, slot: Slot, fencing: int, event: OrderEvent, reduces: bool) -> Switch | None:
        """Mark an intent SENDING, or get the switch that forbids it; a stale claim or lease is a StoreError."""
        if event.state is not OrderState.SENDING:
            raise StoreError(f"order {event.client_id} cannot begin to be sent as {event.state}")
        with self.store.writing() as connection:
            slots.held_in_time(connection, slot, fencing)
            order = orders.order_row(connection, event.client_id)
            if order.slot != slot.key:
                raise StoreError(f"order {event.client_id} belongs to slot {order.slot}, not {slot.key}")
            switch = switches.read_switch(connection, self.halt_file)
            if switches.forbids(switch, reduces):
                return switch
            orders.step(connection, order, event, fencing)
        return None

    def record(self, event: OrderEvent, fills: Sequence[Fill] = ()) -> None:
        """Append an order event with its fills; a fill that is known is not applied again."""
        with self.store.writing() as connection:
            orders.step(connection, orders.order_row(connection, event.client_id), event, None, fills)

    def activity(self, plan: str, account: str, day_start: datetime, recent_since: datetime) -> Activity:
        """What the plan has done so far, by the times at which its orders were marked SENDING."""
        sent = select(ORDERS.c.symbol, ORDERS.c.side, ORDERS.c.sent).where(
            ORDERS.c.plan == plan, ORDERS.c.account == account, ORDERS.c.sent >= min(day_start, recent_since)
        )
        held = select(BOOKS.c.strategy, BOOKS.c.symbol, BOOKS.c.quantity).filter_by(plan=plan, account=account)
        with self.store.reading() as connection:
            rows = connection.execute(sent).all()
            books = {(row.strategy, row.symbol): row.quantity for row in connection.execute(held) if row.quantity}
        return Activity(
            books=books,
            orders_today=sum(row.sent >= day_start for row in rows),
            recent=frozenset((row.symbol, row.side) for row in rows if row.sent >= recent_since),
        )

    def reference_equity(self, account: str, session: date) -> tuple[Decimal | None, Decimal | None]:
        """(last equity before the session, highest up to and in it)."""
        points = EQUITY_POINTS.c
        newest = (
            select(points.equity, points.peak)
            .where(points.account == account)
            .order_by(points.session.desc(), points.time.desc(), points.run.desc())
            .limit(1)
        )
        with self.store.reading() as connection:
            before = connection.execute(newest.where(points.session < session)).first()
            last = connection.execute(newest.where(points.session <= session)).first()
        return (before.equity if before else None), (last.peak if last else None)

    def seal(self, record: RunRecord, bars: Bars | None) -> str:
        """Write the whole record, chained to the previous one; returns its hash."""
        return sealing.seal(self.store, record, bars)
