"""The broker contract on the IBKR adapter, over the protocol of TWS to the double."""

from collections.abc import Callable, Iterator

import pytest

from openbell.ports import Broker
from tests.contracts.broker_contract import BrokerContract
from tests.contracts.ibkr_venue import IBKRVenue, opened
from tests.contracts.legs_contract import LegsContract
from tests.contracts.venue import Venue
from tests.twsdouble.process import TwsDouble


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwsDouble]:
    with TwsDouble(tmp_path_factory.mktemp("gateway") / "ledger.jsonl") as double:
        yield double


class TestIBKR(BrokerContract):
    """A cash account."""

    @pytest.fixture
    def venue(self, double: TwsDouble) -> Iterator[Venue]:
        venue = IBKRVenue(double)
        yield venue
        venue.broker.close()


class TestIBKROnMargin(BrokerContract):
    """A margin account that may go short."""

    @pytest.fixture
    def venue(self, double: TwsDouble) -> Iterator[Venue]:
        venue = IBKRVenue(double, {"shorting": True}, shorting=True, multiplier="4")
        yield venue
        venue.broker.close()


class TestLegsAtIBKR(LegsContract):
    """Parents, children and groups."""

    @pytest.fixture
    def venue(self, double: TwsDouble) -> Iterator[IBKRVenue]:
        venue = IBKRVenue(double)
        yield venue
        venue.broker.close()

    @pytest.fixture
    def another(self, double: TwsDouble, venue: IBKRVenue) -> Iterator[Callable[[], Broker]]:
        """With a client id of its own: two connections with one are refused."""
        other = opened(double, client_id=72)
        yield lambda: other
        other.close()
