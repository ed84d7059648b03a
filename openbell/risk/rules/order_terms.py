"""Only terms that the venue takes: how long, at which hours, with which legs, and how small."""

from collections.abc import Callable
from typing import ClassVar

import numpy as np

from openbell.ports import Capabilities
from openbell.risk.base import Book, Rule, amount, known, units
from openbell.risk.block import Block, Mask, within
from openbell.values.instrument import Instrument
from openbell.values.money import CENT
from openbell.values.orders import OrderClass, OrderIntent, OrderType, Purpose, TimeInForce
from openbell.values.verdict import Ruling

#: What was measured and what it must be; None lets it pass.
Fault = tuple[str, str] | None
#: Legs must lie this far from the price of their order.
_APART = CENT


class OrderTerms(Rule):
    """Holds for exits as well: the venue would refuse them too."""

    order: ClassVar[int] = 35
    applies_to_exits: ClassVar[bool] = True

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Deny what the venue would refuse."""
        for check in _CHECKS:
            if (fault := check(intent, book)) is not None:
                return self.deny(*fault)
        return self.allow(intent, intent.time_in_force.value, "taken by the venue")

    def clears(self, block: Block) -> Mask:
        """Where the venue takes simple orders for the day, of that size."""
        venue, least = block.capabilities, float(block.capabilities.min_notional)
        simple = OrderClass.SIMPLE in venue.order_classes
        taken = block.each(lambda _, of: simple and TimeInForce.DAY in _terms(of, venue) and not (of and of.least))
        notional = block.quantity * block.reference
        large = np.ones(len(notional), np.bool_) if least == 0 else within(np.full(len(notional), least), notional)
        return block.every(taken & (large | ~block.entry))


def _term(intent: OrderIntent, book: Book) -> Fault:
    taken = _terms(book.instruments.get(intent.symbol), book.capabilities)
    if intent.time_in_force in taken:
        return None
    return f"time in force {intent.time_in_force}", "one of " + ", ".join(sorted(taken))


def _terms(instrument: Instrument | None, venue: Capabilities) -> frozenset[TimeInForce]:
    coin = instrument is not None and instrument.asset_class == "crypto"
    return venue.coin_terms if coin else venue.terms


def _hours(intent: OrderIntent, book: Book) -> Fault:
    """Outside the regular hours there are limit orders only, in whole units and without legs."""
    if not intent.extended_hours:
        return None
    if book.capabilities.extended_hours is not True:
        return "extended hours", "regular hours"
    if intent.type is not OrderType.LIMIT or intent.time_in_force is TimeInForce.IOC:
        return f"{intent.type} {intent.time_in_force}", "limit day or gtc in extended hours"
    if intent.order_class is not OrderClass.SIMPLE:
        return intent.order_class.value, "simple in extended hours"
    return None


def _class(intent: OrderIntent, book: Book) -> Fault:
    venue = book.capabilities.order_classes
    if intent.order_class not in venue:
        return intent.order_class.value, "order classes " + ", ".join(sorted(venue))
    if intent.order_class is not OrderClass.SIMPLE and intent.time_in_force is TimeInForce.IOC:
        return f"{intent.order_class} {intent.time_in_force}", "day or gtc"
    return None


def _apart(intent: OrderIntent, book: Book) -> Fault:  # noqa: ARG001
    """The profit lies beyond the price of the order, the loss before it."""
    base, sign = intent.limit_price or intent.reference, intent.side.sign
    sign = sign if intent.purpose is Purpose.ENTRY else -sign
    for name, leg, way in (("take_profit", intent.take_profit, sign), ("stop_loss", intent.stop_loss, -sign)):
        if leg is not None and not (known(leg) and known(base) and (leg - base) * way >= _APART):
            return f"{name} {leg}", f"{'above' if way > 0 else 'below'} {base} by {_APART}"
    return None


def _opens(intent: OrderIntent, book: Book) -> Fault:
    """An entry with legs starts from nothing: the venue refuses it beside a position or a working order."""
    if intent.order_class not in (OrderClass.BRACKET, OrderClass.OTO):
        return None
    if book.occupied(intent.symbol):
        return f"{intent.symbol} is held or has an open order", f"nothing in {intent.symbol}"
    return None


def _quantity(intent: OrderIntent, book: Book) -> Fault:
    of = book.instruments.get(intent.symbol)
    if of is None or of.least == 0:
        return None
    enough = known(intent.quantity) and intent.quantity >= of.least
    return None if enough else (f"{units(intent.quantity)} {intent.symbol}", f"at least {units(of.least)}")


def _size(intent: OrderIntent, book: Book) -> Fault:
    least = book.capabilities.min_notional
    if intent.purpose is not Purpose.ENTRY or least == 0:
        return None
    value = intent.notional if known(intent.reference) and known(intent.quantity) else None
    if value is None:
        return "notional unknown", f"at least {amount(least)}"
    return (f"notional {amount(value)}", f"at least {amount(least)}") if value < least else None


_CHECKS: tuple[Callable[[OrderIntent, Book], Fault], ...] = (_term, _hours, _class, _apart, _opens, _quantity, _size)
