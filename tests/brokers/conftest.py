"""A fault broker for the tests of adapters."""

from collections.abc import Iterator

import pytest

from tests.faultbroker.process import FaultBroker


@pytest.fixture(scope="module")
def double_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultBroker]:
    with FaultBroker(tmp_path_factory.mktemp("broker") / "ledger.jsonl") as double:
        yield double


@pytest.fixture
def double(double_process: FaultBroker) -> FaultBroker:
    """A new account and no faults, in one process for the whole module."""
    double_process.reset()
    return double_process
