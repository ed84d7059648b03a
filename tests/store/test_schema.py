"""Making, migrating and refusing a store."""

import os
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from openbell import store as stores
from openbell.errors import SchemaMismatch, StoreError
from openbell.ports import Level, Lookup
from openbell.ports.permits import Act, Word
from openbell.store import sqlite_file
from openbell.store.alerts import SqlAlertBook
from openbell.store.connect import open_store
from openbell.store.migrate import alembic_config
from openbell.store.outbox import SqlOutbox
from openbell.store.permits import SqlPermits
from openbell.store.schema import HEAD, INSERT_ONLY, METADATA, REVISIONS
from openbell.values.alert import AlertEvent, AlertStep
from openbell.values.orders import OrderState
from tests.store.samples import (
    HOUR,
    START,
    archive_one,
    data_of,
    deliver_one,
    deny_one,
    event_of,
    fill_of,
    frozen_order,
    panel,
    reconcile_one,
    record_of,
    slot_at,
)


def set_revision(url, revision):
    with open_store(url).writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": revision})


def path_of(url):
    return Path(url.removeprefix("sqlite:///"))


# --- migrations ----------------------------------------------------------------------------------------------


def test_upgrade_makes_a_store_from_nothing_and_again_changes_nothing(empty_url):
    assert stores.upgrade(empty_url) == HEAD
    assert stores.upgrade(empty_url) == HEAD
    stores.check(empty_url)


def test_migrations_lead_to_the_tables_of_the_models(store):
    with store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": METADATA})
        assert compare_metadata(context, METADATA) == []
        assert set(METADATA.tables) < set(inspect(connection).get_table_names())


def test_revisions_are_those_of_the_migrations():
    script = ScriptDirectory.from_config(alembic_config())
    assert [revision.revision for revision in script.walk_revisions()] == list(reversed(REVISIONS))


def test_threads_that_make_one_store_make_it_once(empty_url):
    if not empty_url.startswith("sqlite"):
        stores.upgrade(empty_url)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: stores.ensure(empty_url), range(4)))
    stores.check(empty_url)


def test_failed_migration_leaves_the_store_as_it_was(empty_url, tmp_path):
    if empty_url.startswith("sqlite"):
        sqlite_file.make_file(path_of(empty_url))
    with open_store(empty_url).writing() as connection:
        connection.execute(text("CREATE TABLE verdicts (mine INTEGER)"))
    with pytest.raises(StoreError, match="already exists"):
        stores.upgrade(empty_url)
    with open_store(empty_url).reading() as connection:
        assert inspect(connection).get_table_names() == ["verdicts"]


# --- P05 -----------------------------------------------------------------------------------------------------


def test_P05_store_with_an_unknown_newer_schema_is_refused_and_not_touched(url):
    set_revision(url, "9999")
    words = f"has schema 9999, this openbell needs {HEAD}: it was made by a newer openbell; upgrade openbell"
    for use in (stores.check, stores.open_journal, stores.open_paper_ledger, stores.ensure, stores.upgrade):
        with pytest.raises(SchemaMismatch, match=words):
            use(url)


def test_P05_store_with_an_older_schema_is_refused_and_not_migrated_silently(url, monkeypatch):
    monkeypatch.setattr("openbell.store.connect.REVISIONS", ("0000", HEAD))
    set_revision(url, "0000")
    for use in (stores.check, stores.open_journal, stores.open_paper_ledger, stores.ensure):
        with pytest.raises(SchemaMismatch, match=f"has schema 0000, this openbell needs {HEAD}: run openbell migrate"):
            use(url)


def test_P05_reading_is_allowed_whatever_the_schema(url):
    set_revision(url, "9999")
    assert stores.open_history(url).runs() == ()


def test_P05_empty_store_is_named_as_such(empty_url):
    if empty_url.startswith("sqlite"):
        sqlite_file.make_file(path_of(empty_url))
    with pytest.raises(SchemaMismatch, match=r"has schema none \(empty\), .* run openbell migrate"):
        stores.check(empty_url)
    stores.ensure(empty_url)
    stores.check(empty_url)


# --- P07 -----------------------------------------------------------------------------------------------------


@pytest.fixture
def full(store, journal, tmp_path):
    """A store with a row in every insert-only table."""
    archive_one(journal, tmp_path / "archive")
    intent = frozen_order(journal)
    deny_one(journal)
    journal.record(event_of(intent, OrderState.FILLED), [fill_of(intent, 1, "10")])
    journal.seal(record_of(data=data_of(panel())), panel())
    journal.report(event_of(intent, OrderState.FILLED), busts=[fill_of(intent, 1, "10").id])
    journal.looked_up(Lookup(intent.id, START, True))
    journal.alert("TEST", "subject", "detail")
    journal.close_alert(1, "somebody", "seen")
    journal.count("demo", "trade", "broker", "401", at_once=True)
    journal.set_switch(Level.HALTED, "somebody", "fire drill")
    deliver_one(SqlOutbox(store))
    reconcile_one(store)
    fire_one(journal, SqlAlertBook(store))
    SqlPermits(store).say(Word("demo", Act.OFF, "somebody"))
    return store


def fire_one(journal, book):
    """An alert that fired, for a row in the log of its steps."""
    slot = slot_at(job="alerts")
    fencing = journal.claim(slot, "alerts-1", HOUR).fencing
    book.apply(slot, fencing, [AlertEvent("demo", "low", "IBM", "digest", AlertStep.FIRED, START, "")], lambda _: ())


