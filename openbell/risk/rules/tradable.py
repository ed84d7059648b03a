"""Only what the venue can take: instrument, order type, tick, lot and fraction."""

from decimal import Decimal
from typing import ClassVar

from openbell.risk.base import Book, Rule, known, units
from openbell.risk.block import Block, Mask
from openbell.values.instrument import Instrument
from openbell.values.money import floor_to
from openbell.values.orders import OrderIntent, OrderType
from openbell.values.verdict import Ruling


class Tradable(Rule):
    """Holds for exits as well: the venue would refuse them too. Quantities are cut to whole steps, never raised."""

    order: ClassVar[int] = 30
    applies_to_exits: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = ("instrument",)

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
            return self.deny(f"price {off}", f"tick {instrument.tick_at(off) if known(off) else instrument.tick}")
        return self._whole_steps(intent, book)

    def clears(self, block: Block) -> Mask:
        """Where the venue takes market orders of these symbols in these steps."""
        market, fractions = OrderType.MARKET in block.capabilities.order_types, block.capabilities.fractions is True
        known = block.kinds(lambda of: market and of is not None and of.tradable is True)
        parts = block.kinds(lambda of: fractions and of is not None and of.fractionable)
        short = block.entry & (block.sign < 0)
        return block.every(known & (block.lots | (block.steps & parts & ~short)))

    def _whole_steps(self, intent: OrderIntent, book: Book) -> Ruling:
        step = book.step(intent)
        if step is None or not known(intent.quantity):
            return self.unknown("quantity", "whole steps")
        measured, limit = units(intent.quantity), f"steps of {units(step)}"
        whole = floor_to(intent.quantity, step)
        return self.clip(intent, book, whole, measured, limit)


def _off_tick(intent: OrderIntent, instrument: Instrument) -> Decimal | None:
    for price in (intent.limit_price, intent.stop_price, intent.take_profit, intent.stop_loss):
        if price is not None and not (known(price) and _on(price, instrument.tick_at(price))):
            return price
    return None


def _on(price: Decimal, tick: Decimal) -> bool:
    return known(tick) and floor_to(price, tick) == price
