"""Whose part of an order is how much."""

from collections.abc import Sequence
from decimal import Decimal, localcontext

from openbell.values.money import STEP, ZERO, floor_to
from openbell.values.orders import Share

#: Digits that keep every sum of quantity x price of an order exact.
_EXACT = 80


def split(shares: Sequence[Share], filled: Decimal) -> dict[str, Decimal]:
    """A signed quantity by strategy, pro rata to what each asked for; what rounding leaves goes to the largest.

    Strategies that pull in opposite directions keep their signs. The parts add up to ``filled``.
    """
    asked: dict[str, Decimal] = {}
    for share in shares:
        asked[share.strategy] = asked.get(share.strategy, ZERO) + share.quantity
    if not asked:
        return {}
    with localcontext(prec=_EXACT):
        total = sum(asked.values(), ZERO)
        alike = total * filled > 0
        parts = {name: floor_to(filled * part / total, STEP) if alike else ZERO for name, part in asked.items()}
        largest = max(asked, key=lambda name: (abs(asked[name]), name))
        parts[largest] += filled - sum(parts.values(), ZERO)
    return parts
