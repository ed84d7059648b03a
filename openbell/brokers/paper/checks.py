"""Why the venue refuses an order. Checks run in order; the first that speaks decides.

Modelled on what real venues answer: unique ids for ever, whole ticks, no turn through zero in one order, no
trade with oneself, open orders hold back shares and money.
"""

from collections.abc import Callable
from decimal import Decimal

from openbell.brokers.paper.fills import tick_at
from openbell.brokers.paper.look import Look
from openbell.brokers.paper.margin import closable
from openbell.ports import Rejected
from openbell.values.legs import parent_of
from openbell.values.money import STEP, text
from openbell.values.orders import Order, OrderClass, OrderIntent, OrderType, Side, TimeInForce
from openbell.values.quote import Quote

#: Orders of these types meet any opposite order of the account.
_UNPRICED = (OrderType.MARKET, OrderType.STOP)


def refusal(look: Look, intent: OrderIntent) -> Rejected | None:
    """The first reason against an order, or None."""
    return next((found for check in _CHECKS if (found := check(look, intent)) is not None), None)


def worth(look: Look, intent: OrderIntent, quote: Quote) -> Decimal:
    """The price at which an order holds back buying power: the worst that it is likely to pay."""
    if intent.side is Side.BUY and intent.limit_price is not None:
        return intent.limit_price
    stop = quote.last + intent.trail if intent.trail is not None and intent.side is Side.BUY else intent.stop_price
    known = (look.model.market_price(intent.side, quote), intent.limit_price, stop)
    return max(price for price in known if price is not None)


def _duplicate(look: Look, intent: OrderIntent) -> Rejected | None:
    if look.book.order(intent.id) is None:
        return None
    return Rejected("DUPLICATE", f"client id {intent.id} was used before; ids are unique for ever")


def _type(look: Look, intent: OrderIntent) -> Rejected | None:
    if intent.type in look.terms.order_types:
        return None
    taken = ", ".join(sorted(look.terms.order_types))
    return Rejected("ORDER_TYPE", f"{intent.type} orders are not taken here; {taken} are")


def _quote(look: Look, intent: OrderIntent) -> Rejected | None:
    if intent.symbol in look.quotes:
        return None
    return Rejected("NO_QUOTE", f"{intent.symbol} is unknown or has no quote at {look.now.isoformat()}")


def _tick(look: Look, intent: OrderIntent) -> Rejected | None:  # noqa: ARG001
    for name in ("limit_price", "stop_price", "trail", "take_profit", "stop_loss"):
        price: Decimal | None = getattr(intent, name)
        if price is not None and price % tick_at(price):
            return Rejected("TICK", f"{name} {price} is not a multiple of {text(tick_at(price))}")
    return None


def _fraction(look: Look, intent: OrderIntent) -> Rejected | None:
    quantity = intent.quantity
    if not quantity % 1:
        return None
    if not look.terms.fractions:
        return Rejected("FRACTION", f"quantity {quantity} is not whole and fractions are off")
    if intent.order_class is not OrderClass.SIMPLE:
        return Rejected("FRACTION", f"a fractional quantity takes simple orders only, not {intent.order_class}")
    if quantity % STEP:
        return Rejected("FRACTION", f"quantity {quantity} has more than 9 decimals")
    if intent.time_in_force is not TimeInForce.DAY and "/" not in intent.symbol:
        return Rejected("FRACTION", f"a fractional quantity takes day orders only, not {intent.time_in_force}")
    return None


def _legs(look: Look, intent: OrderIntent) -> Rejected | None:
    """An entry with exits opens, an exit of two prices closes, and the exits lie on either side of the price."""
    if intent.order_class is OrderClass.SIMPLE:
        return None
    if intent.time_in_force is TimeInForce.IOC:
        return Rejected("TERM", f"{intent.order_class} orders are taken for the day or until canceled")
    closes = look.account.quantity(intent.symbol) * intent.side.sign < 0
    if closes is not (intent.order_class is OrderClass.OCO):
        return Rejected("LEGS", f"{intent.order_class} orders must be {'entry' if closes else 'exit'} orders")
    base = intent.limit_price or look.quotes[intent.symbol].last
    way = -intent.side.sign if closes else intent.side.sign
    for name, price, sign in (("take_profit", intent.take_profit, way), ("stop_loss", intent.stop_loss, -way)):
        if price is not None and (price - base) * sign <= 0:
            return Rejected("LEGS", f"{name} {text(price)} is not {'above' if sign > 0 else 'below'} {text(base)}")
    return None


def _short(look: Look, intent: OrderIntent) -> Rejected | None:
    if intent.side is Side.BUY or look.account.quantity(intent.symbol) > 0:
        return None
    if not look.terms.shorting:
        return Rejected("SHORT", f"{intent.symbol} is not held and shorting is off")
    if intent.quantity % 1:
        return Rejected("SHORT", f"quantity {intent.quantity} is not whole; fractions cannot be sold short")
    return None


def _available(look: Look, intent: OrderIntent) -> Rejected | None:
    """An order closes or opens, never both; shares behind open orders are spoken for."""
    held = look.account.quantity(intent.symbol)
    if held * intent.side.sign >= 0:
        return None
    free = _closable(look, intent)
    if intent.quantity <= free:
        return None
    detail = f"available {text(free)}, held {text(held)}; one order cannot turn a position"
    return Rejected("QUANTITY", f"{intent.side} {text(intent.quantity)} {intent.symbol} is above {detail}")


def _wash(look: Look, intent: OrderIntent) -> Rejected | None:
    if intent.order_class is not OrderClass.SIMPLE:
        return None
    others = (o for o in look.book.open_orders() if not parent_of(o.client_id))
    against = (o for o in others if o.symbol == intent.symbol and o.side is not intent.side)
    met = next((order for order in against if _would_meet(order, intent)), None)
    if met is None:
        return None
    return Rejected("WASH_TRADE", f"open order {met.client_id} on the other side could trade with this one")


def _would_meet(order: Order, intent: OrderIntent) -> bool:
    if OrderType.TRAILING_STOP in (order.type, intent.type):
        return False
    if order.type in _UNPRICED or intent.type in _UNPRICED:
        return True
    if order.limit_price is None or intent.limit_price is None:
        return False
    return (intent.limit_price - order.limit_price) * intent.side.sign >= 0


def _margin(look: Look, intent: OrderIntent) -> Rejected | None:
    if _closable(look, intent) >= intent.quantity:
        return None
    if breach := look.breach():
        return Rejected("MAINTENANCE", breach)
    price = worth(look, intent, look.quotes[intent.symbol])
    notional = intent.quantity * price
    cost, power = notional + look.terms.fee.total(intent.quantity, notional), look.buying_power()
    if cost <= power:
        return None
    return Rejected("BUYING_POWER", f"cost {text(cost)} at {text(price)} is above buying power {text(power)}")


def _closable(look: Look, intent: OrderIntent) -> Decimal:
    return closable(look.account, intent.symbol, intent.side, look.working())


_CHECKS: tuple[Callable[[Look, OrderIntent], Rejected | None], ...] = (
    _duplicate,
    _type,
    _quote,
    _tick,
    _fraction,
    _legs,
    _short,
    _available,
    _wash,
    _margin,
)
