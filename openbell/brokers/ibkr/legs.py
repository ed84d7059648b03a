"""The exits of a bracket: children of the entry, of which one cancels the other.

All but the last go out untransmitted, and the last one lets the whole group go: the gateway forgets an entry whose
exits never came.
"""

from collections.abc import Callable
from typing import Any

from openbell.values.orders import OrderIntent, Side
from openbell.venues.ibkr.sdk import Order as WireOrder

#: Begins the reference of an exit; it is no client id of ours, because no run has sent it on its own.
LEG = "leg-"


def group(entry: Any, intent: OrderIntent, number: Callable[[], int]) -> list[Any]:
    """The entry and its exits in the order of sending; ``number`` gives the next order id."""
    exits = [leg for leg in (_profit(intent), _loss(intent)) if leg is not None]
    for leg in exits:
        leg.action = (Side.SELL if intent.side is Side.BUY else Side.BUY).value.upper()
        leg.totalQuantity, leg.account, leg.outsideRth = entry.totalQuantity, entry.account, False
        leg.parentId, leg.orderId = entry.orderId, number()
        # The exits outlive the day of the entry: what is held overnight stays protected.
        leg.tif, leg.transmit = "GTC", False
    everything = [entry, *exits]
    for order in everything:
        order.transmit = order is everything[-1]
    return everything


def _profit(intent: OrderIntent) -> Any:
    if intent.take_profit is None:
        return None
    leg = WireOrder()
    leg.orderType, leg.lmtPrice, leg.orderRef = "LMT", float(intent.take_profit), f"{LEG}profit-{intent.id}"
    return leg


def _loss(intent: OrderIntent) -> Any:
    if intent.stop_loss is None:
        return None
    leg = WireOrder()
    leg.orderType, leg.auxPrice, leg.orderRef = "STP", float(intent.stop_loss), f"{LEG}loss-{intent.id}"
    return leg
