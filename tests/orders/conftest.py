from collections.abc import Iterator

import pytest

from openbell import store
from openbell.settings import load_settings
from tests.faultbroker.process import FaultBroker
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


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultBroker]:
    """A fault broker for the tests of one file."""
    with FaultBroker(tmp_path_factory.mktemp("broker") / "ledger.jsonl") as double:
        yield double


@pytest.fixture
def double(process):
    """The fault broker as if it had only just begun."""
    process.reset()
    return process
