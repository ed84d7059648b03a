"""The feed contract on the IBKR adapter, over the protocol of TWS to the double."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from openbell.feeds.ibkr import IBKRData, IBKRFeed
from openbell.specs import Surroundings
from openbell.values.bars import Timeframe
from tests.contracts.feed_contract import Case, FeedContract
from tests.twsdouble.process import TwsDouble

SYMBOLS = ("AAPL", "IBM", "MSFT")


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwsDouble]:
    with TwsDouble(tmp_path_factory.mktemp("gateway") / "ledger.jsonl") as double:
        yield double


def opened(double: TwsDouble, **terms) -> IBKRFeed:
    double.reset()
    for symbol in SYMBOLS:
        double.quote(symbol, "99.99", "100.01")
    quick = {"port": double.port, "connect_timeout": 1.0, "request_timeout": 1.0, "history_timeout": 1.0}
    return IBKRData(**(quick | terms)).open(Surroundings(Path("data"), "XNYS", lambda: None))


class TestDaily(FeedContract):
    @pytest.fixture
    def case(self, double):
        feed = opened(double)
        yield Case(feed, SYMBOLS, Timeframe("1d"), datetime.now(UTC))
        feed.close()


class TestDailyWithDividends(FeedContract):
    @pytest.fixture
    def case(self, double):
        feed = opened(double, kind="adjusted_last")
        yield Case(feed, SYMBOLS, Timeframe("1d"), datetime.now(UTC))
        feed.close()


class TestFiveMinutes(FeedContract):
    @pytest.fixture
    def case(self, double):
        feed = opened(double)
        yield Case(feed, SYMBOLS, Timeframe("5m"), datetime.now(UTC))
        feed.close()
