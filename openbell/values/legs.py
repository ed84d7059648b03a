"""Orders that stand or fall together: the exits that an order brings along are orders with ids of their own."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum

from openbell.values.orders import Order, OrderClass, OrderIntent, OrderType, Purpose, Share, Side, TimeInForce


class Role(StrEnum):
    """What a leg does, as the end of its client id says it: takes the profit or stops the loss."""

    PROFIT = "tp"
    LOSS = "sl"


#: Legs are counted beyond those that a run plans for a symbol, so that no two orders of a slot share one.
_NUMBERS = {Role.PROFIT: 10, Role.LOSS: 20}


def leg_id(parent: str, role: Role) -> str:
    """The client id of a leg: its order's, and what it does."""
    return f"{parent}-{role}"


def parent_of(client_id: str) -> str:
    """The client id of the order that brought a leg along; empty for an order that is none."""
    parent, _, role = client_id.rpartition("-")
    return parent if parent and role in set(Role) else ""


def group_of(client_id: str) -> str:
    """One text for all orders that stand or fall together."""
    return parent_of(client_id) or client_id


def legs_of(intent: OrderIntent) -> tuple[OrderIntent, ...]:
    """The orders that go with an order, in the same request; none for a simple one.

    They last until canceled, so that what is held overnight stays protected, where the venue lets them: at Alpaca they
    last as long as their order. Of an OCO the order itself takes the profit, and its leg is the stop.
    """
    made = ((Role.PROFIT, intent.take_profit), (Role.LOSS, intent.stop_loss))
    return tuple(_leg(intent, role, price) for role, price in made if price is not None)


def _leg(intent: OrderIntent, role: Role, price: Decimal) -> OrderIntent:
    same = intent.order_class is OrderClass.OCO
    opposite = Side.SELL if intent.side is Side.BUY else Side.BUY
    loss = role is Role.LOSS
    return replace(
        intent,
        id=leg_id(intent.id, role),
        leg=intent.leg + _NUMBERS[role],
        side=intent.side if same else opposite,
        purpose=Purpose.EXIT,
        type=OrderType.STOP if loss else OrderType.LIMIT,
        limit_price=None if loss else price,
        stop_price=price if loss else None,
        time_in_force=TimeInForce.GTC,
        shares=intent.shares if same else tuple(Share(share.strategy, -share.quantity) for share in intent.shares),
        take_profit=None,
        stop_loss=None,
        extended_hours=False,
    )


def independent(orders: Iterable[Order]) -> tuple[Order, ...]:
    """Open orders that can all fill: of those that stand or fall together the first, its parent where that is open.

    A leg sleeps until its entry has filled, and of two exits of one position only one ever fills whole.
    """
    listed = tuple(orders)
    if not any(parent_of(order.client_id) for order in listed):
        return listed
    there = {order.client_id for order in listed if not order.state.terminal}
    found: dict[str, Order] = {}
    for order in listed:
        group = group_of(order.client_id)
        first = order.client_id == group or group not in there
        if first and not order.state.terminal:
            found.setdefault(group, order)
    return tuple(found.values())
