"""Whether the books of cash add up from look to look, and each snapshot from the one before."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, Table

from openbell.store.audit import DAMAGE, Check, reader, stream
from openbell.store.desk_tables import ADJUSTMENTS, LOOKS, SNAPSHOTS
from openbell.store.order_tables import BUSTS, FILLS
from openbell.store.snapshots import holdings_of
from openbell.values.money import ZERO, cents
from openbell.values.orders import Side


def desk(connection: Connection) -> Iterator[Check]:
    """Every check of this module."""
    yield looks(connection)
    yield snapshots(connection)


def looks(connection: Connection) -> Check:
    """Opening cash + fills + adjustments = cash, from each known look to the next."""
    check = Check("I12", "books of cash = opening, fills and adjustments")
    try:
        moved = _Moved(connection)
    except DAMAGE as error:
        check.add("fills, busts or adjustments", f"cannot be read: {error}")
        return check
    last: dict[str, tuple[Decimal, Decimal]] = {}
    for found in _rows(connection, check, LOOKS, "number"):
        check.rows += 1
        if found.cash is None:
            continue
        now = moved.until(found)
        cash, before = last.get(found.account, (found.cash, now))
        made = cash + now - before
        check.need(found.cash == made, f"looks {found.number}", f"cash is {found.cash}, what was booked makes {made}")
        last[found.account] = (found.cash, now)
    return check


class _Moved:
    """What fills, busts and adjustments have done to cash by their numbers, which only rise from look to look."""

    def __init__(self, connection: Connection) -> None:
        fills = list(_read(connection, FILLS, "sequence"))
        costs = {(f.account, f.id): -(f.quantity * Side(f.side).sign * f.price + f.fee) for f in fills}
        self._rows = {
            "fill": [(f.sequence, f.account, costs[f.account, f.id]) for f in fills],
            "bust": [(b.sequence, b.account, -costs[b.account, b.fill]) for b in _read(connection, BUSTS, "sequence")],
            "adjustment": [(a.number, a.account, a.cash) for a in _read(connection, ADJUSTMENTS, "number")],
        }
        self._place = dict.fromkeys(self._rows, 0)
        self._sums: dict[str, Decimal] = {}

    def until(self, look: Any) -> Decimal:
        """The sum for the account of a look, up to the numbers that it names."""
        for name, rows in self._rows.items():
            while self._place[name] < len(rows) and rows[self._place[name]][0] <= getattr(look, name):
                _, account, cash = rows[self._place[name]]
                self._sums[account] = self._sums.get(account, ZERO) + cash
                self._place[name] += 1
        return self._sums.get(look.account, ZERO)


def snapshots(connection: Connection) -> Check:
    """Total = cash + sum(quantity x mark); the day's gain = total - the one before - what came or went."""
    check = Check("I12", "snapshots add up, and follow one another")
    last: dict[str, Any] = {}
    for found in _rows(connection, check, SNAPSHOTS, "account", "session"):
        check.rows += 1
        where = f"snapshots {found.number} ({found.account} {found.session})"
        for name, made in _made(found, last.get(found.account)).items():
            stored = getattr(found, name)
            check.need(stored == made, where, f"{name} is {stored}, what it is made of gives {made}")
        last[found.account] = found
    return check


def _made(found: Any, before: Any) -> Mapping[str, Any]:
    value = sum((held.quantity * held.mark for held in holdings_of(found.holdings)), ZERO)
    total = cents(found.cash + value)
    daily = None if before is None else total - before.total - found.flows
    equity = found.broker_equity
    return {
        "value": value,
        "total": total,
        "daily": daily,
        "gain": (before.gain if before else ZERO) + (daily or ZERO),
        "previous": before.number if before else 0,
        "difference": None if equity is None else total - cents(equity),
    }


def _rows(connection: Connection, check: Check, table: Table, *order: str) -> Iterator[Any]:
    """The rows that can be read; the others are findings."""
    read = reader(table)
    for found in stream(connection, table, *order):
        try:
            row = SimpleNamespace(**read(found))
            if table is SNAPSHOTS:
                holdings_of(row.holdings)
        except DAMAGE as error:
            check.add(f"{table.name} {found.number}", f"cannot be read: {error}")
        else:
            yield row


def _read(connection: Connection, table: Table, order: str) -> Iterator[Any]:
    read = reader(table)
    return (SimpleNamespace(**read(found)) for found in stream(connection, table, order))
