"""What exactly-once execution keeps: look-ups, busts, alerts, breaks, breakers by dependency, chained switches."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from openbell.store.columns import Instant, Sequence

revision = "0002"
down_revision = "0001"

_INSERT_ONLY = ("alerts", "breaker_events", "breaks", "busts", "lookups", "resolutions")


def upgrade() -> None:
    """Forwards; there is no way back but a backup."""
    op.add_column("switches", sa.Column("previous_hash", sa.String()))
    op.add_column("switches", sa.Column("hash", sa.String()))
    _breakers()
    _orders()
    for name in ("alerts", "breaks"):
        _log(name, _columns(sa.String(), "account", "kind", "subject"), sa.Column("detail", sa.Text(), nullable=False))
        _index(name, "kind", "subject", "number")
    closes = sa.Column("closes", Sequence, nullable=False)
    _log("resolutions", [*_columns(sa.String(), "log"), closes, *_columns(sa.String(), "actor")], _text("reason"))
    op.create_index("ix_resolutions_log_closes", "resolutions", ["log", "closes"], unique=True)
    for columns in (["plan", "session"], ["outcome", "lease_until"]):
        _index("slots", *columns)
    for table in _INSERT_ONLY:
        _refuse_changes(table)


def _breakers() -> None:
    """Nothing ever wrote the table of 0001."""
    op.drop_table("breakers")
    op.create_table(
        "breakers",
        *_columns(sa.String(), "plan", "job", "dependency", "recent", "reason"),
        *_columns(sa.Boolean(), "open", "latched"),
        *_columns(sa.Integer(), "failures", "probes", "cooldown"),
        sa.Column("opened_at", Instant()),
        sa.Column("retry_at", Instant()),
        sa.PrimaryKeyConstraint("plan", "job", "dependency"),
    )
    _log("breaker_events", _columns(sa.String(), "plan", "job", "dependency", "what", "actor"), _text("reason"))


def _orders() -> None:
    _index("orders", "state", "number")
    _index("fills", "account", "symbol", "time")
    op.create_table(
        "busts",
        sa.Column("sequence", Sequence, nullable=False, autoincrement=False),
        sa.Column("event", Sequence, nullable=False),
        *_columns(sa.String(), "account", "fill", "client_id"),
        sa.PrimaryKeyConstraint("sequence"),
        sa.ForeignKeyConstraint(["event"], ["order_events.sequence"]),
        sa.ForeignKeyConstraint(["client_id"], ["intents.client_id"]),
        sa.UniqueConstraint("account", "fill"),
    )
    _index("busts", "client_id")
    _log(
        "lookups",
        [*_columns(sa.String(), "client_id"), sa.Column("event", Sequence, nullable=False)],
        *_columns(Instant(), "written"),
        sa.Column("found", sa.Boolean(), nullable=False),
        _text("detail"),
        sa.ForeignKeyConstraint(["client_id"], ["intents.client_id"]),
    )
    _index("lookups", "client_id", "number")


def _log(name: str, columns: list[Any], *more: Any) -> None:
    op.create_table(
        name,
        sa.Column("number", Sequence, nullable=False, autoincrement=False),
        *columns,
        *more,
        *_columns(Instant(), "time"),
        *_columns(sa.String(), "previous_hash", "hash"),
        sa.PrimaryKeyConstraint("number"),
    )


def _columns(kind: Any, *names: str) -> list[Any]:
    return [sa.Column(name, kind, nullable=False) for name in names]


def _text(name: str) -> Any:
    return sa.Column(name, sa.Text(), nullable=False)


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
