"""A fault broker and a gateway double for the tests of adapters."""

from collections.abc import Callable, Iterator

import pytest

from openbell.brokers.ibkr import IBKRBroker
from tests.contracts.ibkr_venue import opened
from tests.faultbroker.process import FaultBroker
from tests.twsdouble.process import TwsDouble


@pytest.fixture
def double(double_process: FaultBroker) -> FaultBroker:
    """A new account and no faults, in one process for the whole module."""
    double_process.reset()
    return double_process


@pytest.fixture
def gateway(gateway_process: TwsDouble) -> TwsDouble:
    """A new account at Interactive Brokers and a price for AAPL."""
    gateway_process.reset()
    gateway_process.quote("AAPL", "99.99", "100.01")
    return gateway_process


@pytest.fixture
def connect(gateway: TwsDouble) -> Iterator[Callable[..., IBKRBroker]]:
    """Opens the account under some terms, and closes it after the test."""
    made = []

    def connect(**terms) -> IBKRBroker:
        made.append(opened(gateway, **terms))
        return made[-1]

    yield connect
    for broker in made:
        broker.close()
