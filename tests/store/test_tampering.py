"""X14: one changed byte anywhere in the store is found, and the row is named."""

import sqlite3

from openbell.store import close, open_journal, open_paper_ledger, upgrade
from openbell.store.columns import Row
from tests.store.full import failures, fill_everything, quoted

#: Small states that move on by themselves, and what belongs to Alembic.
FREE = {
    "alembic_version",
    "breakers",
    "exit_marks",
    "exit_ticks",
    "outbox",
    "outbox_marks",
    "paper_notes",
    "paper_orders",
    "venue_requests",
}


#: Columns that move on by themselves.
FREE_COLUMNS = {
    ("slots", name) for name in ("run_id", "fencing", "lease_until", "account", "frozen_at", "code", "outcome")
}


def tampered(value):
    """The value with one byte changed, in every way that its type allows."""
    if isinstance(value, bytes):
        return [value[:-1] + bytes([value[-1] ^ 1]), bytes([value[0] ^ 1]) + value[1:]]
    if isinstance(value, int):
        return [value ^ 1]
    if isinstance(value, float):
        return [value + 0.25]
    places = sorted({len(value) // 2, len(value) - 1}) if value else []
    return [value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :] for at in places]


def loosened(path):
    """The database with no trigger in the way, and how to put them back."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA foreign_keys=OFF")
    made = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in made:
        connection.execute(f"DROP TRIGGER {name}")
    return connection, [sql for _, sql in made]


def test_X14_one_changed_byte_anywhere_is_found_and_the_row_is_named(tmp_path):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    upgrade(url)
    fill_everything(open_journal(url), open_paper_ledger(url), tmp_path / "archive")
    # Edited by somebody who may do anything, and who leaves no trace but the byte itself.
    missed, tried = [], 0
    connection, triggers = loosened(tmp_path / "a.db")
    for sql in triggers:
        connection.execute(sql)
    for table in sorted(set(Row.metadata.tables) - FREE):
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] > 0, table
        for rowid, *values in connection.execute(f"SELECT rowid, * FROM {table}").fetchall():
            for column, value in zip(columns, values, strict=True):
                if value is None or (table, column) in FREE_COLUMNS:
                    continue
                for changed in tampered(value):
                    tried += 1
                    found = found_in(url, connection, triggers, table, column, rowid, value, changed)
                    row = dict(zip(columns, values, strict=True))
                    if not any(
                        names(finding, table, row) or names(finding, table, row | {column: changed})
                        for finding in found
                    ):
                        missed.append((table, column, value, changed))
    close(url)
    connection.close()
    assert not missed, "\n".join(str(found)[:150] for found in missed)
    assert tried > 500


def found_in(url, connection, triggers, table, column, rowid, value, changed):
    connection.execute("BEGIN IMMEDIATE")
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
    of_table = [name for name in names if name.startswith(f"{table}_no_")]
    for name in of_table:
        connection.execute(f"DROP TRIGGER {name}")
    try:
        connection.execute(f"UPDATE {table} SET {quoted(column)} = ? WHERE rowid = ?", (changed, rowid))
    except sqlite3.IntegrityError:
        connection.execute("ROLLBACK")  # the database itself refuses it
        return [("", table, "")]
    for sql in triggers:
        if any(f"TRIGGER {name} " in sql for name in of_table):
            connection.execute(sql)
    connection.execute("COMMIT")
    found = failures(url)
    connection.execute("BEGIN IMMEDIATE")
    for name in of_table:
        connection.execute(f"DROP TRIGGER {name}")
    key = changed if is_rowid(connection, table, column) else rowid
    connection.execute(f"UPDATE {table} SET {quoted(column)} = ? WHERE rowid = ?", (value, key))
    for sql in triggers:
        if any(f"TRIGGER {name} " in sql for name in of_table):
            connection.execute(sql)
    connection.execute("COMMIT")
    return found


def names(finding, table, row):
    """Whether a finding leads to the row: by its table and key, by its order, or by the record that it belongs to."""
    said = f"{finding[1]} {finding[2]}"
    record = f"runs {row['run']}" if table in ("signals", "verdicts") else "\0"
    order = row.get("client_id", "\0")
    return table in said or record in said or str(order) in said


def is_rowid(connection, table, column):
    keys = [(name, kind) for _, name, kind, _, _, key in connection.execute(f"PRAGMA table_info({table})") if key]
    return keys == [(column, "INTEGER")]
