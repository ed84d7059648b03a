"""A whole store into another database, row by row: what was proved there can be proved here."""

from collections.abc import Callable

from sqlalchemy import Connection, Table, func, insert, select

from openbell.errors import StoreError
from openbell.store.connect import Store, now, open_store
from openbell.store.migrate import upgrade
from openbell.store.order_tables import SLOTS
from openbell.store.request_tables import REQUESTS
from openbell.store.schema import METADATA

#: Rows that are read and written at once.
BATCH = 1000
#: Everything in the order of its keys, but the requests of the last minute.
TABLES = tuple(table for table in METADATA.sorted_tables if table is not REQUESTS)


def move(source_url: str, target_url: str, tell: Callable[[int, int], object]) -> int:
    """Copy every row to a store that is new or empty, in one transaction; returns how many. The source stays as it is.

    StoreError while a run of the source is at work, and when the target has rows. ``tell`` hears rows done and in all.
    """
    source = open_store(source_url)
    source.check()
    upgrade(target_url)
    target = open_store(target_url)
    with source.snapshot() as reading, target.writing() as writing:
        _check(source, reading, target, writing)
        total = sum(_count(reading, table) for table in TABLES)
        done = 0
        for table in TABLES:
            done = _copy(table, reading, writing, done, lambda rows: tell(rows, total))
    return done


def _check(source: Store, reading: Connection, target: Store, writing: Connection) -> None:
    if filled := [table.name for table in TABLES if _count(writing, table)]:
        raise StoreError(f"store {target.name} has rows already, in {', '.join(filled[:5])}: name an empty database")
    at_work = select(SLOTS.c.key).where(SLOTS.c.outcome.is_(None), SLOTS.c.lease_until > now(reading))
    if busy := reading.execute(at_work.limit(1)).scalar():
        raise StoreError(f"a run of store {source.name} is at work on {busy}: drain and stop the workers first")


def _copy(table: Table, reading: Connection, writing: Connection, done: int, tell: Callable[[int], object]) -> int:
    rows = reading.execute(select(table).order_by(*table.primary_key.columns).execution_options(yield_per=BATCH))
    for some in rows.mappings().partitions():
        writing.execute(insert(table), [dict(row) for row in some])
        done += len(some)
        tell(done)
    return done


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()
