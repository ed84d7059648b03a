"""Doubles of both venues, each in one process for the tests of a module."""

from collections.abc import Iterator

import pytest

from tests.faultbroker.process import FaultBroker
from tests.twsdouble.process import TwsDouble


@pytest.fixture(scope="module")
def double_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultBroker]:
    with FaultBroker(tmp_path_factory.mktemp("broker") / "ledger.jsonl") as double:
        yield double


@pytest.fixture(scope="module")
def gateway_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwsDouble]:
    with TwsDouble(tmp_path_factory.mktemp("gateway") / "ledger.jsonl") as gateway:
        yield gateway
