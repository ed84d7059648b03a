"""Orders: the frozen plan, each step appended once, and the projections that move with it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, func, insert, select

from openbell.crashpoints import reach
from openbell.errors import StoreError
from openbell.ports import Frozen, Level, OrderEvent, Reduced
from openbell.store import breakers, corrections, denials, incidents, projections, switches
from openbell.store.connect import now
from openbell.store.denials import Planned
from openbell.store.order_tables import BUSTS, FILLS, INTENTS, ORDER_EVENTS, ORDERS, SLOTS
from openbell.store.prepared import by, change, newest
from openbell.store.sealing import GENESIS, chain
from openbell.store.texts import content_hash, fill_columns, intent_text, to_json, verdict_text
from openbell.store.watch_tables import ALERTS
from openbell.values.job import FLATTEN
from openbell.values.money import ZERO, text
from openbell.values.order_states import check_transition
from openbell.values.orders import Fill, OrderIntent, OrderState
from openbell.values.time import iso
from openbell.values.verdict import Verdict

#: Kind of the alert about an order that is filled beyond its quantity.
OVERFILL = "OVERFILL"
_OF_INTENT = ("client_id", "slot", "position", "judged", "symbol", "leg", "account", "body", "verdict")
_INSERT_EVENTS, _INSERT_INTENTS, _INSERT_ORDERS = insert(ORDER_EVENTS), insert(INTENTS), insert(ORDERS)
_HIGHEST = select(func.max(ORDERS.c.number))
_KNOWN = select(FILLS.c.id).where(
    FILLS.c.account == bindparam("account"), FILLS.c.id.in_(bindparam("ids", expanding=True))
)
_OF_ORDER = ("number", "run_id", "plan", "side", "purpose")


def freeze(
    connection: Connection, claimed: Row[Any], account: str, intents: Sequence[OrderIntent], verdicts: Sequence[Verdict]
) -> Frozen:
    """Write the plan of a claimed slot: what may be sent with its first events and orders, what was denied beside.

    It is of the slot's planned instant; that of a flatten is a count, so that its plan is of now.
    """
    judged = {verdict.intent_id: place for place, verdict in enumerate(verdicts)}
    if sorted(judged) != sorted(intent.id for intent in intents) or len(judged) != len(verdicts):
        raise StoreError(f"slot {claimed.key}: the plan to freeze does not have one verdict for each intent")
    time = now(connection)
    decided = time if claimed.job == FLATTEN.name else claimed.planned
    connection.execute(change(SLOTS, "key"), {"of_key": claimed.key, "account": account, "frozen_at": time})
    planned = {
        intent.id: Planned(place, judged[intent.id], intent, verdicts[judged[intent.id]])
        for place, intent in enumerate(intents)
    }
    in_turn = [planned[verdict.intent_id] for verdict in verdicts]
    denied = [each for each in in_turn if each.denied]
    before = max(connection.execute(_HIGHEST).scalar() or 0, denials.newest_number(connection)) if planned else 0
    if allowed := [each for each in in_turn if not each.denied]:
        _approve(connection, claimed, account, before, allowed, decided, time)
    if denied:
        denials.write(connection, claimed, account, before, denied, decided)
    states = {each.intent.id: OrderState.DENIED if each.denied else OrderState.APPROVED for each in in_turn}
    return Frozen(tuple(intents), tuple(verdicts), states)


def _approve(
    connection: Connection,
    claimed: Row[Any],
    account: str,
    before: int,
    allowed: Sequence[Planned],
    decided: datetime,
    time: datetime,
) -> None:
    """The orders that may be sent, in that order, each APPROVED when it was ``decided`` and written at ``time``."""
    rows = [_intent_row(claimed.key, account, each) for each in allowed]
    connection.execute(_INSERT_INTENTS, rows)
    reach("inside-freeze")
    orders = [_order_row(claimed, account, before + each.judged + 1, each, decided) for each in allowed]
    steps = [
        Step(OrderEvent(row["client_id"], OrderState.APPROVED, decided), (), plan_of(row, order, claimed.session))
        for row, order in zip(rows, orders, strict=True)
    ]
    append(connection, steps, claimed.fencing, time)
    connection.execute(_INSERT_ORDERS, orders)


def _intent_row(slot: str, account: str, planned: Planned) -> dict[str, Any]:
    return {
        "client_id": planned.intent.id,
        "slot": slot,
        "position": planned.position,
        "judged": planned.judged,
        "symbol": planned.intent.symbol,
        "leg": planned.intent.leg,
        "account": account,
        "body": intent_text(planned.intent),
        "verdict": verdict_text(planned.verdict),
    }


def plan_of(intent: Mapping[str, Any], order: Mapping[str, Any], session: date) -> list[Any]:
    """What never changes of an order, as the hash of its first event covers it."""
    kept = [intent[name] for name in _OF_INTENT] + [order[name] for name in _OF_ORDER]
    return [*kept, text(order["quantity"]), session.isoformat()]


def _order_row(claimed: Row[Any], account: str, number: int, planned: Planned, decided: datetime) -> dict[str, Any]:
    intent = planned.intent
    return {
        "number": number,
        "client_id": intent.id,
        "run_id": claimed.run_id,
        "plan": claimed.plan,
        "slot": claimed.key,
        "account": account,
        "symbol": intent.symbol,
        "side": intent.side.value,
        "quantity": planned.verdict.quantity,
        "purpose": intent.purpose.value,
        "state": OrderState.APPROVED.value,
        "working": False,
        "filled": ZERO,
        "cost": ZERO,
        "broker_id": "",
        "detail": "",
        "updated": decided,
    }


@dataclass(frozen=True, slots=True)
class Step:
    """An event with what its hash covers besides: new fills, and the plan (first event) or the ids of busted fills."""

    event: OrderEvent
    fills: Sequence[Fill] = ()
    covers: Sequence[Any] = ()


def append(connection: Connection, steps: Sequence[Step], fencing: int | None, time: datetime | None = None) -> int:
    """Append events to the chain, at ``time`` or now by the database's clock; returns the sequence of the last."""
    written = time or now(connection)
    last = connection.execute(newest(ORDER_EVENTS, "sequence", "hash")).first()
    sequence, hashed = (int(last.sequence), last.hash) if last else (0, GENESIS)
    rows = []
    for step in steps:
        row, previous, sequence = _event_row(step.event, written, fencing), hashed, sequence + 1
        quantity = step.event.quantity
        hashed = chain(previous, sequence, event_digest(row, step.fills, [*step.covers, *lowered(quantity)]))
        links = {"sequence": sequence, "previous_hash": previous, "hash": hashed}
        rows.append({**row, **links, "quantity": quantity})
    connection.execute(_INSERT_EVENTS, rows)
    return sequence


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


