"""The first schema: slots, orders, sealed records, paper accounts."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from openbell.store.columns import Identifier, Instant, Money, Sequence

revision = "0001"
down_revision = None

_INSERT_ONLY = (
    "equity_points",
    "fills",
    "frames",
    "intents",
    "order_events",
    "runs",
    "signals",
    "switches",
    "verdicts",
)


def upgrade() -> None:
    """Forwards; there is no way back but a backup."""
    _records()
    _slots()
    _orders()
    _projections()
    _switches()
    _paper()
    for table in _INSERT_ONLY:
        _refuse_changes(table)


def _records() -> None:
    texts = ("plan", "job", "slot", "outcome", "code", "message", "account", "counters", "previous_hash", "hash")
    op.create_table(
        "runs",
        _key("sequence", Sequence),
        sa.Column("id", Identifier, nullable=False),
        *_columns(sa.String(), *texts),
        *_columns(Instant(), "planned", "as_of", "finished"),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("equity", Money()),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
        sa.UniqueConstraint("id"),
    )
    for columns in (["plan"], ["outcome"], ["plan", "outcome"], ["slot"]):
        _index("runs", *columns, "sequence")
    op.create_table(
        "signals",
        *_of_run(sa.Column("position", sa.Integer(), nullable=False)),
        *_columns(sa.String(), "strategy", "symbol", "stance", "reason"),
        sa.Column("target", sa.Float()),
        sa.Column("confidence", sa.Float(), nullable=False),
    )
    op.create_table(
        "verdicts",
        *_of_run(sa.Column("position", sa.Integer(), nullable=False)),
        *_columns(sa.String(), "intent_id", "symbol", "decision", "rule", "measured", "limit"),
        *_columns(Money(), "asked", "quantity"),
        sa.Column("rulings", sa.Text(), nullable=False),
    )
    _index("verdicts", "intent_id")
    op.create_table(
        "frames",
        _key("digest", sa.String()),
        sa.Column("header", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "equity_points",
        *_of_run(),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("time", Instant(), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        *_columns(Money(), "cash", "equity", "peak"),
    )
    _index("equity_points", "account", "session", "time", "run")


def _slots() -> None:
    op.create_table(
        "slots",
        _key("key", sa.String()),
        *_columns(sa.String(), "plan", "job", "run_id", "account", "code"),
        *_columns(Instant(), "planned", "lease_until"),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("fencing", sa.Integer(), nullable=False),
        sa.Column("frozen_at", Instant()),
        sa.Column("outcome", sa.String()),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("plan", "job", "planned"),
    )


def _orders() -> None:
    op.create_table(
        "intents",
        _key("client_id", sa.String()),
        *_columns(sa.String(), "slot", "symbol", "account"),
        *_columns(sa.Integer(), "position", "judged", "leg"),
        *_columns(sa.Text(), "body", "verdict"),
        sa.PrimaryKeyConstraint("client_id"),
        sa.ForeignKeyConstraint(["slot"], ["slots.key"]),
        sa.UniqueConstraint("slot", "symbol", "leg"),
        sa.UniqueConstraint("slot", "position"),
    )
    op.create_table(
        "order_events",
        _key("sequence", Sequence),
        *_columns(sa.String(), "client_id", "state", "detail", "broker_id", "previous_hash", "hash"),
        *_columns(Instant(), "time", "written"),
        sa.Column("fencing", sa.Integer()),
        sa.PrimaryKeyConstraint("sequence"),
        sa.ForeignKeyConstraint(["client_id"], ["intents.client_id"]),
    )
    _index("order_events", "client_id", "sequence")
    op.create_table(
        "fills",
        _key("sequence", Sequence),
        sa.Column("event", Sequence, nullable=False),
        *_columns(sa.String(), "account", "id", "client_id", "symbol", "side"),
        *_columns(Money(), "quantity", "price", "fee"),
        sa.Column("time", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
        sa.ForeignKeyConstraint(["event"], ["order_events.sequence"]),
        sa.ForeignKeyConstraint(["client_id"], ["intents.client_id"]),
        sa.UniqueConstraint("account", "id"),
    )
    _index("fills", "client_id")
    _index("fills", "account", "sequence")


def _projections() -> None:
    op.create_table(
        "orders",
        _key("number", Sequence),
        *_columns(sa.String(), "client_id", "run_id", "plan", "slot", "account", "symbol", "side", "purpose"),
        *_columns(sa.String(), "state", "broker_id", "detail"),
        *_columns(Money(), "quantity", "filled", "cost"),
        sa.Column("working", sa.Boolean(), nullable=False),
        sa.Column("sent", Instant()),
        sa.Column("updated", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.ForeignKeyConstraint(["client_id"], ["intents.client_id"]),
        sa.ForeignKeyConstraint(["slot"], ["slots.key"]),
        sa.UniqueConstraint("client_id"),
    )
    for columns in (["plan", "number"], ["plan", "account", "sent"], ["working", "number"], ["slot"]):
        _index("orders", *columns)
    op.create_table(
        "positions",
        *_columns(sa.String(), "account", "symbol"),
        *_columns(Money(), "quantity", "average_price", "realized"),
        sa.Column("mark", Money()),
        sa.PrimaryKeyConstraint("account", "symbol"),
    )
    op.create_table(
        "strategy_books",
        *_columns(sa.String(), "account", "plan", "strategy", "symbol"),
        sa.Column("quantity", Money(), nullable=False),
        sa.PrimaryKeyConstraint("account", "plan", "strategy", "symbol"),
    )


def _switches() -> None:
    op.create_table(
        "switches",
        _key("epoch", Sequence),
        *_columns(sa.String(), "level", "actor", "reason"),
        sa.Column("time", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("epoch"),
    )
    op.create_table(
        "breakers",
        *_columns(sa.String(), "plan", "job", "reason"),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("plan", "job"),
    )


def _paper() -> None:
    op.create_table(
        "paper_accounts",
        _key("id", sa.String()),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "paper_orders",
        *_columns(sa.String(), "account", "client_id"),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account", "client_id"),
    )
    _index("paper_orders", "account", "open", "number")
    op.create_table(
        "paper_fills",
        *_columns(sa.String(), "account", "id", "client_id", "symbol", "side"),
        *_columns(Money(), "quantity", "price", "fee"),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("time", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("account", "id"),
    )
    _index("paper_fills", "account", "time", "number")
    op.create_table(
        "paper_notes",
        *_columns(sa.String(), "account", "key"),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account", "key"),
    )


def _columns(kind: Any, *names: str) -> list[Any]:
    return [sa.Column(name, kind, nullable=False) for name in names]


def _key(name: str, kind: Any) -> Any:
    return sa.Column(name, kind, nullable=False, autoincrement=False)


def _of_run(*position: Any) -> list[Any]:
    keys = ["run", *(column.name for column in position)]
    parent = sa.ForeignKeyConstraint(["run"], ["runs.sequence"])
    return [_key("run", Sequence), *position, sa.PrimaryKeyConstraint(*keys), parent]


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _refuse_changes(table: str) -> None:
    """Whatever was written stays as it was written."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE OR REPLACE FUNCTION openbell_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME; END $$"
        )
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
