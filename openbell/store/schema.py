"""The schema as a whole: all tables, which of them are insert-only, and the revisions that led here."""

from openbell.store.order_tables import BUSTS, FILLS, INTENTS, ORDER_EVENTS
from openbell.store.paper_tables import PAPER_ACCOUNTS
from openbell.store.run_tables import EQUITY_POINTS, FRAMES, RUNS, SIGNALS, VERDICTS
from openbell.store.watch_tables import LOGS

METADATA = PAPER_ACCOUNTS.metadata
_EVENTS = (BUSTS, EQUITY_POINTS, FILLS, FRAMES, INTENTS, ORDER_EVENTS, RUNS, SIGNALS, VERDICTS)
INSERT_ONLY = tuple(sorted(table.name for table in (*_EVENTS, *LOGS)))
#: Every revision of the migrations, oldest first; kept here so that a run need not import Alembic to look.
REVISIONS = ("0001", "0002", "0003", "0004", "0005")
HEAD = REVISIONS[-1]
