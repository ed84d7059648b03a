"""What the gate denied of a slot's plan stands in one row; orders are what may be sent."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from openbell.store.columns import Instant, Sequence

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Forwards; there is no way back but a backup."""
    op.create_table(
        "denials",
        sa.Column("number", Sequence, autoincrement=False, nullable=False),
        sa.Column("slot", sa.String(), sa.ForeignKey("slots.key"), nullable=False),
        *_columns(sa.String(), "run_id", "plan", "account"),
        *_columns(Instant(), "time"),
        *_columns(Sequence, "after", "last"),
        *_columns(sa.Integer(), "orders"),
        *_columns(sa.Text(), "intents", "verdicts"),
        *_columns(sa.String(), "previous_hash", "hash"),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("ix_denials_slot", "denials", ["slot"], unique=True)
    op.create_index("ix_denials_plan_number", "denials", ["plan", "number"])
    op.create_index("ix_denials_account_orders", "denials", ["account", "orders"])
    for statement in _refusals(op.get_bind().dialect.name):
        op.execute(statement)


def _refusals(dialect: str) -> list[str]:
    if dialect == "postgresql":
        events = "UPDATE OR DELETE OR TRUNCATE ON denials FOR EACH STATEMENT"
        return [f"CREATE TRIGGER denials_insert_only BEFORE {events} EXECUTE FUNCTION openbell_refuse()"]
    return [
        f"CREATE TRIGGER denials_no_{verb} BEFORE {verb.upper()} ON denials "
        "BEGIN SELECT RAISE(ABORT, 'denials is insert-only'); END"
        for verb in ("update", "delete")
    ]


def _columns(kind: Any, *names: str) -> list[Any]:
    return [sa.Column(name, kind, nullable=False) for name in names]
