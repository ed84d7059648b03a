"""Orders: the frozen plan, each step appended once, and the projections that move with it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from openbell.errors import StoreError
from openbell.ports import OrderEvent
from openbell.store import projections
from openbell.store.connect import now
from openbell.store.order_tables import FILLS, INTENTS, ORDER_EVENTS, ORDERS, SLOTS
from openbell.store.sealing import GENESIS, chain
from openbell.store.texts import content_hash, fill_columns, intent_text, to_json, verdict_text
from openbell.values.money import ZERO, text
from openbell.values.order_states import check_transition
from openbell.values.orders import Fill, OrderIntent, OrderState
from openbell.values.time import iso
from openbell.values.verdict import Decision, Verdict


def freeze(
    connection: Connection, claimed: Row[Any], account: str, intents: Sequence[OrderIntent], verdicts: Sequence[Verdict]
) -> None:
    """Write the plan of a claimed slot: intents with verdicts, their first events, their orders."""
    judged = {verdict.intent_id: place for place, verdict in enumerate(verdicts)}
    if sorted(judged) != sorted(intent.id for intent in intents) or len(judged) != len(verdicts):
        raise StoreError(f"slot {claimed.key}: the plan to freeze does not have one verdict for each intent")
    values = {"account": account, "frozen_at": now(connection)}
    connection.execute(update(SLOTS).where(SLOTS.c.key == claimed.key).values(values))
    if not intents:
        return
    rows = [
        _intent_row(claimed.key, account, place, intent, judged[intent.id], verdicts[judged[intent.id]])
        for place, intent in enumerate(intents)
    ]
    connection.execute(insert(INTENTS), rows)
    _first_steps(connection, claimed, account, {intent.id: intent for intent in intents}, verdicts)


def _intent_row(
    slot: str, account: str, place: int, intent: OrderIntent, judged: int, verdict: Verdict
) -> dict[str, Any]:
    return {
        "client_id": intent.id,
        "slot": slot,
        "position": place,
        "judged": judged,
        "symbol": intent.symbol,
        "leg": intent.leg,
        "account": account,
        "body": intent_text(intent),
        "verdict": verdict_text(verdict),
    }


def _first_steps(
    connection: Connection,
    claimed: Row[Any],
    account: str,
    intents: Mapping[str, OrderIntent],
    verdicts: Sequence[Verdict],
) -> None:
    """APPROVED or DENIED, in the order of sending, at the slot's planned instant."""
    number = connection.execute(select(func.max(ORDERS.c.number))).scalar() or 0
    events, orders = [], []
    for place, verdict in enumerate(verdicts, start=number + 1):
        denied = verdict.decision is Decision.DENIED
        state = OrderState.DENIED if denied else OrderState.APPROVED
        detail = f"{verdict.rule}: {verdict.measured}, limit {verdict.limit}" if denied else ""
        check_transition(verdict.intent_id, OrderState.PLANNED, state)
        event = OrderEvent(verdict.intent_id, state, claimed.planned, detail)
        events.append(event)
        orders.append(_order_row(claimed, account, place, intents[verdict.intent_id], verdict, event))
    append(connection, events, claimed.fencing)
    connection.execute(insert(ORDERS), orders)


def _order_row(
    claimed: Row[Any], account: str, number: int, intent: OrderIntent, verdict: Verdict, event: OrderEvent
) -> dict[str, Any]:
    return {
        "number": number,
        "client_id": intent.id,
        "run_id": claimed.run_id,
        "plan": claimed.plan,
        "slot": claimed.key,
        "account": account,
        "symbol": intent.symbol,
        "side": intent.side.value,
        "quantity": verdict.quantity or intent.quantity,
        "purpose": intent.purpose.value,
        "state": event.state.value,
        "working": False,
        "filled": ZERO,
        "cost": ZERO,
        "broker_id": "",
        "detail": event.detail,
        "updated": event.time,
    }


@dataclass(frozen=True, slots=True)
class _Link:
    """The newest link of the chain of order events."""

    sequence: int
    hash: str


