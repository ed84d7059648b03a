"""Where each alert rule stands."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from openbell.store.columns import Instant, Sequence

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Forwards; there is no way back but a backup."""
    op.create_table(
        "alert_events",
        sa.Column("number", Sequence, nullable=False, autoincrement=False),
        *_columns(sa.String(), "plan", "alert", "symbol", "definition", "step", "slot"),
        *_columns(Instant(), "at", "time"),
        *_columns(sa.Text(), "detail"),
        *_columns(sa.String(), "previous_hash", "hash"),
        sa.PrimaryKeyConstraint("number"),
    )
    _index("alert_events", "slot", "alert", "symbol", unique=True)
    _index("alert_events", "plan", "alert", "number")
    _refuse_changes("alert_events")
    op.create_table(
        "alert_standings",
        *_columns(sa.String(), "plan", "alert", "symbol", "definition"),
        *_columns(sa.Boolean(), "armed"),
        *_columns(Instant(), "since"),
        sa.Column("event", Sequence, nullable=False),
        sa.PrimaryKeyConstraint("plan", "alert", "symbol"),
    )


def _columns(kind: Any, *names: str) -> list[Any]:
    return [sa.Column(name, kind, nullable=False) for name in names]


def _index(table: str, *columns: str, unique: bool = False) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns), unique=unique)


def _refuse_changes(table: str) -> None:
    """Whatever was written stays as it was written."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION openbell_refuse()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
        )
