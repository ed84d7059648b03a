"""The archive: which records were moved to files, and that only those may be deleted."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from openbell.store.columns import Instant, Sequence

revision = "0006"
down_revision = "0005"

#: Tables whose rows may be deleted once the archive covers them, by the column that names the record.
MOVED = {"runs": "sequence", "signals": "run", "verdicts": "run", "equity_points": "run", "strategy_looks": "run"}


def upgrade() -> None:
    """Forwards; there is no way back but a backup."""
    op.create_table(
        "archives",
        sa.Column("number", Sequence, autoincrement=False, nullable=False),
        *_columns(sa.String(), "month"),
        *_columns(Sequence, "first", "last"),
        *_columns(sa.Integer(), "runs"),
        *_columns(sa.String(), "head", "digest", "host"),
        *_columns(Instant(), "time"),
        *_columns(sa.String(), "previous_hash", "hash"),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "archived_frames",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("archive", Sequence, nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    if op.get_bind().dialect.name == "postgresql":
        _on_postgresql()
    else:
        _on_sqlite()


def _on_sqlite() -> None:
    for table in ("archives", "archived_frames"):
        for verb in ("update", "delete"):
            op.execute(_sqlite_trigger(table, verb, ""))
    for table, column in MOVED.items():
        _replace_on_sqlite(table, f"SELECT 1 FROM archives WHERE OLD.{column} BETWEEN first AND last")  # noqa: S608
    _replace_on_sqlite("frames", "SELECT 1 FROM archived_frames WHERE digest = OLD.digest")


def _replace_on_sqlite(table: str, covered: str) -> None:
    op.execute(f"DROP TRIGGER {table}_no_delete")
    op.execute(_sqlite_trigger(table, "delete", f"WHEN NOT EXISTS ({covered}) "))


def _sqlite_trigger(table: str, verb: str, when: str) -> str:
    return (
        f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} "
        f"{when}BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
    )


def _on_postgresql() -> None:
    for table in ("archives", "archived_frames"):
        op.execute(_statement_trigger(table, "UPDATE OR DELETE OR TRUNCATE"))
    for name, covered in {
        "sequence": "SELECT 1 FROM archives WHERE OLD.sequence BETWEEN first AND last",
        "run": "SELECT 1 FROM archives WHERE OLD.run BETWEEN first AND last",
        "digest": "SELECT 1 FROM archived_frames WHERE digest = OLD.digest",
    }.items():
        op.execute(
            f"CREATE FUNCTION openbell_refuse_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF NOT EXISTS ({covered}) THEN RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME; END IF; "
            "RETURN OLD; END $$"
        )
    for table, column in {**MOVED, "frames": "digest"}.items():
        op.execute(f"DROP TRIGGER {table}_insert_only ON {table}")
        op.execute(_statement_trigger(table, "UPDATE OR TRUNCATE"))
        op.execute(
            f"CREATE TRIGGER {table}_archived_only BEFORE DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION openbell_refuse_{column}()"
        )


def _statement_trigger(table: str, verbs: str) -> str:
    return (
        f"CREATE TRIGGER {table}_insert_only BEFORE {verbs} ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION openbell_refuse()"
    )


def _columns(kind: Any, *names: str) -> list[Any]:
    return [sa.Column(name, kind, nullable=False) for name in names]