def lowered(quantity: Decimal | None) -> list[str]:
    """What the hash of an event covers besides when it lowers the quantity of its order."""
    return [] if quantity is None else [text(quantity)]


def event_digest(row: Mapping[str, Any], fills: Iterable[Fill], covers: Sequence[Any] = ()) -> str:
    """SHA-256 over an event's columns, the fills that came with it and whatever else it covers."""
    columns = [iso(value) if isinstance(value, datetime) else value for value in row.values()]
    executed = [
        [f.id, f.client_id, f.symbol, f.side.value, text(f.quantity), text(f.price), text(f.fee), iso(f.time)]
        for f in fills
    ]
    return content_hash(to_json([columns, executed, *([list(covers)] if covers else [])]))


def mark(order: Row[Any], event: OrderEvent, less: Reduced | None) -> OrderEvent:
    """The SENDING mark of an order, with the quantity that it goes with; nothing ever raises it."""
    if less is None:
        return event
    if order.state != OrderState.APPROVED or not 0 < less.quantity < order.quantity:
        raise StoreError(f"order {order.client_id} of {text(order.quantity)} cannot go with {text(less.quantity)}")
    return replace(event, quantity=less.quantity, detail=less.detail)


def order_row(connection: Connection, client_id: str) -> Row[Any]:
    """The projection of an order; StoreError when it was never frozen."""
    row = connection.execute(by(ORDERS, "client_id"), {"client_id": client_id}).first()
    if row is None:
        raise StoreError(f"order {client_id} is in no frozen plan")
    return row