def test_P07_update_and_delete_are_refused_by_the_database(full):
    for table in INSERT_ONLY:
        column = METADATA.tables[table].columns.keys()[0]
        with full.reading() as connection:
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() > 0
        for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
            with pytest.raises(StoreError, match=f"{table} is insert-only"), full.writing() as connection:
                connection.execute(text(statement))


def test_P07_rows_cannot_be_replaced_or_truncated(full):
    if full.engine.dialect.name == "sqlite":
        statement = "INSERT OR REPLACE INTO runs SELECT * FROM runs"
    else:
        statement = "TRUNCATE runs CASCADE"
    with pytest.raises(StoreError, match="is insert-only"), full.writing() as connection:
        connection.execute(text(statement))


def test_projections_may_change(full):
    with full.writing() as connection:
        assert connection.execute(text("UPDATE positions SET mark = '1'")).rowcount == 2
        assert connection.execute(text("DELETE FROM breakers")).rowcount == 1


def test_event_without_its_intent_is_refused_by_the_database(store):
    row = "INSERT INTO orders SELECT 1, 'ob-x', '', '', 'no', '', '', '', '', '', '', '', '0', '0', '0', true, NULL, {}"
    time = "0" if store.engine.dialect.name == "sqlite" else "now()"
    if store.engine.dialect.name == "postgresql":
        row = row.replace("'0', '0', '0'", "0, 0, 0")
    with pytest.raises(StoreError, match=r"(?i)foreign key"), store.writing() as connection:
        connection.execute(text(row.format(time)))


# --- the SQLite file -----------------------------------------------------------------------------------------


@pytest.fixture
def sqlite_url(tmp_path):
    url = f"sqlite:///{tmp_path / 'home' / 'openbell.db'}"
    yield url
    stores.close(url)


def test_file_and_folder_are_for_their_owner_alone(sqlite_url):
    stores.ensure(sqlite_url)
    path = path_of(sqlite_url)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_connections_are_durable_and_check_keys(sqlite_url):
    stores.ensure(sqlite_url)
    with open_store(sqlite_url).reading() as connection:
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
        keys = connection.exec_driver_sql("PRAGMA foreign_keys").scalar()
        wait = connection.exec_driver_sql("PRAGMA busy_timeout").scalar()
    assert (found, keys, wait) == (["wal", 2], 1, 5000)


def test_reading_never_makes_a_store(sqlite_url):
    for use in (stores.check, stores.open_history, stores.open_journal):
        with pytest.raises(StoreError, match=r"there is no store at .*openbell.db; run openbell migrate"):
            use(sqlite_url)
    assert not path_of(sqlite_url).parent.exists()


def test_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"store .*file/openbell.db cannot be made: Not a directory"):
        stores.ensure(f"sqlite:///{tmp_path}/file/openbell.db")
    with pytest.raises(StoreError, match="cannot be made: Is a directory"):
        stores.upgrade(f"sqlite:///{tmp_path}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_without_permission_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be made: Permission denied"):
        stores.ensure(f"sqlite:///{tmp_path}/openbell.db")


def test_file_that_is_no_database_is_named(tmp_path):
    (tmp_path / "notes.db").write_text("not a database at all" * 100)
    with pytest.raises(StoreError, match="file is not a database"):
        stores.ensure(f"sqlite:///{tmp_path}/notes.db")


def test_P13_network_file_system_is_refused(tmp_path):
    path, mounts = tmp_path / "openbell.db", tmp_path / "mounts"
    path.touch()
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nserver:/x {tmp_path} nfs4 rw 0 0\n")
    with pytest.raises(StoreError, match=r"is on a network file system \(nfs4\)"):
        sqlite_file.check_place(path, mounts)
    mounts.write_text(f"server:/x / nfs4 rw 0 0\n/dev/vda {tmp_path} ext4 rw 0 0\n")
    sqlite_file.check_place(path, mounts)
    sqlite_file.check_place(path, tmp_path / "nothing to tell")


def test_P13_store_without_write_ahead_log_is_refused(tmp_path):
    words = r"cannot use a write-ahead log \(journal mode stays memory\)"
    with closing(sqlite3.connect(":memory:")) as connection, pytest.raises(StoreError, match=words):
        sqlite_file.set_up(connection, tmp_path / "openbell.db")


def test_P01_write_fails_closed_after_waiting_five_seconds(url, journal):
    holder = open_store(url)
    with holder.writing():
        with pytest.raises(StoreError, match=r"database is locked|lock timeout"):
            journal.claim(slot_at(), "run-1", HOUR)
        assert journal.frozen(slot_at()) is None
    assert journal.claim(slot_at(), "run-1", HOUR).fencing == 1


# --- URLs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad", ["", "mysql://u:secret@h/d", "sqlite://", "sqlite:///:memory:", "not a url", "oracle:x"]
)
def test_url_of_nothing_that_can_be_a_store_is_refused_without_its_password(bad):
    with pytest.raises(StoreError, match="store") as caught:
        stores.check(bad)
    assert "secret" not in str(caught.value)


def test_postgres_that_does_not_answer_is_named_without_the_password():
    for scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        url = f"{scheme}://ann:secret@127.0.0.1:1/db"
        for use in (stores.check, stores.ensure, stores.upgrade, stores.open_journal):
            with pytest.raises(StoreError, match=r"127\.0\.0\.1.*refused") as caught:
                use(url)
            assert "secret" not in str(caught.value)
        stores.close(url)


def test_unreadable_store_counts_as_halted(journal, url, store):
    with store.writing() as connection:
        connection.execute(text("ALTER TABLE switches RENAME TO gone"))
    switch = journal.switch()
    assert (switch.level, switch.actor) == ("halted", "store")
    assert "cannot be read" in switch.reason
