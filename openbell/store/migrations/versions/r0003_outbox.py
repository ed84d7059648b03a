"""Messages for people on their way out."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from openbell.store.columns import Instant, Sequence

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Forwards; there is no way back but a backup."""
    op.create_table(
        "outbox",
        *_columns(sa.String(), "id", "source", "target", "plan", "level", "kind", "key", "subject"),
        *_columns(sa.String(), "state", "error", "merged_into"),
        *_columns(sa.Text(), "body"),
        *_columns(Instant(), "created", "expires", "next_try", "last_seen"),
        *_columns(sa.Integer(), "tries", "times"),
        sa.Column("claimed_until", Instant()),
        sa.PrimaryKeyConstraint("id"),
    )
    _index("outbox", "state", "plan", "target", "next_try")
    _index("outbox", "target", "key", "next_try")
    _index("outbox", "created")
    op.create_table(
        "outbox_marks",
        *_columns(sa.String(), "plan", "log"),
        sa.Column("position", Sequence, nullable=False),
        sa.PrimaryKeyConstraint("plan", "log"),
    )
    op.create_table(
        "deliveries",
        sa.Column("number", Sequence, nullable=False, autoincrement=False),
        *_columns(sa.String(), "message", "target", "state", "previous_hash", "hash"),
        *_columns(sa.Integer(), "attempt"),
        *_columns(sa.Text(), "detail"),
        *_columns(Instant(), "time"),
        sa.PrimaryKeyConstraint("number"),
    )
    _index("deliveries", "message", "number")
    _refuse_changes("deliveries")


def _columns(kind: Any, *names: str) -> list[Any]:
    return [sa.Column(name, kind, nullable=False) for name in names]


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


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
