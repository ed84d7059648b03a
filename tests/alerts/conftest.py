"""An installation of the test's own: a store, and empty places for plans and alerts."""

import shutil

import pytest

from openbell import store
from openbell.settings import load_settings


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """A migrated store to copy."""
    path = tmp_path_factory.mktemp("migrated") / "openbell.db"
    store.upgrade(f"sqlite:///{path}")
    store.close(f"sqlite:///{path}")
    return path


@pytest.fixture
def home(tmp_path, monkeypatch, migrated):
    """The folder that holds the store; ``alerts`` in it is where alert files are looked for."""
    shutil.copy(migrated, tmp_path / "openbell.db")
    (tmp_path / "openbell.db").chmod(0o600)
    monkeypatch.delenv("OPENBELL_DATABASE_URL", raising=False)
    monkeypatch.setenv("OPENBELL_HOME", str(tmp_path))
    monkeypatch.setenv("OPENBELL_ALERTS", str(tmp_path / "alerts"))
    yield tmp_path
    store.close(load_settings().url)
