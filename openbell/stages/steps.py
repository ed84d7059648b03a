"""From what the broker says of an order to the events that the state machine takes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from openbell.crashpoints import reach
from openbell.errors import IllegalTransition
from openbell.ports import Journal, OrderEvent, Unsettled
from openbell.values.job import EXITS
from openbell.values.legs import parent_of
from openbell.values.money import ZERO
from openbell.values.order_states import TRANSITIONS
from openbell.values.orders import Fill, Order, OrderIntent, OrderState, OrderType

#: Kind of the alert about a protective stop that somebody canceled at the broker.
STOP_CANCELED = "STOP_CANCELED"
#: What a broker can say of an order that it has.
SAID = (
    OrderState.ACKED,
    OrderState.PARTIAL,
    OrderState.PENDING_CANCEL,
    OrderState.FILLED,
    OrderState.CANCELED,
    OrderState.EXPIRED,
    OrderState.REJECTED,
)


#: An order that works, from its acknowledgement on: it never goes back.
_WORKING = (OrderState.ACKED, OrderState.PARTIAL, OrderState.PENDING_CANCEL)


def path(before: OrderState, after: OrderState) -> tuple[OrderState, ...]:
    """The way there, straight or by the acknowledgement; empty when there is none, and for a step back or none."""
    onward = TRANSITIONS.get(before, frozenset())
    if _passed(before, after):
        return ()
    if after in onward:
        return (after,)
    unanswered = before not in _WORKING and OrderState.ACKED in onward
    return (OrderState.ACKED, after) if unanswered and after in TRANSITIONS[OrderState.ACKED] else ()


def _passed(before: OrderState, after: OrderState) -> bool:
    """Whether the order works already and has passed ``after``, or stands there."""
    return before in _WORKING and after in _WORKING[: _WORKING.index(before) + 1]


def filled_by(fills: Iterable[Fill]) -> Decimal:
    """Quantity of some fills."""
    return sum((fill.quantity for fill in fills), ZERO)


def told(order: Order, fills: Sequence[Fill]) -> OrderState:
    """The state that the fills at hand bear out: an end is written down only with all of its fills.

    A venue may say ``filled`` before it lists the execution; the order then counts as working until it does.
    """
    have = filled_by(fills)
    if order.state in (OrderState.PENDING_CANCEL, OrderState.REJECTED):
        return order.state
    if have < order.filled or order.state is OrderState.PARTIAL:
        return OrderState.PARTIAL if have else OrderState.ACKED
    return order.state


@dataclass(frozen=True, slots=True)
class Known:
    """Where the store has an order: its state and what of it is filled."""

    state: OrderState
    filled: Decimal = ZERO


def record_told(journal: Journal, known: Known, order: Order, fills: Sequence[Fill], detail: str = "") -> OrderState:
    """Write what the broker says of an order in one commit; the state it is in now.

    ``fills`` are all of the order's; they go with the last event. Nothing is written when nothing is new or no way
    leads there: a list may be older than what is known, so that an order never goes back. One that is partly filled
    or being canceled and rejected then has ended with what it has, as canceled.
    """
    have = filled_by(fills)
    more = have > known.filled or (have < known.filled and any(fill.corrects for fill in fills))
    way = _way(known, told(order, fills), more)
    if not way:
        return known.state
    events = [OrderEvent(order.client_id, state, order.updated, detail, order.broker_id) for state in way]
    last = replace(events[-1], detail=order.reason or detail)
    journal.record(last, fills, before=events[:-1])
    reach("after-record")
    return last.state


def _way(known: Known, after: OrderState, more: bool) -> tuple[OrderState, ...]:
    if not _passed(known.state, after):
        rest_refused = after is OrderState.REJECTED and known.state in _WORKING[1:]
        return path(known.state, OrderState.CANCELED if rest_refused else after)
    if not more:
        return ()
    waits = known.state is OrderState.PENDING_CANCEL
    return (OrderState.PARTIAL, known.state) if waits else (OrderState.PARTIAL,)


def mark_canceling(journal: Journal, order: Unsettled, now: datetime, why: str, broker_id: str = "") -> None:
    """Write down that a cancel is wanted, before it is asked for; nothing where it has ended in the meantime."""
    way = path(order.state, OrderState.PENDING_CANCEL)
    if order.state is OrderState.PENDING_CANCEL or not way:
        return
    events = [OrderEvent(order.intent.id, state, now, why, broker_id) for state in way]
    try:
        journal.record(events[-1], before=events[:-1])
    except IllegalTransition:
        return


def withdrawn(order: Unsettled, after: OrderState) -> str:
    """What a person must know of a protective stop that ended at the venue and nobody here asked for it; else empty.

    A leg goes with its order and with its sibling, so it is none.
    """
    plain = order.intent.type is OrderType.STOP and not parent_of(order.intent.id)
    working = order.state in (OrderState.ACKED, OrderState.PARTIAL)
    if not (plain and working and order.slot.job == EXITS.name and after in (OrderState.CANCELED, OrderState.EXPIRED)):
        return ""
    return f"the stop of {order.intent.symbol} is {after} at the broker, and not by openbell; a look places it again"


def as_order(intent: OrderIntent, state: OrderState, now: datetime, detail: str) -> Order:
    """An order of which only we know."""
    return Order(
        client_id=intent.id,
        symbol=intent.symbol,
        side=intent.side,
        quantity=intent.quantity,
        type=intent.type,
        state=state,
        updated=now,
        limit_price=intent.limit_price,
        stop_price=intent.stop_price,
        trail=intent.trail,
        time_in_force=intent.time_in_force,
        reason=detail,
    )
