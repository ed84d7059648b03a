"""Only what the venue can take: instrument, order type, tick, lot and fraction."""

from decimal import Decimal
from typing import ClassVar

from openbell.risk.base import Book, Rule, known, units
from openbell.values.instrument import Instrument
from openbell.values.orders import OrderIntent
from openbell.values.verdict import Ruling


class Tradable(Rule):
    """Holds for exits as well: the venue would refuse them too. Quantities are cut to whole steps, never raised."""

    order: ClassVar[int] = 30
    applies_to_exits: ClassVar[bool] = True

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Deny what the venue cannot take; cut to lot or fraction."""
        instrument = book.instruments.get(intent.symbol)
        if instrument is None:
            return self.unknown(f"instrument {intent.symbol}", "known to the venue")
        if instrument.tradable is not True:
            return self.deny(f"{intent.symbol} is not tradable", "tradable")
        if intent.type not in book.capabilities.order_types:
            return self.deny(intent.type.value, "order types " + ", ".join(sorted(book.capabilities.order_types)))
        off = _off_tick(intent, instrument)
        if off is not None:
            return self.deny(f"price {off}", f"tick {instrument.tick}")
        return self._whole_steps(intent, book)

    def _whole_steps(self, intent: OrderIntent, book: Book) -> Ruling:
        step = book.step(intent)
        if step is None or not known(intent.quantity):
            return self.unknown("quantity", "whole steps")
        measured, limit = units(intent.quantity), f"steps of {units(step)}"
        whole = intent.quantity % step == 0
        return (
            self.allow(intent, measured, limit)
            if whole
            else self.clip(intent, book, intent.quantity - intent.quantity % step, measured, limit)
        )


def _off_tick(intent: OrderIntent, instrument: Instrument) -> Decimal | None:
    for price in (intent.limit_price, intent.stop_price):
        if price is not None and (not known(price) or price % instrument.tick):
            return price
    return None
