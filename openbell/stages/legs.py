"""The legs of orders on their way: they are marked, settled and given up with the order that brings them along."""

from collections.abc import Callable, Sequence
from datetime import datetime

from openbell.ports import Journal, OrderEvent
from openbell.stages.steps import Known, as_order, record_told
from openbell.values.legs import legs_of
from openbell.values.orders import Fill, Order, OrderIntent, OrderState
from openbell.values.slot import Slot


def book_legs(
    journal: Journal,
    intent: OrderIntent,
    told: Sequence[Order],
    fills: Callable[[OrderIntent], Sequence[Fill]],
    now: datetime,
) -> None:
    """Record the broker's word on the legs of an order that it has; one that it says nothing of is UNKNOWN."""
    by_id = {order.client_id: order for order in told}
    for leg in legs_of(intent):
        if (order := by_id.get(leg.id)) is not None:
            record_told(journal, Known(OrderState.SENDING), order, fills(leg) if order.filled else ())
        else:
            words = f"the broker has order {intent.id}, and said nothing of this leg"
            journal.record(OrderEvent(leg.id, OrderState.UNKNOWN, now, words))


def along(journal: Journal, slot: Slot, intent: OrderIntent, state: OrderState, now: datetime) -> list[OrderEvent]:
    """The steps of the legs of an order that came to ``state`` without the broker having it: they go the same way."""
    legs = legs_of(intent)
    states = _states(journal, slot) if legs else {}
    return [
        OrderEvent(leg.id, step, now, f"order {intent.id} is {state}")
        for leg in legs
        for step in _way(states.get(leg.id), state)
    ]


def _way(before: OrderState | None, state: OrderState) -> list[OrderState]:
    after = OrderState.UNKNOWN if state is OrderState.UNKNOWN else OrderState.ABANDONED
    if before is None or before is after or before.terminal:
        return []
    by_unknown = before is OrderState.SENDING and after is not OrderState.UNKNOWN
    return [OrderState.UNKNOWN, after] if by_unknown else [after]


def sent_legs(journal: Journal, slot: Slot, sent: Sequence[OrderIntent], now: datetime) -> tuple[Order, ...]:
    """The legs of orders as they stand in the books."""
    legs = [leg for intent in sent for leg in legs_of(intent)]
    states = _states(journal, slot) if legs else {}
    return tuple(as_order(leg, states[leg.id], now, "") for leg in legs if leg.id in states)


def _states(journal: Journal, slot: Slot) -> dict[str, OrderState]:
    frozen = journal.frozen(slot)
    return dict(frozen.states) if frozen else {}
