"""A home folder for each sweep."""

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENBELL_HOME", str(tmp_path / "home"))
