"""Doubles of both venues and of a Prefect server."""

import pytest

from openbell.values.job import JOBS
from tests.cli.prefect_double import serving
from tests.contracts.alpaca_venue import CANARY_ID, CANARY_SECRET


@pytest.fixture
def alpaca(double_process):
    double_process.reset()
    double_process.script()
    double_process.keys(CANARY_ID, CANARY_SECRET)
    return double_process


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
