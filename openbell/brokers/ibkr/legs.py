"""Orders that stand or fall together: the exits of an entry are its children, the two prices of an exit a group.

All but the last of an entry and its exits go out untransmitted, and the last one lets them go together: the gateway
forgets an entry whose exits never came. A group of two prices cannot be sent as one; its stop goes first, so that what
arrives alone protects.
"""

from collections.abc import Callable
from typing import Any

from openbell.values.legs import legs_of
from openbell.values.orders import OrderClass, OrderIntent

#: What one order of a group fills is taken off the others, and only one of them is at the exchange at a time.
_REDUCE = 2


def group(intent: OrderIntent, wire: Callable[[OrderIntent], Any], number: Callable[[], int]) -> tuple[Any, list[Any]]:
    """The order itself, and what is sent for it in the order of sending; ``number`` gives the next order id."""
    own, legs = wire(intent), [wire(leg) for leg in legs_of(intent)]
    if intent.order_class is OrderClass.OCO:
        return own, _either(own, legs, number)
    own.orderId = number()
    for leg in legs:
        leg.parentId, leg.orderId = own.orderId, number()
    for order in (own, *legs)[:-1]:
        order.transmit = False
    return own, [own, *legs]


def _either(own: Any, legs: list[Any], number: Callable[[], int]) -> list[Any]:
    together = [*legs, own]
    for order in together:
        order.ocaGroup, order.ocaType, order.orderId = own.orderRef, _REDUCE, number()
    return together
