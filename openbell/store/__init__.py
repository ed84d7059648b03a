"""The store: journal, history and paper accounts behind one URL, on SQLite or PostgreSQL.

    ensure(url)              make and migrate a store that does not exist yet; else only ``check``
    upgrade(url)             migrate to the newest schema, making the store when there is none; returns the revision
    check(url)               raise SchemaMismatch unless the schema is this version's
    open_journal(url)        what a run reads and writes (ports.Journal)
    open_history(url)        what people and machines read (ports.History)
    open_paper_ledger(url)   where paper accounts live (ports.PaperLedger)

A URL is ``sqlite:///path`` or ``postgresql://user:password@host/database``.
"""

from pathlib import Path

from openbell.ports import History, Journal, PaperLedger


def ensure(url: str) -> None:
    """Make a store that does not exist yet; one that exists is checked and never migrated silently."""
    raise NotImplementedError


def upgrade(url: str) -> str:
    """Migrate the store to this version's schema, making it when there is none; returns its revision."""
    raise NotImplementedError


def check(url: str) -> None:
    """SchemaMismatch (names both revisions) unless the schema is this version's; StoreError when unreachable."""
    raise NotImplementedError


def open_journal(url: str, halt_file: Path | None = None) -> Journal:
    """The store as a run needs it; while ``halt_file`` exists the switch stands at HALTED. Checks the schema."""
    raise NotImplementedError


def open_history(url: str) -> History:
    """The store as people and machines read it."""
    raise NotImplementedError


def open_paper_ledger(url: str) -> PaperLedger:
    """Where paper accounts live across processes. Checks the schema."""
    raise NotImplementedError
