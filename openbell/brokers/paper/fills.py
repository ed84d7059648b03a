"""The fill model: what of an order trades on a quote, and at what price. Pure, so that a replay fills alike.

Stops and trails look at the last price, fills happen at the touch. What a price did between two quotes is
not seen. A crossed quote fills nothing.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from openbell.values.money import STEP, floor_to
from openbell.values.orders import Order, OrderType, Side
from openbell.values.quote import Quote

_BPS = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class Execution:
    """A quantity and its price; who pays what for it is not known here."""

    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Trigger:
    """What an order with a stop has seen: the best price since it was placed, and whether the stop was hit."""

    extreme: Decimal | None = None
    hit: bool = False


def tick_at(price: Decimal) -> Decimal:
    """Price step: a cent from 1 up and four decimals below, as US venues have it; the finest below a cent."""
    if price >= 1:
        return Decimal("0.01")
    return Decimal("0.0001") if price >= Decimal("0.01") else STEP


def worse(side: Side, price: Decimal) -> Decimal:
    """The price on its tick, rounded against the one who trades, never to nothing."""
    tick = tick_at(price)
    rounding = ROUND_CEILING if side is Side.BUY else ROUND_FLOOR
    return max(tick, (price / tick).to_integral_value(rounding) * tick)


def quantity_step(quantity: Decimal) -> Decimal:
    """Parts of a whole quantity are whole; a fractional one is cut to nine decimals."""
    return STEP if quantity % 1 else Decimal(1)


def watch(order: Order, trigger: Trigger, quote: Quote) -> Trigger:
    """What an order knows after one more quote; a stop once hit stays hit."""
    if trigger.hit or order.type in (OrderType.MARKET, OrderType.LIMIT):
        return trigger
    extreme = trigger.extreme
    if order.trail is not None:
        best = max if order.side is Side.SELL else min
        extreme = quote.last if extreme is None else best(extreme, quote.last)
    stop = stop_level(order, extreme)
    return Trigger(extreme, stop is not None and (quote.last - stop) * order.side.sign >= 0)


def stop_level(order: Order, extreme: Decimal | None) -> Decimal | None:
    """The price at which a stop is hit; for a trailing one, ``trail`` behind the extreme."""
    if order.trail is None or extreme is None:
        return order.stop_price
    return extreme + order.trail * order.side.sign


@dataclass(frozen=True, slots=True)
class FillModel:
    """How a venue fills: slippage beyond the touch, and the largest part of an order per quote."""

    slippage_bps: Decimal = Decimal(1)
    fill_share: Decimal = Decimal(1)

    def match(self, order: Order, trigger: Trigger, quote: Quote) -> Execution | None:
        """What trades of the rest of an order, or None. The price is never worse than the order's limit."""
        waits = order.type not in (OrderType.MARKET, OrderType.LIMIT) and not trigger.hit
        if waits or quote.bid > quote.ask or not _within_limit(order, quote):
            return None
        return Execution(self._part(order), self._price(order, quote))

    def market_price(self, side: Side, quote: Quote) -> Decimal:
        """Ask plus slippage for a buy, bid less slippage for a sell, on the tick."""
        return worse(side, touch(side, quote) * (1 + side.sign * self.slippage_bps / _BPS))

    def _price(self, order: Order, quote: Quote) -> Decimal:
        price = self.market_price(order.side, quote)
        if order.limit_price is None:
            return price
        return min(price, order.limit_price) if order.side is Side.BUY else max(price, order.limit_price)

    def _part(self, order: Order) -> Decimal:
        step = quantity_step(order.quantity)
        largest = max(step, floor_to(order.quantity * self.fill_share, step))
        return min(order.remaining, largest)


def touch(side: Side, quote: Quote) -> Decimal:
    """The price that a market order of this side meets."""
    return quote.ask if side is Side.BUY else quote.bid


def _within_limit(order: Order, quote: Quote) -> bool:
    if order.limit_price is None:
        return True
    return (touch(order.side, quote) - order.limit_price) * order.side.sign <= 0
