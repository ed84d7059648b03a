import pytest

from openbell import store
from openbell.settings import load_settings
from tests.orders.desks import Tape, Wire, open_desk


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A store of the test's own."""
    monkeypatch.delenv("OPENBELL_DATABASE_URL", raising=False)
    monkeypatch.setenv("OPENBELL_HOME", str(tmp_path))
    url = load_settings().url
    store.ensure(url)
    yield tmp_path
    store.close(url)


@pytest.fixture
def tape():
    return Tape()


@pytest.fixture
def wire(tape):
    return Wire(tape)


@pytest.fixture
def desk(home, wire):
    return open_desk(home, wire)
