"""A broker's word on an order, which may come late, twice, or in any order."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, select

from openbell.errors import IllegalTransition, StoreError
from openbell.ports import OrderEvent
from openbell.store import corrections, incidents, orders
from openbell.store.order_tables import BUSTS, FILLS
from openbell.store.texts import fill_of
from openbell.store.watch_tables import BREAKS
from openbell.values.order_states import TRANSITIONS
from openbell.values.orders import Fill, OrderState

S = OrderState
#: What only a broker can say of an order.
WORDS = frozenset({S.ACKED, S.PARTIAL, S.PENDING_CANCEL, S.FILLED, S.CANCELED, S.EXPIRED, S.REJECTED})
_LIVE = frozenset({S.ACKED, S.PARTIAL, S.PENDING_CANCEL})

LATE_FILL, BUST, CORRECTION, STATUS = "LATE_FILL", "BUST", "CORRECTION", "STATUS"


def take(connection: Connection, event: OrderEvent, fills: Sequence[Fill], busts: Sequence[str]) -> OrderState:
    """Apply what is new in a report; returns the state of the order after it."""
    order = orders.order_row(connection, event.client_id)
    state = OrderState(order.state)
    if event.state not in WORDS:
        raise StoreError(f"order {event.client_id}: {event.state} is not a broker's word")
    if state in (S.APPROVED, S.PLANNED, S.DENIED):
        raise IllegalTransition(f"order {event.client_id} was never sent, but the broker says that it is {event.state}")
    fresh = orders.unapplied(connection, order, fills)
    corrected = corrections.superseded(connection, order, fresh)
    busted = [*corrected, *(fill for fill in _bustable(connection, order, busts) if fill not in corrected)]
    path = _path(order, state, event)
    if path:
        for step in path[:-1]:
            orders.write(connection, order, replace(event, state=step, detail=""))
            order = orders.order_row(connection, event.client_id)
        orders.write(connection, order, event, fresh, busted)
    elif fresh or busted:
        orders.write(connection, order, _note(order, state, event, fresh, busted), fresh, busted)
    _tell(connection, order, state, event, bool(path), fresh, busted)
    return event.state if path else state


def _path(order: Row[Any], state: OrderState, event: OrderEvent) -> tuple[OrderState, ...]:
    """The steps that the report takes, if it takes any: straight, or by way of ACKED."""
    if event.state is state or (state in _LIVE and event.state in _LIVE and event.time < order.updated):
        return ()
    if event.state in TRANSITIONS.get(state, ()):
        return (event.state,)
    by_acked = S.ACKED in TRANSITIONS.get(state, ()) and event.state in TRANSITIONS[S.ACKED]
    return (S.ACKED, event.state) if by_acked else ()


def _tell(
    connection: Connection,
    order: Row[Any],
    state: OrderState,
    event: OrderEvent,
    moved: bool,
    fresh: Sequence[Fill],
    busted: Sequence[Fill],
) -> None:
    """Open the breaks that the report is worth."""
    for fill in fresh if state.terminal else ():
        before, now = corrections.words(fill, busted), f"{fill.quantity} {fill.symbol} at {fill.price}"
        came = f"the venue corrected {before} to {now}" if before else f"{now} came in"
        kind = CORRECTION if before else LATE_FILL
        detail = f"order {order.client_id} was {state} when {came}"
        incidents.raise_once(connection, BREAKS, order.account, kind, fill.id, detail)
    corrected = {earlier for fill in fresh for earlier in fill.corrects}
    for fill in (fill for fill in busted if fill.id not in corrected):
        detail = f"{fill.quantity} {fill.symbol} at {fill.price} of order {order.client_id} taken back: {event.detail}"
        incidents.raise_once(connection, BREAKS, order.account, BUST, fill.id, detail)
    if not moved and _contradicts(state, event.state):
        detail = f"the books have {state}, the broker says {event.state}"
        incidents.raise_once(connection, BREAKS, order.account, STATUS, order.client_id, detail)


def _contradicts(state: OrderState, word: OrderState) -> bool:
    """Whether a status that was not taken is more than an old one."""
    if state in (S.REJECTED, S.ABANDONED):
        return word is not state
    return word.terminal and word is not state


def _bustable(connection: Connection, order: Row[Any], ids: Sequence[str]) -> list[Fill]:
    """The fills to take back that were not taken back before; one that is not of the order is refused."""
    if not ids:
        return []
    of_order = select(FILLS).where(FILLS.c.account == order.account, FILLS.c.client_id == order.client_id)
    known = {row.id: fill_of(row) for row in connection.execute(of_order)}
    if strange := sorted(set(ids) - set(known)):
        raise StoreError(f"fill {strange[0]} to take back is not a fill of order {order.client_id}")
    query = select(BUSTS.c.fill).where(BUSTS.c.account == order.account, BUSTS.c.client_id == order.client_id)
    taken = set(connection.execute(query).scalars())
    return [known[key] for key in dict.fromkeys(ids) if key not in taken]


def _note(
    order: Row[Any], state: OrderState, event: OrderEvent, fresh: Sequence[Fill], busted: Sequence[Fill]
) -> OrderEvent:
    """An event that brings fills or takes them back and leaves the state; it never makes an order look older."""
    detail = _words(fresh, busted) if state.terminal or busted else event.detail
    return replace(event, state=state, time=max(event.time, order.updated), detail=detail)


def _words(fresh: Sequence[Fill], busted: Sequence[Fill]) -> str:
    came = [f"late fill {fill.id}" for fill in fresh]
    return ", ".join(came + [f"fill {fill.id} taken back" for fill in busted])
