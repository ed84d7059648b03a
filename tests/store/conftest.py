"""Stores to test on: each test gets its own, on SQLite and on a real PostgreSQL."""

import os
import uuid

import psycopg
import pytest

from openbell.store import close, open_history, open_journal, open_paper_ledger, upgrade
from openbell.store.connect import open_store

POSTGRES = os.environ.get("OPENBELL_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432")


@pytest.fixture(scope="session")
def postgres_server():
    """Base URL of a PostgreSQL server that answers."""
    try:
        psycopg.connect(f"{POSTGRES}/postgres", connect_timeout=3).close()
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL at {POSTGRES} (set OPENBELL_TEST_POSTGRES): {error}")
    return POSTGRES


@pytest.fixture
def postgres_url(postgres_server):
    """An empty database of its own, dropped afterwards."""
    name = f"openbell_test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        yield f"{postgres_server}/{name}"
        close(f"{postgres_server}/{name}")
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request, tmp_path):
    """URL of a store that was not made yet."""
    if request.param == "postgres":
        yield request.getfixturevalue("postgres_url")
        return
    url = f"sqlite:///{tmp_path / 'home' / 'openbell.db'}"
    yield url
    close(url)


@pytest.fixture
def url(empty_url):
    """URL of a migrated store."""
    upgrade(empty_url)
    return empty_url


@pytest.fixture
def store(url):
    return open_store(url)


@pytest.fixture
def journal(url, tmp_path):
    """The halt file is ``HALT`` in the test's own folder."""
    return open_journal(url, tmp_path / "HALT")


@pytest.fixture
def history(url):
    return open_history(url)


@pytest.fixture
def ledger(url):
    return open_paper_ledger(url)
