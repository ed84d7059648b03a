"""Adjustments: what the books take over without an order of ours, and what that does to positions and books."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, func, select

from openbell.errors import StoreError
from openbell.store import logs, projections
from openbell.store.connect import now
from openbell.store.desk_tables import ADJUSTMENTS, LOOKS
from openbell.store.order_tables import BOOKS, BUSTS, FILLS, POSITIONS
from openbell.store.prepared import by
from openbell.values.breaks import Activity, NonTrade
from openbell.values.money import STEP, ZERO, floor_to
from openbell.values.orders import Side

#: Who books differences that are too small to ask a person about.
OURSELVES = "openbell"
#: Cause of what the venue itself names, such as a fee.
ACTIVITY = "ACTIVITY"
_COUNTED = {"fill": FILLS, "bust": BUSTS}


def trade(connection: Connection, found: Any, actor: str, reason: str) -> None:
    """A trade that is not ours: its quantity at its price; without cash of its own it came in or went out in kind."""
    price, cash = found.price, found.cash or ZERO
    if found.quantity is None or price is None:
        raise StoreError(f"break {found.number}: its price is not known, so that it cannot be booked")
    flow = ZERO if found.cash is not None else found.quantity * price
    amounts = {"quantity": found.quantity, "price": price, "cash": cash, "flow": flow}
    add(connection, found, amounts, actor, reason)
    projections.rebuild(connection, found.account, found.symbol)


def split(connection: Connection, found: Any, actor: str, reason: str) -> None:
    """Every part of a position by one ratio; what rounding leaves of the strategies' parts goes to the largest."""
    key = {"account": found.account, "symbol": found.symbol}
    held = connection.execute(by(POSITIONS, *key), key).one()
    ratio = (held.quantity + found.quantity) / held.quantity
    add(connection, found, {"quantity": found.quantity}, actor, reason)
    projections.rebuild(connection, found.account, found.symbol)
    parts = [row for row in connection.execute(select(BOOKS).filter_by(**key)) if row.quantity]
    moved = [floor_to(row.quantity * (ratio - 1), STEP) for row in parts]
    if parts and sum((row.quantity for row in parts), ZERO) == held.quantity:
        largest = max(range(len(parts)), key=lambda place: abs(parts[place].quantity))
        moved[largest] += found.quantity - sum(moved, ZERO)
    for row, change in zip(parts, moved, strict=True):
        if change:
            give(connection, found, change, row.plan, row.strategy, actor, reason)


def cash(connection: Connection, found: Any, kind: NonTrade, actor: str, reason: str) -> None:
    """Cash that moved without a trade."""
    amounts = {"cash": found.cash, "flow": found.cash if kind.flow else ZERO}
    add(connection, found, amounts, actor, reason, {"activity": kind.value})


def give(
    connection: Connection, found: Any, quantity: Decimal, plan: str, strategy: str, actor: str, reason: str
) -> None:
    """A quantity for the book of a strategy, out of what the account holds."""
    add(connection, found, {"quantity": quantity}, actor, reason, {"plan": plan, "strategy": strategy})
    key = {"account": found.account, "plan": plan, "strategy": strategy, "symbol": found.symbol}
    held = connection.execute(by(BOOKS, *key), key).first()
    projections.save(connection, BOOKS, key, {"quantity": (held.quantity if held else ZERO) + quantity})


def reassign(connection: Connection, plan: str, old: str, new: str, actor: str, reason: str) -> dict[str, Decimal]:
    """Everything in the books of one strategy to another's; the positions of the accounts stay as they are."""
    books = select(BOOKS).filter_by(plan=plan, strategy=old).order_by(BOOKS.c.account, BOOKS.c.symbol)
    moved: dict[str, Decimal] = {}
    for row in [row for row in connection.execute(books) if row.quantity]:
        found = _Reassigned(row.account, f"{plan}/{old}/{new}", row.symbol)
        give(connection, found, -row.quantity, plan, old, actor, reason)
        give(connection, found, row.quantity, plan, new, actor, reason)
        moved[row.symbol] = moved.get(row.symbol, ZERO) + row.quantity
    return moved


