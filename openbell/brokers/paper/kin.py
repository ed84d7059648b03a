"""Orders of a paper account that stand or fall together, with the habits of real venues.

The exits of an entry sleep until it has filled whole, and go with it when it ends before that. What one exit fills is
taken off the other; when one is canceled, so is the other.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from openbell.ports import PaperBook
from openbell.values.legs import parent_of
from openbell.values.orders import Order, OrderState


def asleep(book: PaperBook, order: Order) -> bool:
    """Whether an order waits for its entry."""
    parent = book.order(parent_of(order.client_id)) if parent_of(order.client_id) else None
    return parent is not None and parent.side is not order.side and parent.state is not OrderState.FILLED


def move(book: PaperBook, before: Order, after: Order, kin: Iterable[str]) -> None:
    """What a change of one order does to those that it stands or falls with."""
    gone = after.state.terminal and after.state is not OrderState.FILLED
    for other in [order for name in kin if (order := book.order(name)) is not None and not order.state.terminal]:
        if gone:
            _end(book, other, after, f"order {after.client_id} is {after.state}")
        elif other.side is after.side and after.filled > before.filled:
            _take_off(book, other, after, after.filled - before.filled)


def _take_off(book: PaperBook, other: Order, after: Order, filled: Decimal) -> None:
    if other.remaining <= filled:
        _end(book, other, after, f"order {after.client_id} has closed the position")
    else:
        book.save_order(replace(other, quantity=other.quantity - filled, updated=after.updated))


def _end(book: PaperBook, other: Order, after: Order, reason: str) -> None:
    book.save_order(replace(other, state=OrderState.CANCELED, updated=after.updated, reason=reason))
