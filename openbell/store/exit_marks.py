"""What the exits job keeps, beside the fills that say what is held."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from openbell.ports.exits import Entry, Watch
from openbell.store.connect import Store, now
from openbell.store.exit_tables import EXIT_MARKS, EXIT_TICKS
from openbell.store.order_tables import BOOKS, BUSTS, FILLS, ORDERS
from openbell.store.prepared import by, change
from openbell.values.money import ZERO
from openbell.values.orders import Side

#: Written under a lock of its own: no send waits for it, and it waits for none.
LOCK = "exits"
_KEY = ("account", "plan", "symbol")


@dataclass(frozen=True, slots=True)
class SqlExitMarks:
    """``ports.exits.ExitMarks`` on a store."""

    store: Store

    def read(self, plan: str, account: str) -> Watch:
        """What the plan holds by its fills, with the prices seen since each position was opened."""
        with self.store.reading() as connection:
            tick = connection.execute(by(EXIT_TICKS, "account", "plan"), {"account": account, "plan": plan}).first()
            newest = select(func.max(FILLS.c.sequence)).where(FILLS.c.account == account)
            fill = connection.execute(newest).scalar() or 0
            entries = _entries(connection, plan, account, tick.fill if tick else 0)
        return Watch(entries, fill, tick.time if tick else None)

    def accounts(self, plan: str) -> tuple[str, ...]:
        """The accounts in which strategies of the plan hold something."""
        query = select(BOOKS.c.account, BOOKS.c.quantity).where(BOOKS.c.plan == plan)
        with self.store.reading() as connection:
            return tuple(sorted({row.account for row in connection.execute(query) if row.quantity}))

    def tick(self, plan: str, account: str, time: datetime, fill: int, entries: Sequence[Entry]) -> None:
        """Note a look, and keep the prices seen; rows of symbols that are not held any more go."""
        key = {"account": account, "plan": plan}
        with self.store.writing(LOCK) as connection:
            _save_tick(connection, key, {"time": time, "fill": fill})
            kept = _marks(connection, plan, account)
            if gone := kept.keys() - {entry.symbol for entry in entries}:
                connection.execute(delete(EXIT_MARKS).filter_by(**key).where(EXIT_MARKS.c.symbol.in_(gone)))
            fresh = [{**key, **_columns(entry)} for entry in entries if entry.symbol not in kept]
            moved = [entry for entry in entries if entry.symbol in kept and _differs(entry, kept[entry.symbol])]
            if fresh:
                connection.execute(insert(EXIT_MARKS), fresh)
            if moved:
                connection.execute(change(EXIT_MARKS, *_KEY), [_change(key, entry) for entry in moved])


def _save_tick(connection: Connection, key: Mapping[str, str], values: Mapping[str, Any]) -> None:
    of = {f"of_{name}": value for name, value in key.items()}
    if not connection.execute(change(EXIT_TICKS, *key), {**of, **values}).rowcount:
        connection.execute(insert(EXIT_TICKS), {**key, **values})


def _columns(entry: Entry) -> dict[str, Any]:
    return {"symbol": entry.symbol, "opened": entry.opened, "high": entry.high, "low": entry.low}


def _change(key: Mapping[str, str], entry: Entry) -> dict[str, Any]:
    values = _columns(entry)
    return {**{f"of_{name}": value for name, value in key.items()}, "of_symbol": values.pop("symbol"), **values}


def _differs(entry: Entry, row: Row[Any]) -> bool:
    return (entry.opened, entry.high, entry.low) != (row.opened, row.high, row.low)


def _marks(connection: Connection, plan: str, account: str) -> dict[str, Row[Any]]:
    rows = connection.execute(by(EXIT_MARKS, "account", "plan"), {"account": account, "plan": plan})
    return {row.symbol: row for row in rows}


def _entries(connection: Connection, plan: str, account: str, known: int) -> tuple[Entry, ...]:
    """By symbol; a position with a fill after ``known`` is looked at anew, and starts anew if it was opened anew."""
    books, marks = _books(connection, plan, account), _marks(connection, plan, account)
    after = select(FILLS.c.symbol).where(FILLS.c.account == account, FILLS.c.sequence > known).distinct()
    touched = set(connection.execute(after).scalars()) if books else set()
    anew = [symbol for symbol in books if symbol in touched or symbol not in marks]
    opened = _openings(connection, plan, account, anew)
    return tuple(
        _entry(symbol, held, opened.get(symbol), marks.get(symbol), connection)
        for symbol, held in sorted(books.items())
    )


def _entry(
    symbol: str, books: Mapping[str, Decimal], opened: datetime | None, mark: Row[Any] | None, connection: Connection
) -> Entry:
    if mark is not None and opened in (None, mark.opened):
        return Entry(symbol, books, mark.opened, mark.high, mark.low)
    return Entry(symbol, books, opened or now(connection))


def _books(connection: Connection, plan: str, account: str) -> dict[str, dict[str, Decimal]]:
    """The part of each strategy by symbol, where they do not add up to nothing."""
    found: dict[str, dict[str, Decimal]] = {}
    for row in connection.execute(select(BOOKS).filter_by(plan=plan, account=account)):
        if row.quantity:
            found.setdefault(row.symbol, {})[row.strategy] = row.quantity
    return {symbol: parts for symbol, parts in found.items() if sum(parts.values(), ZERO)}


def _openings(connection: Connection, plan: str, account: str, symbols: Sequence[str]) -> dict[str, datetime]:
    """When the present position of each symbol was opened, from the plan's fills that were not taken back."""
    if not symbols:
        return {}
    taken = select(BUSTS.c.fill).where(BUSTS.c.account == account)
    columns = (FILLS.c.symbol, FILLS.c.side, FILLS.c.quantity, FILLS.c.time, FILLS.c.id)
    query = (
        select(*columns)
        .join(ORDERS, ORDERS.c.client_id == FILLS.c.client_id)
        .where(FILLS.c.account == account, FILLS.c.symbol.in_(symbols), FILLS.c.id.not_in(taken))
        .where(ORDERS.c.plan == plan)
        .order_by(FILLS.c.symbol, FILLS.c.time, FILLS.c.id)
    )
    rows: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(query):
        rows.setdefault(row.symbol, []).append(row)
    return {symbol: opened for symbol, fills in rows.items() if (opened := _opening(fills))}


def _opening(fills: Iterable[Row[Any]]) -> datetime | None:
    """The time of the last fill that left zero or changed the side."""
    held, opened = ZERO, None
    for fill in fills:
        after = held + fill.quantity * Side(fill.side).sign
        if after and held * after <= 0:
            opened = fill.time
        held = after
    return opened
