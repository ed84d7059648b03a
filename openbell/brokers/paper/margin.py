"""What an account may still open: equity x leverage, less gross exposure, less what open orders hold back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from openbell.values.account import Account
from openbell.values.money import CENT, ZERO, cents, floor_to, text
from openbell.values.orders import Order, Side
from openbell.values.quote import Quote


@dataclass(frozen=True, slots=True)
class Working:
    """An open order and the price at which its rest holds back buying power."""

    order: Order
    worth: Decimal


def marks(account: Account, quotes: Mapping[str, Quote]) -> dict[str, Decimal]:
    """A price for every symbol held: the mid, or what was paid where there is no quote."""
    held = (p for p in account.positions.values() if p.quantity)
    return {p.symbol: quotes[p.symbol].mid if p.symbol in quotes else p.average_price for p in held}


def gross(account: Account, prices: Mapping[str, Decimal]) -> Decimal:
    """Sum of |quantity| x price over the positions."""
    return sum((abs(account.quantity(symbol)) * price for symbol, price in prices.items()), ZERO)


def closable(account: Account, symbol: str, side: Side, working: Iterable[Working]) -> Decimal:
    """How much of a position an order of this side may still close: held, less what open orders will close."""
    held = max(ZERO, -side.sign * account.quantity(symbol))
    same = (w.order.remaining for w in working if w.order.symbol == symbol and w.order.side is side)
    return max(ZERO, held - sum(same, ZERO))


def reserved(account: Account, working: Iterable[Working]) -> Decimal:
    """Notional that open orders would open if they all filled; closing a position holds nothing back."""
    earlier: list[Working] = []
    total = ZERO
    for item in working:
        order = item.order
        closes = min(order.remaining, closable(account, order.symbol, order.side, earlier))
        total += (order.remaining - closes) * item.worth
        earlier.append(item)
    return total


def buying_power(
    account: Account, prices: Mapping[str, Decimal], working: Iterable[Working], leverage: Decimal
) -> Decimal:
    """Notional that may still be opened, cut to the cent, not below zero."""
    power = account.equity(prices) * leverage - gross(account, prices) - reserved(account, working)
    return max(ZERO, floor_to(power, CENT))


def breach(account: Account, prices: Mapping[str, Decimal], least: Decimal) -> str:
    """Why nothing more may be opened, empty while equity carries the positions."""
    equity, exposed = account.equity(prices), gross(account, prices)
    if equity >= least * exposed:
        return ""
    margin = text(cents(least * exposed))
    return f"equity {text(equity)} is below the maintenance margin {margin} of gross {text(cents(exposed))}"
