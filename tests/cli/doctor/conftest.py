"""Doubles of both venues and of a Prefect server."""

import pytest

from openbell.values.job import JOBS
from tests.cli.prefect_double import serving
from tests.contracts.alpaca_venue import CANARY_ID, CANARY_SECRET
from tests.faultbroker.process import FaultBroker
from tests.twsdouble.process import TwsDouble


@pytest.fixture(scope="module")
def alpaca_process(tmp_path_factory):
    with FaultBroker(tmp_path_factory.mktemp("broker") / "ledger.jsonl") as double:
        yield double


@pytest.fixture
def alpaca(alpaca_process):
    alpaca_process.reset()
    alpaca_process.script()
    alpaca_process.keys(CANARY_ID, CANARY_SECRET)
    return alpaca_process


@pytest.fixture(scope="module")
def gateway_process(tmp_path_factory):
    with TwsDouble(tmp_path_factory.mktemp("gateway") / "ledger.jsonl") as double:
        yield double


@pytest.fixture
def gateway(gateway_process):
    gateway_process.reset()
    gateway_process.state(silent=False)
    return gateway_process


@pytest.fixture
def prefect():
    with serving() as double:
        double.deploy(*JOBS)
        yield double
