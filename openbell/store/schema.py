"""The schema as a whole: all tables, which of them are insert-only, and the revisions that led here."""

from openbell.store.order_tables import FILLS, INTENTS, ORDER_EVENTS, SWITCHES
from openbell.store.paper_tables import PAPER_ACCOUNTS
from openbell.store.run_tables import EQUITY_POINTS, FRAMES, RUNS, SIGNALS, VERDICTS

METADATA = PAPER_ACCOUNTS.metadata
INSERT_ONLY = tuple(
    sorted(
        table.name for table in (EQUITY_POINTS, FILLS, FRAMES, INTENTS, ORDER_EVENTS, RUNS, SIGNALS, SWITCHES, VERDICTS)
    )
)
#: Every revision of the migrations, oldest first; kept here so that a run need not import Alembic to look.
REVISIONS = ("0001",)
HEAD = REVISIONS[-1]
