"""Faults of the database: locked, gone, given up, restored, of another version."""

import sqlite3
import threading
import time
from contextlib import closing
from datetime import timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, insert, select, text

from openbell.errors import SchemaMismatch, StoreError
from openbell.ports import Breaker, Level
from openbell.store import check, close, open_journal, upgrade
from openbell.store.connect import REPEATS, open_store
from openbell.store.order_tables import BOOKS
from openbell.store.schema import HEAD
from openbell.store.verify import verify
from openbell.values.orders import OrderState
from tests.store.samples import HOUR, PASS, event_of, fill_of, frozen_order, intent_of, slot_at, verdict_of

S = OrderState


@pytest.fixture
def sendable(journal):
    slot = slot_at()
    intent = intent_of(slot)
    journal.claim(slot, "run-1", HOUR)
    journal.freeze(slot, 1, "acct", [intent], [verdict_of(intent)])
    return slot, intent


def state_of(journal, slot):
    return next(iter(journal.frozen(slot).states.values()))


def test_P01_a_store_locked_for_longer_than_five_seconds_sends_nothing(store, journal, sendable):
    slot, intent = sendable
    held, free = threading.Event(), threading.Event()

    def hold():
        with store.writing():
            held.set()
            free.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    started = time.monotonic()
    with pytest.raises(StoreError, match=r"(?i)lock"):
        journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS)
    waited = time.monotonic() - started
    free.set()
    holder.join()
    assert 4 < waited < 20
    assert state_of(journal, slot) is S.APPROVED
    assert journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS) is None


def cut(postgres_url):
    """End every other connection to the database, as a failing server or network would."""
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        admin.execute(f"{query} AND pid <> pg_backend_pid()")


@pytest.fixture
def postgres(postgres_url):
    upgrade(postgres_url)
    return open_journal(postgres_url)


@pytest.mark.postgres
def test_P03_a_connection_lost_inside_the_transaction_leaves_nothing(postgres, postgres_url):
    slot = slot_at()
    intent = intent_of(slot)
    postgres.claim(slot, "run", HOUR)
    postgres.freeze(slot, 1, "acct", [intent], [verdict_of(intent)])
    with pytest.raises(StoreError):
        postgres.begin_send(slot, 1, event_of(intent, S.SENDING), False, lambda _: cut(postgres_url))
    assert state_of(postgres, slot) is S.APPROVED
    assert postgres.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS) is None


@pytest.mark.postgres
@pytest.mark.parametrize("before", [True, False])
def test_P04_after_a_connection_lost_around_the_commit_reading_by_key_decides(postgres, postgres_url, before):
    """Whether the commit got through cannot be told from the error; the state can, and a second mark is refused."""
    slot = slot_at()
    intent = intent_of(slot)
    postgres.claim(slot, "run", HOUR)
    postgres.freeze(slot, 1, "acct", [intent], [verdict_of(intent)])
    engine = open_store(postgres_url).engine
    dialect, real = engine.dialect, engine.dialect.do_commit

    def lose(connection):
        dialect.do_commit = real
        if not before:
            real(connection)
        cut(postgres_url)
        connection.execute("SELECT 1")  # what the driver does next fails

    dialect.do_commit = lose
    with pytest.raises(StoreError):
        postgres.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS)
    assert dialect.do_commit == real
    assert state_of(postgres, slot) is (S.APPROVED if before else S.SENDING)
    (order,) = postgres.unsettled()
    assert order.state is state_of(postgres, slot)


def given_up(journal, store, times):
    """Let the database give up that many of the next write transactions, as it does to resolve a conflict."""
    left = [times]

    def give_up(connection):
        if left[0] and connection.get_execution_options().get("openbell_write"):
            left[0] -= 1
            connection.exec_driver_sql("DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$")

    event.listen(store.engine, "commit", give_up)
    return left


@pytest.mark.postgres
def test_P14_a_given_up_transaction_is_repeated_before_the_send_mark(postgres, postgres_url):
    slot = slot_at()
    intent = intent_of(slot)
    store = open_store(postgres_url)
    given_up(postgres, store, REPEATS)
    assert postgres.claim(slot, "run", HOUR).kind == "won"
    given_up(postgres, store, REPEATS)
    postgres.freeze(slot, 1, "acct", [intent], [verdict_of(intent)])
    given_up(postgres, store, REPEATS)
    asked = []
    postgres.begin_send(slot, 1, event_of(intent, S.SENDING), False, asked.append)
    assert len(asked) == REPEATS + 1
    assert all(found.ok for found in verify(postgres_url))


