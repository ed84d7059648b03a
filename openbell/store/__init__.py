"""The store: journal, history and paper accounts behind one URL, on SQLite or PostgreSQL.

    ensure(url)              make and migrate a store that does not exist yet; else only ``check``
    upgrade(url)             migrate to the newest schema, making the store when there is none; returns the revision
    check(url)               raise SchemaMismatch unless the schema is this version's
    open_journal(url)        what a run reads and writes (ports.Journal)
    open_books(url)          all that a desk works with, at once
    open_history(url)        what people and machines read (ports.History)
    open_health(url)         counts and ages for whoever watches (ports.health.Health)
    open_outbox(url)         messages on their way out (ports.outbox.Outbox)
    open_exit_marks(url)     what the exits job keeps (ports.exits.ExitMarks)
    open_break_book(url)     what reconciliation keeps (ports.breaks.BreakBook)
    open_snapshots(url)      what accounts were worth after each session (ports.snapshots.SnapshotBook)
    open_alert_book(url)     what alerts did and where they stand (ports.alerts.AlertBook)
    open_permits(url)        what people allow plans to do (ports.permits.Permits)
    open_budget(url, ...)    the requests of an account at its venue (ports.budget.RequestBudget)
    open_paper_ledger(url)   where paper accounts live (ports.PaperLedger)
    close(url)               close this process's connections; a later call opens new ones

A URL is ``sqlite:///path`` or ``postgresql://user:password@host/database``. No error shows the password.
"""

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from openbell.ports import History, Journal, PaperLedger
from openbell.ports.alerts import AlertBook
from openbell.ports.breaks import BreakBook
from openbell.ports.budget import RequestBudget
from openbell.ports.exits import ExitMarks
from openbell.ports.health import Health
from openbell.ports.outbox import Outbox
from openbell.ports.permits import Permits
from openbell.ports.snapshots import SnapshotBook
from openbell.store.alerts import SqlAlertBook
from openbell.store.breaks import SqlBreakBook
from openbell.store.connect import Store, check_start, close_store, exists, open_store
from openbell.store.exit_marks import SqlExitMarks
from openbell.store.health import SqlHealth
from openbell.store.history import SqlHistory
from openbell.store.journal import SqlJournal
from openbell.store.outbox import SqlOutbox
from openbell.store.paper import SqlPaperLedger
from openbell.store.permits import SqlPermits
from openbell.store.requests import SqlRequestBudget
from openbell.store.snapshots import SqlSnapshotBook

__all__ = [
    "check",
    "close",
    "ensure",
    "open_alert_book",
    "open_books",
    "open_break_book",
    "open_budget",
    "open_exit_marks",
    "open_health",
    "open_history",
    "open_journal",
    "open_outbox",
    "open_paper_ledger",
    "open_permits",
    "open_snapshots",
    "upgrade",
]


@dataclass(frozen=True, slots=True)
class Books:
    """The store as a desk has it open."""

    journal: Journal
    history: History
    ledger: PaperLedger
    exit_marks: ExitMarks
    breaks: BreakBook
    snapshots: SnapshotBook
    permits: Permits


def ensure(url: str) -> None:
    """Make a store that does not exist yet or is empty; an older or newer one is a SchemaMismatch, never migrated."""
    _ensured(url)


def upgrade(url: str) -> str:
    """Migrate the store to this version's schema, making it when there is none; returns its revision."""
    # By path, because Alembic takes a third of a second to import and a run has nothing to migrate.
    revision: str = importlib.import_module("openbell.store.migrate").upgrade(url)
    return revision


def check(url: str) -> None:
    """SchemaMismatch (names both revisions) unless the schema is this version's; StoreError when unreachable."""
    open_store(url).check()


def open_journal(url: str, halt_file: Path | None = None) -> Journal:
    """The store as a run needs it; while ``halt_file`` exists the switch stands at HALTED. Checks schema and file."""
    store = _checked(url)
    check_start(store)
    return SqlJournal(store, halt_file)


def open_history(url: str, archive: Path | None = None) -> SqlHistory:
    """The store as people and machines read it; one with another schema may still be read.

    With the folder ``archive`` records that were moved there are found too.
    """
    return SqlHistory(open_store(url), archive)


def open_health(url: str, halt_file: Path | None = None) -> Health:
    """Counts and ages for whoever watches. Checks the schema."""
    return SqlHealth(_checked(url), halt_file)


def open_outbox(url: str) -> Outbox:
    """Messages on their way out. Checks the schema."""
    return SqlOutbox(_checked(url))


def open_books(url: str, halt_file: Path | None = None) -> Books:
    """All that a desk works with; ``ensure``, and one check of schema and file for everything."""
    store = _ensured(url)
    check_start(store)
    return Books(
        journal=SqlJournal(store, halt_file),
        history=SqlHistory(store),
        ledger=SqlPaperLedger(store),
        exit_marks=SqlExitMarks(store),
        breaks=SqlBreakBook(store),
        snapshots=SqlSnapshotBook(store),
        permits=SqlPermits(store),
    )


def open_exit_marks(url: str) -> ExitMarks:
    """What the exits job keeps. Checks the schema."""
    return SqlExitMarks(_checked(url))


def open_break_book(url: str) -> BreakBook:
    """What reconciliation keeps. Checks the schema."""
    return SqlBreakBook(_checked(url))


def open_snapshots(url: str) -> SnapshotBook:
    """What accounts were worth after each session. Checks the schema."""
    return SqlSnapshotBook(_checked(url))


def open_alert_book(url: str) -> AlertBook:
    """What alerts did and where they stand. Checks the schema."""
    return SqlAlertBook(_checked(url))


def open_permits(url: str) -> Permits:
    """What people allow plans to do. Checks the schema."""
    return SqlPermits(_checked(url))


def open_budget(url: str, name: str, most: int, ticks: Callable[[], float] = time.time) -> RequestBudget:
    """``most`` requests a minute under a name, shared by all that open it; ``ticks`` are seconds since 1970."""
    return SqlRequestBudget(open_store(url, durable=False), name, most, ticks)


def open_paper_ledger(url: str) -> PaperLedger:
    """Where paper accounts live across processes. Checks the schema."""
    return SqlPaperLedger(_checked(url))


def close(url: str) -> None:
    """Close the connections that this process holds to the store."""
    close_store(url)


def _ensured(url: str) -> Store:
    if not exists(url):
        upgrade(url)
    store = open_store(url)
    found = store.revision()
    if found is None:
        upgrade(url)
    store.check(found)
    return store


def _checked(url: str) -> Store:
    store = open_store(url)
    store.check()
    return store
