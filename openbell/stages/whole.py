"""Whether a broker's answer is whole: one that is not is unknown, never flat."""

from collections.abc import Iterable

from openbell.ports.breaks import Kept
from openbell.stages.reconcile import CASH_TOLERANCE, Shown
from openbell.stages.wording import price as price_words
from openbell.values.orders import Fill


def torn(first: Shown, second: Shown) -> str:
    """Why two answers, a quiet time apart, cannot both be whole; empty when what is missing is missing in both."""
    for symbol in sorted({*first.account.positions, *second.account.positions}):
        there = bool(first.account.quantity(symbol)), bool(second.account.quantity(symbol))
        traded = any(fill.symbol == symbol for fill in _since(first, second))
        if there[0] is not there[1] and not traded:
            return f"{symbol} is held in one answer and not in the other"
    return ""


def _since(first: Shown, second: Shown) -> Iterable[Fill]:
    before = {fill.id for fill in first.fills}
    return (fill for fill in second.fills if fill.id not in before)


def hollow(shown: Shown) -> str:
    """Why an empty list of positions is not believed: the broker's own equity counts something besides cash."""
    account = shown.account
    if any(p.quantity for p in account.positions.values()) or account.reported_equity is None:
        return ""
    gap = account.reported_equity - account.cash
    if abs(gap) <= CASH_TOLERANCE:
        return ""
    words = f"equity {price_words(account.reported_equity)} is not cash {price_words(account.cash)}"
    return f"no position is listed, and {words}"


def absent(books: Kept, shown: Shown) -> tuple[str, ...]:
    """Symbols that the books hold and the answer does not have at all."""
    return tuple(s for s, p in sorted(books.positions.items()) if p.quantity and not shown.account.quantity(s))