@pytest.mark.postgres
def test_P14_not_for_ever_and_not_after_the_send_mark(postgres, postgres_url):
    slot = slot_at()
    intent = intent_of(slot)
    store = open_store(postgres_url)
    postgres.claim(slot, "run", HOUR)
    postgres.freeze(slot, 1, "acct", [intent], [verdict_of(intent)])
    given_up(postgres, store, REPEATS + 1)
    with pytest.raises(StoreError, match="conflict"):
        postgres.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS)
    assert state_of(postgres, slot) is S.APPROVED
    postgres.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS)
    left = given_up(postgres, store, 2)
    with pytest.raises(StoreError, match="conflict"):
        postgres.record(event_of(intent, S.ACKED))
    assert left == [1]
    left[0] = 0


def test_P08_a_backup_from_yesterday_is_whole_but_knows_nothing_of_today(tmp_path):
    """What tells a rollback apart is the broker: it has orders whose ids the restored store would give out again."""
    path = tmp_path / "a.db"
    url = f"sqlite:///{path}"
    upgrade(url)
    frozen_order(open_journal(url))
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(tmp_path / "backup.db")) as backup:
        source.backup(backup)
    today = frozen_order(open_journal(url), slot_at(1))
    close(url)
    for name in ("a.db-wal", "a.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / "backup.db").replace(path)
    restored = open_journal(url)
    assert all(found.ok for found in verify(url))
    assert restored.frozen(slot_at(1)) is None
    with pytest.raises(StoreError, match="in no frozen plan"):
        restored.report(event_of(today, S.FILLED), [fill_of(today, 1, "10")])
    close(url)


@pytest.mark.parametrize(("revision", "words"), [("0001", "run openbell migrate"), ("9999", "upgrade openbell")])
def test_P05_another_schema_is_refused_by_name_and_nothing_is_migrated(url, store, revision, words):
    with store.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    with pytest.raises(SchemaMismatch, match=f"has schema {revision}, this openbell needs {HEAD}.*{words}"):
        open_journal(url)
    with pytest.raises(SchemaMismatch):
        verify(url)
    with pytest.raises(SchemaMismatch):
        check(url)


@pytest.fixture(scope="module")
def exact(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('exact') / 'a.db'}"
    upgrade(url)
    yield open_store(url)
    close(url)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.decimals("-1e12", "1e12", places=9))
def test_P12_amounts_come_back_as_they_went_in(exact, amount):
    key = {"account": "a", "plan": "p", "strategy": "s", "symbol": "X"}
    with exact.writing() as connection:
        connection.execute(insert(BOOKS), {**key, "quantity": amount})
        assert connection.execute(select(BOOKS.c.quantity)).scalar_one() == amount
        stored = connection.execute(text("SELECT typeof(quantity) FROM strategy_books")).scalar_one()
        connection.execute(text("DELETE FROM strategy_books"))
    assert stored == "text"


def test_P12_floats_are_refused(exact):
    row = {"account": "a", "plan": "p", "strategy": "s", "symbol": "X", "quantity": 0.1}
    with pytest.raises(StoreError, match="not a finite Decimal"), exact.writing() as connection:
        connection.execute(insert(BOOKS), row)


def test_C21_every_commit_of_the_sqlite_store_reaches_the_disk(tmp_path):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    upgrade(url)
    with open_store(url).writing() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2  # FULL
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    close(url)


def test_store_of_the_first_schema_is_migrated_with_its_switches(tmp_path):
    from alembic import command

    from openbell.store.migrate import alembic_config
    from openbell.store.sqlite_file import make_file

    path = tmp_path / "a.db"
    make_file(path)
    url = f"sqlite:///{path}"
    with open_store(url).writing() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(text("INSERT INTO switches VALUES (1, 'halted', 'ann', 'smoke', 0)"))
    upgrade(url)
    journal = open_journal(url)
    assert (journal.switch().level, journal.switch().epoch) == (Level.HALTED, 1)
    assert journal.set_switch(Level.ACTIVE, "ann", "gone", 1).epoch == 2
    assert journal.breaker("demo", "trade") == Breaker(False, 0)
    assert [found for each in verify(url) for found in each.findings] == []
    close(url)


def test_no_name_or_error_shows_a_password_wherever_it_stands(tmp_path):
    host = "postgresql://ann:s3cret@127.0.0.1:1/books?password=hunter2&sslpassword=pem5"
    store = open_store(host)
    assert store.name == "postgresql+psycopg://ann:***@127.0.0.1:1/books"
    with pytest.raises(StoreError) as raised, store.reading():
        pass
    with pytest.raises(StoreError) as wrong:
        open_store("mysql://ann:s3cret@host/books?password=hunter2")
    for shown in (str(raised.value), str(wrong.value), store.name):
        assert not [secret for secret in ("s3cret", "hunter2", "pem5") if secret in shown]


def test_lease_is_by_the_databases_clock(journal):
    journal.claim(slot_at(), "run", timedelta(seconds=-1))
    assert journal.claim(slot_at(), "run-2", HOUR).kind == "resumed"