def append(
    connection: Connection, events: Sequence[OrderEvent], fencing: int | None, fills: Sequence[Fill] = ()
) -> int:
    """Append events to the chain, the fills belonging to the last of them; returns its sequence."""
    written, link = now(connection), _last(connection)
    rows = []
    for place, event in enumerate(events, start=1):
        with_fills = fills if place == len(events) else ()
        row = _event_row(event, written, fencing)
        sequence = link.sequence + 1
        hashed = chain(link.hash, sequence, event_digest(row, with_fills))
        rows.append({**row, "sequence": sequence, "previous_hash": link.hash, "hash": hashed})
        link = _Link(sequence, hashed)
    connection.execute(insert(ORDER_EVENTS), rows)
    return link.sequence


def _last(connection: Connection) -> _Link:
    columns = ORDER_EVENTS.c
    newest = select(columns.sequence, columns.hash).order_by(columns.sequence.desc()).limit(1)
    row = connection.execute(newest).first()
    return _Link(row.sequence, row.hash) if row else _Link(0, GENESIS)


def _event_row(event: OrderEvent, written: datetime, fencing: int | None) -> dict[str, Any]:
    return {
        "client_id": event.client_id,
        "state": event.state.value,
        "time": event.time,
        "written": written,
        "detail": event.detail,
        "broker_id": event.broker_id,
        "fencing": fencing,
    }


def event_digest(row: Mapping[str, Any], fills: Iterable[Fill]) -> str:
    """SHA-256 over an event's columns and the fills that came with it."""
    columns = [iso(value) if isinstance(value, datetime) else value for value in row.values()]
    executed = [
        [f.id, f.client_id, f.symbol, f.side.value, text(f.quantity), text(f.price), text(f.fee), iso(f.time)]
        for f in fills
    ]
    return content_hash(to_json([columns, executed]))


def order_row(connection: Connection, client_id: str) -> Row[Any]:
    """The projection of an order; StoreError when it was never frozen."""
    row = connection.execute(select(ORDERS).where(ORDERS.c.client_id == client_id)).first()
    if row is None:
        raise StoreError(f"order {client_id} is in no frozen plan")
    return row


def step(
    connection: Connection, order: Row[Any], event: OrderEvent, fencing: int | None = None, fills: Sequence[Fill] = ()
) -> None:
    """One step of an order with its new fills; IllegalTransition when the state machine refuses it."""
    check_transition(event.client_id, OrderState(order.state), event.state)
    fresh = _unknown(connection, order, fills)
    sequence = append(connection, [event], fencing, fresh)
    if fresh:
        _write_fills(connection, order, sequence, fresh)
        projections.apply_fills(connection, order, fresh)
    filled, cost = projections.filled_after(order, fresh)
    moved = {
        "state": event.state.value,
        "working": event.state.working,
        "filled": filled,
        "cost": cost,
        "detail": event.detail,
        "updated": event.time,
        "broker_id": event.broker_id or order.broker_id,
        "sent": order.sent or (event.time if event.state is OrderState.SENDING else None),
    }
    connection.execute(update(ORDERS).where(ORDERS.c.client_id == order.client_id).values(moved))


def _unknown(connection: Connection, order: Row[Any], fills: Sequence[Fill]) -> list[Fill]:
    """The fills that were not applied yet, each once; a fill of another order is refused."""
    for fill in fills:
        if (fill.client_id, fill.symbol, fill.side.value) != (order.client_id, order.symbol, order.side):
            raise StoreError(f"fill {fill.id} is not of order {order.client_id} ({order.side} {order.symbol})")
    if not fills:
        return []
    by_id = {fill.id: fill for fill in reversed(fills)}
    query = select(FILLS.c.id).where(FILLS.c.account == order.account, FILLS.c.id.in_(by_id))
    known = set(connection.execute(query).scalars())
    return [fill for key, fill in reversed(by_id.items()) if key not in known]


def _write_fills(connection: Connection, order: Row[Any], event: int, fills: Sequence[Fill]) -> None:
    number = connection.execute(select(func.max(FILLS.c.sequence))).scalar() or 0
    rows = [
        {"sequence": place, "event": event, "account": order.account, **fill_columns(fill)}
        for place, fill in enumerate(fills, start=number + 1)
    ]
    connection.execute(insert(FILLS), rows)