def step(
    connection: Connection, order: Row[Any], event: OrderEvent, fencing: int | None = None, fills: Sequence[Fill] = ()
) -> None:
    """One step of an order with its new fills; IllegalTransition when the state machine refuses it."""
    check_transition(event.client_id, OrderState(order.state), event.state)
    fresh = unapplied(connection, order, fills)
    write(connection, order, event, fresh, corrections.superseded(connection, order, fresh), fencing)


def write(
    connection: Connection,
    order: Row[Any],
    event: OrderEvent,
    fresh: Sequence[Fill] = (),
    busted: Sequence[Fill] = (),
    fencing: int | None = None,
) -> None:
    """Append the event with what it brings, and move every projection; more than was ordered halts everything."""
    sequence = append(connection, [Step(event, fresh, [fill.id for fill in busted])], fencing)
    _write_fills(connection, order, sequence, fresh)
    _write_busts(connection, order, sequence, busted)
    if fencing is None:  # the transaction of a SENDING mark has a point of its own
        reach("inside-record")
    filled, cost = projections.filled_after(order, fresh, busted)
    if fresh or busted:
        projections.apply_fills(connection, order, fresh, busted)
    moved = {
        "state": event.state.value,
        "working": event.state.working,
        "quantity": order.quantity if event.quantity is None else event.quantity,
        "filled": filled,
        "cost": cost,
        "detail": event.detail,
        "updated": event.time,
        "broker_id": event.broker_id or order.broker_id,
        "sent": order.sent or (event.time if event.state is OrderState.SENDING else None),
    }
    connection.execute(change(ORDERS, "client_id"), {"of_client_id": order.client_id, **moved})
    if event.state is OrderState.REJECTED:
        slot = connection.execute(by(SLOTS, "key"), {"key": order.slot}).one()
        breakers.reject(connection, slot.plan, slot.job, event.detail)
    if fresh and filled > order.quantity:
        _halt_for_overfill(connection, order, text(filled))


def _halt_for_overfill(connection: Connection, order: Row[Any], filled: str) -> None:
    """I13: nobody knows what else the broker does, so nothing more is sent until a person has looked."""
    detail = f"order {order.client_id} of {text(order.quantity)} {order.symbol} is filled with {filled}"
    incidents.raise_once(connection, ALERTS, order.account, OVERFILL, order.client_id, detail)
    if switches.stored_switch(connection).level is not Level.HALTED:
        switches.move_switch(connection, Level.HALTED, switches.OURSELVES, f"{OVERFILL}: {detail}", None)


def unapplied(connection: Connection, order: Row[Any], fills: Sequence[Fill]) -> list[Fill]:
    """The fills that were not applied yet, each once; a fill of another order is refused."""
    for fill in fills:
        if (fill.client_id, fill.symbol, fill.side.value) != (order.client_id, order.symbol, order.side):
            raise StoreError(f"fill {fill.id} is not of order {order.client_id} ({order.side} {order.symbol})")
    if not fills:
        return []
    by_id = {fill.id: fill for fill in reversed(fills)}
    known = set(connection.execute(_KNOWN, {"account": order.account, "ids": list(by_id)}).scalars())
    return [fill for key, fill in reversed(by_id.items()) if key not in known]


def _write_fills(connection: Connection, order: Row[Any], event: int, fills: Sequence[Fill]) -> None:
    _number(connection, FILLS, [{"event": event, "account": order.account, **fill_columns(fill)} for fill in fills])


def _write_busts(connection: Connection, order: Row[Any], event: int, busted: Sequence[Fill]) -> None:
    about = {"event": event, "account": order.account, "client_id": order.client_id}
    _number(connection, BUSTS, [{**about, "fill": fill.id} for fill in busted])


def _number(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        last = connection.execute(newest(table, "sequence")).scalar() or 0
        connection.execute(insert(table), [{"sequence": n, **row} for n, row in enumerate(rows, start=last + 1)])
