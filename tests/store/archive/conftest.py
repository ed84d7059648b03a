import pytest

from tests.store.archive.months import sealed


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "archive"


@pytest.fixture
def records(journal):
    return sealed(journal)
