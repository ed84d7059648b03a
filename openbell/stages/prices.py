"""prices: what is held is worth so much now, and has gained or lost so much. What has no price is unknown, not zero."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from openbell.stages.exits import Priced
from openbell.stages.wording import count, money
from openbell.values import canonical
from openbell.values.account import Account
from openbell.values.money import ZERO, cents
from openbell.values.work import Worked


@dataclass(frozen=True, slots=True)
class Worth:
    """One position at a price, in the account's currency."""

    symbol: str
    quantity: Decimal
    mark: Decimal
    value: Decimal
    unrealized: Decimal


def held_symbols(account: Account) -> list[str]:
    """What the account holds, in order."""
    return sorted(symbol for symbol, held in account.positions.items() if held.quantity)


def worth(account: Account, marks: Mapping[str, Decimal]) -> tuple[Worth, ...]:
    """Market value and unrealised P&L to the cent of each position that has a price."""
    held = (account.positions[symbol] for symbol in held_symbols(account) if symbol in marks)
    return tuple(
        Worth(
            p.symbol,
            p.quantity,
            marks[p.symbol],
            cents(p.quantity * marks[p.symbol]),
            cents(p.unrealized(marks[p.symbol])),
        )
        for p in held
    )


def priced_work(account: Account, seen: Priced) -> Worked:
    """The words, counters and details of one look at the prices of an account."""
    found, checked = worth(account, seen.marks), len(held_symbols(account))
    counters = {"checked": checked, "updated": len(found), "unknown": len(seen.unknown)}
    details = {"worth": canonical.plain(list(found)), "unknown": dict(seen.unknown)}
    return Worked(_words(account, found, len(seen.unknown)), counters, details)


def _words(account: Account, found: tuple[Worth, ...], unknown: int) -> str:
    if not (found or unknown):
        return "nothing is held"
    value, gain = sum((w.value for w in found), ZERO), sum((w.unrealized for w in found), ZERO)
    worth_words = f"worth {money(value, account.currency)}, unrealised {money(gain, account.currency)}"
    known = f"{count(len(found), 'position')} {worth_words}"
    return f"{known}; {unknown} without a price" if unknown else known
