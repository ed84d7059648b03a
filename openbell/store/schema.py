"""The schema as a whole: all tables, which of them are insert-only, and the revisions that led here."""

from openbell.store.archive_tables import ARCHIVED_FRAMES
from openbell.store.order_tables import BUSTS, FILLS, INTENTS, ORDER_EVENTS
from openbell.store.paper_tables import PAPER_ACCOUNTS
from openbell.store.run_tables import EQUITY_POINTS, FRAMES, RUNS, SIGNALS, STRATEGY_LOOKS, VERDICTS
from openbell.store.watch_tables import LOGS

METADATA = PAPER_ACCOUNTS.metadata
#: What follows a record into the archive; a row of these may be deleted once the archive covers it.
MOVED = (RUNS, SIGNALS, VERDICTS, EQUITY_POINTS, STRATEGY_LOOKS)
_EVENTS = (*MOVED, ARCHIVED_FRAMES, BUSTS, FILLS, FRAMES, INTENTS, ORDER_EVENTS)
INSERT_ONLY = tuple(sorted(table.name for table in (*_EVENTS, *LOGS)))
#: Every revision of the migrations, oldest first; kept here so that a run need not import Alembic to look.
REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
HEAD = REVISIONS[-1]
