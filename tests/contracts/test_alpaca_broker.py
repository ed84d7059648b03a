"""The broker contract on the Alpaca adapter, over HTTP to the fault broker."""

from collections.abc import Callable, Iterator

import pytest

from openbell.ports import Broker
from tests.contracts.alpaca_venue import AlpacaVenue, opened
from tests.contracts.broker_contract import BrokerContract
from tests.contracts.legs_contract import LegsContract
from tests.contracts.venue import Venue
from tests.faultbroker.process import FaultBroker


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultBroker]:
    with FaultBroker(tmp_path_factory.mktemp("broker") / "ledger.jsonl") as double:
        yield double


class TestAlpaca(BrokerContract):
    """A cash account."""

    @pytest.fixture
    def venue(self, double: FaultBroker) -> Venue:
        return AlpacaVenue(double)


class TestAlpacaOnMargin(BrokerContract):
    """A margin account that may go short."""

    @pytest.fixture
    def venue(self, double: FaultBroker) -> Venue:
        return AlpacaVenue(double, shorting=True, multiplier="4")


class TestLegsAtAlpaca(LegsContract):
    """The venue gives legs ids of its own, and tells them under their order alone."""

    @pytest.fixture
    def venue(self, double: FaultBroker) -> AlpacaVenue:
        return AlpacaVenue(double)

    @pytest.fixture
    def another(self, double: FaultBroker, venue: AlpacaVenue) -> Callable[[], Broker]:
        return lambda: opened(double.url)
