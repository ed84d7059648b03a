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
    _permits()


def _runs() -> None:
    """When a run looked at the clock, and the runs of one job."""
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


def _permits() -> None:
    """What people allow a plan to do."""
    _log(
        "permits",
        *_columns(sa.String(), "plan", "job", "act", "actor", "account", "environment", "plan_hash"),
        *_columns(sa.Text(), "reason"),
        *_columns(Instant(), "time"),
        sa.Column("expires", Instant()),
    )
    op.create_index("ix_permits_plan_number", "permits", ["plan", "number"])


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


def _columns(kind: Any, *names: str) -> list[Any]:
    return [sa.Column(name, kind, nullable=False) for name in names]
