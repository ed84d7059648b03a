"""Stores to test on: each test gets its own, on SQLite and on a real PostgreSQL."""

import os
import shutil
import uuid
from pathlib import Path

import psycopg
import pytest

from openbell.store import close, open_history, open_journal, open_paper_ledger, upgrade
from openbell.store.connect import open_store

POSTGRES = os.environ.get("OPENBELL_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432")


@pytest.fixture(scope="session")
def postgres_database():
    """URL of a database for this session, dropped afterwards."""
    try:
        admin = psycopg.connect(f"{POSTGRES}/postgres", connect_timeout=3, autocommit=True)
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL at {POSTGRES} (set OPENBELL_TEST_POSTGRES): {error}")
    name = f"openbell_test_{uuid.uuid4().hex[:12]}"
    with admin:
        admin.execute(f"CREATE DATABASE {name}")
        yield f"{POSTGRES}/{name}"
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_url(postgres_database):
    """URL of an empty schema, which costs less to make than a database."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    # Tests need not survive a power cut.
    url = f"{postgres_database}?options=-csearch_path%3D{name}%20-csynchronous_commit%3Doff"
    # No connection is held meanwhile: a test may end every one that the database has.
    with psycopg.connect(postgres_database, autocommit=True) as admin:
        admin.execute(f"CREATE SCHEMA {name}")
    yield url
    close(url)
    with psycopg.connect(postgres_database, autocommit=True) as admin:
        admin.execute(f"DROP SCHEMA {name} CASCADE")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request, tmp_path):
    """URL of a store that was not made yet."""
    if request.param == "postgres":
        yield request.getfixturevalue("postgres_url")
        return
    url = f"sqlite:///{tmp_path / 'home' / 'openbell.db'}"
    yield url
    close(url)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory):
    """A migrated SQLite store to copy."""
    path = tmp_path_factory.mktemp("migrated") / "openbell.db"
    upgrade(f"sqlite:///{path}")
    close(f"sqlite:///{path}")
    return path


@pytest.fixture
def url(empty_url, migrated_file):
    """URL of a migrated store."""
    if empty_url.startswith("sqlite"):
        path = Path(empty_url.removeprefix("sqlite:///"))
        path.parent.mkdir()
        shutil.copy(migrated_file, path)
    else:
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
