"""What positions, breaks and snapshots keep."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from openbell.store.columns import Instant, Money, Sequence

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Forwards; there is no way back but a backup."""
    _exits()
    _sending()
    _runs()
    _reconciliation()
    _snapshots()
    _permits()
    _requests()


def _runs() -> None:
    """When a run looked at the clock, the runs of one job, and when each strategy looked."""
    op.create_table(
        "strategy_looks",
        sa.Column("run", Sequence, sa.ForeignKey("runs.sequence"), primary_key=True, autoincrement=False),
        sa.Column("strategy", sa.String(), primary_key=True),
        *_columns(sa.String(), "plan"),
        *_columns(Instant(), "planned"),
    )
    op.create_index("ix_strategy_looks_plan_strategy_planned", "strategy_looks", ["plan", "strategy", "planned"])
    _refuse_changes("strategy_looks")
    op.add_column("runs", sa.Column("clock", Instant()))
    op.create_index("ix_runs_plan_job_sequence", "runs", ["plan", "job", "sequence"])


def _exits() -> None:
    """Prices seen since a position was opened, and when somebody last looked."""
    op.create_table(
        "exit_marks",
        *_columns(sa.String(), "account", "plan", "symbol"),
        *_columns(Instant(), "opened"),
        sa.Column("high", Money()),
        sa.Column("low", Money()),
        sa.PrimaryKeyConstraint("account", "plan", "symbol"),
    )
    op.create_table(
        "exit_ticks",
        *_columns(sa.String(), "account", "plan"),
        *_columns(Instant(), "time"),
        sa.Column("fill", Sequence, nullable=False),
        sa.PrimaryKeyConstraint("account", "plan"),
    )


def _sending() -> None:
    """The quantity that an order was lowered to by the last gate."""
    op.add_column("order_events", sa.Column("quantity", Money()))


def _reconciliation() -> None:
    """Looks at the broker, what breaks are about, and what the books took over without an order of ours."""
    _log(
        "looks",
        *_columns(sa.String(), "account"),
        *_columns(Instant(), "time"),
        *_columns(sa.String(), "result"),
        *_columns(sa.Text(), "detail", "seen"),
        sa.Column("cash", Money()),
        *_columns(Sequence, "fill", "bust", "adjustment", "newest"),
    )
    op.create_index("ix_looks_account_number", "looks", ["account", "number"])
    _log(
        "break_facts",
        *_columns(Sequence, "of_break"),
        *_columns(sa.String(), "symbol"),
        *(sa.Column(name, Money()) for name in ("quantity", "price", "cash")),
    )
    op.create_index("ix_break_facts_of_break", "break_facts", ["of_break"], unique=True)
    _log(
        "adjustments",
        *_columns(Sequence, "of_break"),
        *_columns(sa.String(), "account", "cause", "reference", "symbol", "activity", "plan", "strategy", "actor"),
        *_columns(Money(), "quantity", "cash", "flow"),
        sa.Column("price", Money()),
        *_columns(sa.Text(), "reason"),
        *_columns(Instant(), "time"),
    )
    op.create_index("ix_adjustments_account_symbol_number", "adjustments", ["account", "symbol", "number"])
    op.create_index("ix_adjustments_of_break_number", "adjustments", ["of_break", "number"])


def _snapshots() -> None:
    """One row for each account and session."""
    amounts = ("total", "cash", "value", "gain", "realized", "unrealized", "fees", "activity", "flows", "unexplained")
    _log(
        "snapshots",
        *_columns(sa.String(), "account", "run_id"),
        *_columns(sa.Date(), "session"),
        *_columns(Instant(), "time"),
        *_columns(Sequence, "previous", "adjustment"),
        *_columns(Money(), *amounts),
        *(sa.Column(name, Money()) for name in ("daily", "broker_equity", "difference")),
        *_columns(sa.Text(), "holdings"),
    )
    op.create_index("ix_snapshots_account_session", "snapshots", ["account", "session"], unique=True)


def _log(name: str, *columns: Any) -> None:
    """An insert-only table whose rows are chained."""
    number = sa.Column("number", Sequence, autoincrement=False, nullable=False)
    links = _columns(sa.String(), "previous_hash", "hash")
    op.create_table(name, number, *columns, *links, sa.PrimaryKeyConstraint("number"))
    _refuse_changes(name)


def _refuse_changes(table: str) -> None:
    """Whatever was written stays as it was written."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION openbell_refuse()"
        )
        return
    for verb in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
        )


def _permits() -> None:
    """What people allow a plan to do."""
    _log(
        "permits",
        *_columns(sa.String(), "plan", "job", "act", "actor", "account", "environment", "plan_hash", "build"),
        *_columns(sa.Text(), "reason"),
        *_columns(Instant(), "time"),
        sa.Column("expires", Instant()),
    )
    op.create_index("ix_permits_plan_number", "permits", ["plan", "number"])


def _requests() -> None:
    """What was asked of venues within the last minute."""
    op.create_table(
        "venue_requests",
        sa.Column("number", Sequence, primary_key=True, autoincrement=True),
        *_columns(sa.String(), "budget"),
        *_columns(sa.Float(53), "time"),
        *_columns(sa.Integer(), "spent", "most"),
    )
    op.create_index("ix_venue_requests_budget_time", "venue_requests", ["budget", "time"])


def _columns(kind: Any, *names: str) -> list[Any]:
    return [sa.Column(name, kind, nullable=False) for name in names]
