"""Slots: who may work on one, and what it froze."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select

from openbell.errors import StoreError
from openbell.ports import Claim, ClaimKind, Frozen
from openbell.store import denials
from openbell.store.connect import now
from openbell.store.denials import Planned
from openbell.store.order_tables import INTENTS, ORDERS, SLOTS
from openbell.store.prepared import by, change
from openbell.store.texts import intent_of, verdict_of
from openbell.values.orders import OrderState
from openbell.values.record import Outcome
from openbell.values.slot import Slot

_EXPIRED = (
    select(SLOTS)
    .where(SLOTS.c.outcome.is_(None), SLOTS.c.lease_until <= bindparam("time"))
    .order_by(SLOTS.c.planned, SLOTS.c.key)
)
_AT_WORK = select(SLOTS).where(
    SLOTS.c.outcome.is_(None),
    SLOTS.c.lease_until > bindparam("time"),
    SLOTS.c.plan == bindparam("of_plan"),
    SLOTS.c.job == bindparam("of_job"),
    SLOTS.c.run_id != bindparam("but_for"),
)
_TAKEN = select(SLOTS.c.job, SLOTS.c.planned, SLOTS.c.outcome).where(
    SLOTS.c.plan == bindparam("plan"), SLOTS.c.session >= bindparam("session"), SLOTS.c.planned >= bindparam("since")
)
_FIRST = (
    select(SLOTS.c.planned)
    .where(SLOTS.c.plan == bindparam("plan"), SLOTS.c.job == bindparam("job"))
    .order_by(SLOTS.c.session, SLOTS.c.planned)
    .limit(1)
)
_NEW = insert(SLOTS)


def claim(connection: Connection, slot: Slot, run_id: str, lease: timedelta, alone_but_for: str = "") -> Claim:
    """Take a free slot, take over one whose lease ran out, or say who has it or is at work on another."""
    time = now(connection)
    row = _row(connection, slot)
    if row is not None and row.outcome is not None:
        return Claim(ClaimKind.DONE, row.run_id, row.fencing)
    if row is not None and row.lease_until > time:
        return Claim(ClaimKind.RUNNING, row.run_id, row.fencing)
    if alone_but_for and (other := _at_work(connection, slot, alone_but_for, time)):
        return Claim(ClaimKind.RUNNING, other.run_id, other.fencing)
    if row is None:
        connection.execute(_NEW, _new_row(slot, run_id, time + lease))
        return Claim(ClaimKind.WON, run_id, 1)
    taken = {"run_id": run_id, "fencing": row.fencing + 1, "lease_until": time + lease}
    _change(connection, slot, taken)
    return Claim(ClaimKind.RESUMED, run_id, row.fencing + 1, row.run_id)


def reopen(connection: Connection, slot: Slot, run_id: str, lease: timedelta) -> Claim:
    """Take a slot that was closed as failed; its record stays, and the new one comes after it."""
    row = _row(connection, slot)
    if row is None or row.outcome != Outcome.FAILED:
        return claim(connection, slot, run_id, lease)
    taken = {"run_id": run_id, "fencing": row.fencing + 1, "lease_until": now(connection) + lease}
    _change(connection, slot, {**taken, "outcome": None, "code": ""})
    return Claim(ClaimKind.WON, run_id, row.fencing + 1)


def _row(connection: Connection, slot: Slot) -> Row[Any] | None:
    return connection.execute(by(SLOTS, "key"), {"key": slot.key}).first()


def _at_work(connection: Connection, slot: Slot, but_for: str, time: datetime) -> Row[Any] | None:
    of = {"of_plan": slot.plan, "of_job": slot.job, "but_for": but_for, "time": time}
    return connection.execute(_AT_WORK, of).first()


def _change(connection: Connection, slot: Slot, values: dict[str, Any]) -> None:
    connection.execute(change(SLOTS, "key"), {"of_key": slot.key, **values})


def _new_row(slot: Slot, run_id: str, until: datetime) -> dict[str, Any]:
    return {
        "key": slot.key,
        "plan": slot.plan,
        "job": slot.job,
        "planned": slot.planned,
        "session": slot.session,
        "run_id": run_id,
        "fencing": 1,
        "lease_until": until,
        "account": "",
        "code": "",
    }


def held(connection: Connection, slot: Slot, fencing: int) -> Row[Any]:
    """The slot's row, if ``fencing`` is its current number and it is not closed; else a StoreError."""
    row = _row(connection, slot)
    if row is None:
        raise StoreError(f"slot {slot.key} was never claimed")
    if row.fencing != fencing:
        raise StoreError(f"claim {fencing} of slot {slot.key} is stale: run {row.run_id} holds claim {row.fencing}")
    return row


