"""Logs: insert-only tables whose rows count without a gap and are chained by hash."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Table, insert

from openbell.store.prepared import newest
from openbell.store.sealing import GENESIS, chain
from openbell.store.texts import content_hash, to_json
from openbell.values.money import text
from openbell.values.time import iso

_LINKS = frozenset({"previous_hash", "hash"})


def add(connection: Connection, table: Table, row: Mapping[str, Any]) -> int:
    """Append a row to a log; returns its number. The caller holds the write lock."""
    return add_all(connection, table, [row])[0]


def add_all(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Append rows to a log in one statement; returns their numbers. The caller holds the write lock."""
    key = key_of(table)
    last = connection.execute(newest(table, key, "hash")).first()
    number, previous = (last[0], last[1] or GENESIS) if last else (0, GENESIS)
    linked: list[dict[str, Any]] = []
    for place, row in enumerate(rows, start=1):
        each = {**row, key: number + place, "previous_hash": previous}
        previous = row_hash(table, each)
        linked.append({**each, "hash": previous})
    connection.execute(insert(table), linked)
    return [each[key] for each in linked]


def key_of(table: Table) -> str:
    """The column that numbers the rows."""
    return next(iter(table.primary_key.columns)).name


def row_hash(table: Table, row: Mapping[str, Any]) -> str:
    """What the hash of a row must be after the ``previous_hash`` that it names."""
    key = key_of(table)
    names = [column.name for column in table.columns if column.name not in {*_LINKS, key}]
    content = content_hash(to_json([_plain(row[name]) for name in names]))
    return chain(row["previous_hash"], row[key], content)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return text(value)
    if isinstance(value, datetime):
        return iso(value)
    return value.isoformat() if isinstance(value, date) else value