@dataclass(frozen=True, slots=True)
class _Reassigned:
    """What an adjustment names where there is no break behind it."""

    account: str
    subject: str
    symbol: str
    number: int = 0
    kind: str = "REASSIGNED"


def small(connection: Connection, account: str, amount: Decimal) -> None:
    """A difference in cash within the tolerance, so that the books stay exact."""
    kind = NonTrade.FEE if amount < 0 else NonTrade.CORRECTION
    row = _row(0, account, "CASH", "cash", "") | {"cash": amount, "activity": kind.value}
    row |= {"actor": OURSELVES, "reason": "within the tolerance", "time": now(connection)}
    logs.add(connection, ADJUSTMENTS, row)


def activity(connection: Connection, account: str, told: Activity) -> None:
    """What the venue names as the cause itself; in kind it is a position that shrinks and costs the same."""
    found = _Told(account, told.id, told.symbol, told.quantity)
    reason = told.detail or f"{told.kind} by the venue's own word"
    if told.quantity:
        split(connection, found, OURSELVES, reason)
    if told.cash:
        cash(connection, _Told(account, told.id, "", ZERO, told.cash), told.kind, OURSELVES, reason)


@dataclass(frozen=True, slots=True)
class _Told:
    """What an adjustment names that the venue explained itself, so that no break is behind it."""

    account: str
    subject: str
    symbol: str
    quantity: Decimal
    cash: Decimal = ZERO
    number: int = 0
    kind: str = ACTIVITY


def add(
    connection: Connection,
    found: Any,
    amounts: Mapping[str, Decimal | None],
    actor: str,
    reason: str,
    names: Mapping[str, str] | None = None,
) -> None:
    """Append one adjustment for a break."""
    row = _row(found.number, found.account, found.kind, found.subject, found.symbol)
    said = {"actor": actor, "reason": reason, "time": now(connection)}
    logs.add(connection, ADJUSTMENTS, {**row, **amounts, **(names or {}), **said})


def _row(of_break: int, account: str, cause: str, reference: str, symbol: str) -> dict[str, Any]:
    named = {"of_break": of_break, "account": account, "cause": cause, "reference": reference, "symbol": symbol}
    amounts = {"quantity": ZERO, "price": None, "cash": ZERO, "flow": ZERO}
    return {**named, **amounts, "activity": "", "plan": "", "strategy": ""}


def counted(connection: Connection) -> dict[str, int]:
    """How far each kind of row that moves cash goes."""
    numbers = {name: select(func.max(table.c.sequence)) for name, table in _COUNTED.items()}
    numbers["adjustment"] = select(func.max(ADJUSTMENTS.c.number))
    return {name: connection.execute(query).scalar() or 0 for name, query in numbers.items()}


def booked_cash(connection: Connection, account: str) -> Decimal | None:
    """Cash by the books: that of the last known look, moved by all that was written since; None before the first."""
    looks = select(LOOKS).where(LOOKS.c.account == account, LOOKS.c.cash.is_not(None))
    last = connection.execute(looks.order_by(LOOKS.c.number.desc()).limit(1)).first()
    return None if last is None else last.cash + moved_cash(connection, account, last)


def moved_cash(connection: Connection, account: str, since: Any) -> Decimal:
    """What fills, busts and adjustments after a look did to cash."""
    fills = select(FILLS).where(FILLS.c.account == account, FILLS.c.sequence > since.fill)
    taken = select(FILLS).join(BUSTS, (BUSTS.c.account == FILLS.c.account) & (BUSTS.c.fill == FILLS.c.id))
    taken = taken.where(BUSTS.c.account == account, BUSTS.c.sequence > since.bust)
    moved = sum((_cost(row) for row in connection.execute(taken)), ZERO)
    moved -= sum((_cost(row) for row in connection.execute(fills)), ZERO)
    others = select(ADJUSTMENTS.c.cash).where(ADJUSTMENTS.c.account == account, ADJUSTMENTS.c.number > since.adjustment)
    return moved + sum(connection.execute(others).scalars(), ZERO)


def _cost(fill: Any) -> Decimal:
    """What an execution took out of cash."""
    cost: Decimal = fill.quantity * Side(fill.side).sign * fill.price + fill.fee
    return cost
