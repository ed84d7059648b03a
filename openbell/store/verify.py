"""Proof that the store was not edited and adds up: chains, projections, invariants (FAULTS 3)."""

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection

from openbell.store import alert_audit, archive_reading, audit_books, audit_chains, audit_desk, audit_orders, audit_runs
from openbell.store.archive_reading import Archive, open_archive
from openbell.store.audit import Check, Finding
from openbell.store.connect import open_store
from openbell.store.place import beside
from openbell.store.sqlite_file import check_pages

__all__ = ["Check", "Finding", "verify"]


def verify(url: str, archive: Path | None = None) -> tuple[Check, ...]:
    """Every check, on one view of the store; SchemaMismatch or StoreError when it cannot be read at all.

    ``archive`` is the folder of archived months, None: the folder ``archive`` beside a SQLite file.
    """
    store = open_store(url)
    store.check()
    with store.snapshot() as connection:
        return tuple(_checks(connection, open_archive(connection, archive or beside(url))))


def _checks(connection: Connection, archive: Archive) -> Iterator[Check]:
    if connection.dialect.name == "sqlite":
        yield _pages(connection)
    yield audit_chains.triggers(connection)
    yield audit_chains.order_events(connection)
    yield audit_chains.all_logs(connection)
    yield audit_chains.panels(connection)
    yield archive_reading.months(connection, archive)
    yield from audit_runs.records(connection, archive)
    yield from audit_orders.orders(connection)
    yield from audit_books.books(connection)
    yield from audit_desk.desk(connection)
    yield alert_audit.standings(connection)


def _pages(connection: Connection) -> Check:
    check = Check("P10", "pages of the database file")
    for damage in check_pages(connection.connection.driver_connection):
        check.add("file", damage)
    return check
