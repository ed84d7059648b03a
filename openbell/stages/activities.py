"""Differences that the venue itself explains: fees, dividends, interest, deposits. Nothing here asks or writes."""

from collections.abc import Iterable
from decimal import Decimal

from openbell.ports.breaks import Kept
from openbell.stages.reconcile import CASH_TOLERANCE, QUANTITY_TOLERANCE, Compared
from openbell.values.breaks import Activity, Cause
from openbell.values.money import ZERO

#: How a position that differs without a trade is told.
_OF_POSITIONS = (Cause.FOREIGN_TRADE, Cause.MISSING_POSITION)


def gaps(compared: Compared) -> dict[str, Decimal]:
    """What may be explained: cash under the empty name, and quantities of coins, of which fees are taken in kind."""
    cash = sum((one.cash or ZERO for one in compared.differences if one.cause is Cause.CASH), compared.small)
    coins = {
        one.symbol: one.quantity or ZERO
        for one in compared.differences
        if one.cause in _OF_POSITIONS and one.subject == one.symbol and "/" in one.symbol
    }
    return {name: gap for name, gap in {"": cash, **coins}.items() if gap}


def explaining(books: Kept, compared: Compared, told: Iterable[Activity]) -> tuple[Activity, ...]:
    """What is not booked yet and explains a difference as a whole, the newest first.

    The rest stays for another look: it may be told before it is taken, or be part of what the books began with.
    """
    left = gaps(compared)
    found: list[tuple[str, Activity]] = []
    for one in sorted(told, key=lambda one: (one.time, one.id), reverse=True):
        name, amount = (one.symbol, one.quantity) if one.quantity else ("", one.cash)
        gap = left.get(name, ZERO)
        if one.id not in books.taken and abs(gap - amount) < abs(gap):
            found.append((name, one))
            left[name] = gap - amount
    return tuple(one for name, one in found if abs(left[name]) <= (QUANTITY_TOLERANCE if name else CASH_TOLERANCE))
