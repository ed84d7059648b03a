"""The feed contract on the Alpaca feed, over HTTP to the fault broker."""

from collections.abc import Iterator

import pytest

from openbell.values.bars import Timeframe
from tests.contracts.feed_contract import Case, FeedContract
from tests.faultbroker.process import FaultBroker
from tests.feeds.alpaca.rows import opened, written
from tests.feeds.frames import AS_OF, SYMBOLS, daily, minutes


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultBroker]:
    with FaultBroker(tmp_path_factory.mktemp("broker") / "ledger.jsonl") as double:
        yield double


def priced(double: FaultBroker) -> FaultBroker:
    double.reset()
    double.set(frozen=AS_OF.timestamp())
    for symbol in SYMBOLS:
        double.quote(symbol, "99.99", "100.01")
    return double


class TestAlpacaDaily(FeedContract):
    @pytest.fixture
    def case(self, double: FaultBroker) -> Case:
        priced(double).bars(written(daily()))
        return Case(opened(double.url), SYMBOLS, Timeframe("1d"), AS_OF)


class TestAlpacaIntraday(FeedContract):
    @pytest.fixture
    def case(self, double: FaultBroker) -> Case:
        priced(double).bars(written(minutes(300)), "5Min")
        return Case(opened(double.url), SYMBOLS, Timeframe("5m"), AS_OF)
