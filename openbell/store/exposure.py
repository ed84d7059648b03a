"""What the store knows of an account inside the transaction of a send, and which orders are not settled."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select

from openbell.errors import StoreError
from openbell.ports import Exposure, Lookup, Unsettled
from openbell.store import breaks, logs
from openbell.store.connect import now
from openbell.store.order_tables import INTENTS, ORDER_EVENTS, ORDERS, POSITIONS, SLOTS
from openbell.store.slots import slot_of
from openbell.store.texts import intent_of
from openbell.store.watch_tables import LOOKUPS
from openbell.values.orders import Order, OrderIntent, OrderState, Side
from openbell.values.slot import Slot

_OTHERS = (ORDERS.c.account == bindparam("account"), ORDERS.c.client_id != bindparam("client_id"))
_HELD = select(POSITIONS.c.symbol, POSITIONS.c.quantity).where(POSITIONS.c.account == bindparam("account"))
_WORKING = (
    select(ORDERS, INTENTS.c.body)
    .join(INTENTS, INTENTS.c.client_id == ORDERS.c.client_id)
    .where(ORDERS.c.working, *_OTHERS)
    .order_by(ORDERS.c.number)
)
_SENT = (
    select(func.count())
    .select_from(SLOTS)
    .join(ORDERS, ORDERS.c.slot == SLOTS.c.key)
    .where(SLOTS.c.plan == bindparam("plan"), SLOTS.c.session == bindparam("session"))
    .where(ORDERS.c.sent.is_not(None), *_OTHERS)
)
_LATELY = (
    select(func.count())
    .where(ORDERS.c.plan == bindparam("plan"), ORDERS.c.sent > bindparam("since"))
    .where(ORDERS.c.sent <= bindparam("until"), *_OTHERS)
)
MINUTE = timedelta(seconds=60)
#: Ids in one question; SQLite takes some ten thousand parameters.
_AT_ONCE = 5000
_PLANNED = select(INTENTS.c.client_id).where(INTENTS.c.client_id.in_(bindparam("ids", expanding=True)))
_UNSETTLED = (
    select(ORDERS, INTENTS.c.body, SLOTS.c.job, SLOTS.c.planned, SLOTS.c.session, SLOTS.c.fencing, SLOTS.c.outcome)
    .join(INTENTS, INTENTS.c.client_id == ORDERS.c.client_id)
    .join(SLOTS, SLOTS.c.key == ORDERS.c.slot)
    .where(ORDERS.c.state.in_(tuple(sorted(state.value for state in OrderState if not state.terminal))))
    .order_by(ORDERS.c.number)
)
_UNSETTLED_OF = _UNSETTLED.where(ORDERS.c.account == bindparam("account"))


def exposure(connection: Connection, slot: Slot, order: Row[Any], time: datetime) -> Exposure:
    """Of the account and session of an order that is about to go at ``time``, without the order itself."""
    of = {"account": order.account, "client_id": order.client_id}
    lately = {**of, "plan": slot.plan, "since": time - MINUTE, "until": time}
    today = {**of, "plan": slot.plan, "session": slot.session}
    return Exposure(
        positions=positions(connection, order.account),
        working=tuple(_order(row) for row in connection.execute(_WORKING, of)),
        orders_today=connection.execute(_SENT, today).scalar_one(),
        breaks=breaks.waiting(connection, order.account),
        orders_last_minute=connection.execute(_LATELY, lately).scalar_one(),
    )


def positions(connection: Connection, account: str) -> dict[str, Decimal]:
    """Signed quantities by the fills of all plans, without those that are zero."""
    rows = connection.execute(_HELD, {"account": account})
    return {row.symbol: row.quantity for row in rows if row.quantity}


#: Bodies never change, and a basket asks for the same ones at each of its sends.
_intent = lru_cache(maxsize=4096)(intent_of)


def _order(row: Row[Any]) -> Order:
    intent: OrderIntent = _intent(row.body)
    return Order(
        client_id=row.client_id,
        symbol=row.symbol,
        side=Side(row.side),
        quantity=row.quantity,
        type=intent.type,
        state=OrderState(row.state),
        updated=row.updated,
        filled=row.filled,
        average_price=row.cost / row.filled if row.filled else None,
        broker_id=row.broker_id,
        limit_price=intent.limit_price,
        stop_price=intent.stop_price,
        trail=intent.trail,
        time_in_force=intent.time_in_force,
        reason=row.detail,
    )


def unsettled(connection: Connection, account: str | None) -> tuple[Unsettled, ...]:
    """Every order that is not terminal, oldest first."""
    rows = connection.execute(_UNSETTLED if account is None else _UNSETTLED_OF, {"account": account})
    return tuple(_unsettled(row) for row in rows)


def _unsettled(row: Row[Any]) -> Unsettled:
    return Unsettled(
        intent=_intent(row.body),
        plan=row.plan,
        account=row.account,
        slot=slot_of(row),
        state=OrderState(row.state),
        quantity=row.quantity,
        filled=row.filled,
        sent=row.sent,
        updated=row.updated,
        fencing=row.fencing,
        slot_open=row.outcome is None,
    )


def unplanned(connection: Connection, client_ids: Sequence[str]) -> tuple[str, ...]:
    """Those of some ids that stand in no frozen plan."""
    planned: set[str] = set()
    for start in range(0, len(client_ids), _AT_ONCE):
        part = list(client_ids[start : start + _AT_ONCE])
        planned.update(connection.execute(_PLANNED, {"ids": part}).scalars())
    return tuple(name for name in client_ids if name not in planned)


def looked_up(connection: Connection, lookup: Lookup) -> None:
    """Append one look-up, under the SENDING mark that it asks about."""
    mark = _mark(connection, lookup.client_id)
    if mark is None:
        raise StoreError(f"order {lookup.client_id} was never marked SENDING: there is nothing to look up")
    row = {"client_id": lookup.client_id, "event": mark, "time": lookup.time, "written": now(connection)}
    logs.add(connection, LOOKUPS, {**row, "found": lookup.found, "detail": lookup.detail})


def lookups(connection: Connection, client_id: str) -> tuple[Lookup, ...]:
    """The look-ups since the last SENDING mark, oldest first."""
    mark = _mark(connection, client_id)
    query = select(LOOKUPS).where(LOOKUPS.c.client_id == client_id, LOOKUPS.c.event == mark).order_by(LOOKUPS.c.number)
    return tuple(Lookup(row.client_id, row.time, row.found, row.detail) for row in connection.execute(query))


def _mark(connection: Connection, client_id: str) -> int | None:
    columns = ORDER_EVENTS.c
    newest = select(func.max(columns.sequence)).where(
        columns.client_id == client_id, columns.state == OrderState.SENDING.value
    )
    found: int | None = connection.execute(newest).scalar()
    return found