def held_open(connection: Connection, slot: Slot, fencing: int) -> Row[Any]:
    """As ``held``, and the slot must not be closed yet."""
    row = held(connection, slot, fencing)
    if row.outcome is not None:
        raise StoreError(f"slot {slot.key} is closed already as {row.outcome}")
    return row


def held_in_time(connection: Connection, slot: Slot, fencing: int) -> Row[Any]:
    """As ``held_open``, and the lease must not have run out by the database's clock."""
    row, time = held_open(connection, slot, fencing), now(connection)
    if row.lease_until <= time:
        raise StoreError(f"the lease on slot {slot.key} ran out at {row.lease_until}, it is {time}")
    return row


def renew(connection: Connection, slot: Slot, fencing: int, lease: timedelta) -> None:
    """A lease that ran out is not prolonged: somebody may be taking the slot over."""
    held_in_time(connection, slot, fencing)
    _change(connection, slot, {"lease_until": now(connection) + lease})


def expired(connection: Connection) -> tuple[tuple[Slot, int, str], ...]:
    """Slots without an outcome whose lease ran out, with fencing number and run id, oldest first."""
    rows = connection.execute(_EXPIRED, {"time": now(connection)})
    return tuple((slot_of(row), row.fencing, row.run_id) for row in rows)


def taken(connection: Connection, plan: str, since: datetime) -> dict[str, dict[datetime, str]]:
    """Outcomes of all slots of a plan from ``since`` on, by job and planned instant; of an open one it is empty."""
    found: dict[str, dict[datetime, str]] = defaultdict(dict)
    for row in connection.execute(_TAKEN, {"plan": plan, "since": since, "session": since.date() - timedelta(days=1)}):
        found[row.job][row.planned] = row.outcome or ""
    return dict(found)


def first(connection: Connection, plan: str, job: str) -> datetime | None:
    """The planned instant of the earliest slot of a job of a plan."""
    return connection.execute(_FIRST, {"plan": plan, "job": job}).scalar()


def slot_of(row: Row[Any]) -> Slot:
    """The slot of a row that has its columns."""
    return Slot(row.plan, row.job, row.planned, row.session)


def release(connection: Connection, slot: Slot, fencing: int, outcome: Outcome, code: str) -> Row[Any]:
    """Close the slot, and return its row before that; closing it again in the same way changes nothing."""
    row = held(connection, slot, fencing)
    if row.outcome is None:
        _change(connection, slot, {"outcome": outcome.value, "code": code})
    elif (row.outcome, row.code) != (outcome.value, code):
        raise StoreError(f"slot {slot.key} is closed already as {row.outcome}")
    return row


def frozen(connection: Connection, slot: Slot) -> Frozen | None:
    """The committed plan, which may be empty."""
    row = _row(connection, slot)
    if row is None or row.frozen_at is None:
        return None
    columns = (INTENTS.c.position, INTENTS.c.judged, INTENTS.c.body, INTENTS.c.verdict)
    joined = select(*columns, ORDERS.c.state, ORDERS.c.quantity).join(ORDERS, ORDERS.c.client_id == INTENTS.c.client_id)
    rows = connection.execute(joined.where(INTENTS.c.slot == slot.key)).all()
    return _frozen_of(rows, denials.of_slot(connection, slot.key))


def _frozen_of(rows: Sequence[Row[Any]], denied: Sequence[Planned]) -> Frozen:
    orders = [Planned(row.position, row.judged, intent_of(row.body), verdict_of(row.verdict)) for row in rows]
    standing = [(order.intent.id, row, order.verdict.quantity) for order, row in zip(orders, rows, strict=True)]
    planned = [*orders, *denied]
    return Frozen(
        intents=tuple(each.intent for each in sorted(planned, key=lambda each: each.position)),
        verdicts=tuple(each.verdict for each in sorted(planned, key=lambda each: each.judged)),
        states={each.intent.id: OrderState.DENIED for each in denied}
        | {client_id: OrderState(row.state) for client_id, row, _ in standing},
        reduced={client_id: row.quantity for client_id, row, allowed in standing if row.quantity < allowed},
    )
