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


def _columns(kind: Any, *names: str) -> list[Any]:
    return [sa.Column(name, kind, nullable=False) for name in names]
