"""The broker contract on the paper venue, under several terms."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from openbell import store
from openbell.ports import Broker, PaperLedger
from tests.contracts.broker_contract import BrokerContract
from tests.contracts.legs_contract import LegsContract
from tests.contracts.paper_venue import PaperVenue
from tests.contracts.venue import Venue


class TestPaper(BrokerContract):
    """The terms that a plan gets when it says nothing."""

    @pytest.fixture
    def venue(self) -> Venue:
        return PaperVenue()


class TestPaperWithoutFractions(BrokerContract):
    """Whole shares, fees on everything."""

    @pytest.fixture
    def venue(self) -> Venue:
        fee = {"per_order": "1", "per_share": "0.005", "bps": "0.3", "minimum": "1.25"}
        return PaperVenue(fractions=False, fee=fee, slippage_bps="7")


class TestPaperOnMargin(BrokerContract):
    """Shorts and four times leverage."""

    @pytest.fixture
    def venue(self) -> Venue:
        return PaperVenue(shorting=True, leverage="4")


class TestNarrowPaper(BrokerContract):
    """A venue that takes market and limit orders only."""

    @pytest.fixture
    def venue(self) -> Venue:
        return PaperVenue(order_types=["market", "limit"])


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperLedger]:
    path: Path = tmp_path_factory.mktemp("paper") / "openbell.db"
    url = f"sqlite:///{path}"
    store.ensure(url)
    yield store.open_paper_ledger(url)
    store.close(url)


class TestPaperInTheStore(BrokerContract):
    """The ledger that real runs use, on one database, each test with an account of its own."""

    numbers = count()

    @pytest.fixture
    def venue(self, ledger: PaperLedger) -> Venue:
        return PaperVenue(ledger, account=f"paper-{next(self.numbers)}", shorting=True, leverage="2")


class TestLegsOnPaper(LegsContract):
    """Orders that stand or fall together, in the ledger that real runs use."""

    numbers = count()

    @pytest.fixture
    def venue(self, ledger: PaperLedger) -> PaperVenue:
        return PaperVenue(ledger, account=f"legs-{next(self.numbers)}")

    @pytest.fixture
    def another(self, venue: PaperVenue) -> Callable[[], Broker]:
        return venue.another
