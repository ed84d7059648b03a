"""Feeds behind failover and behind the cache keep the contract of feeds."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from openbell.calendar.exchange import exchange
from openbell.feeds.cache import CachedFeed
from openbell.feeds.failover import FailoverFeed
from openbell.feeds.files import FilesFeed
from openbell.feeds.sample import SampleFeed
from openbell.values.bars import Timeframe
from tests.contracts.feed_contract import Case, FeedContract
from tests.contracts.test_feeds import SYMBOLS, _write
from tests.feeds.frames import AS_OF, XNYS, daily, minutes
from tests.feeds.source import Source, SourceFeed

DAY, FIVE = Timeframe("1d"), Timeframe("5m")
VENUE = exchange(XNYS)


def files(folder, rows, name, timeframe=DAY, only=None):
    _write(rows if only is None else rows.take(rows.symbols == only), folder / f"{name}.parquet")
    return FilesFeed(folder, f"{name}.parquet", timeframe, XNYS)


@pytest.fixture
def down() -> Iterator[SourceFeed]:
    """A provider that is certainly not there."""
    with Source(daily()) as source:
        port = source.port
    feed = SourceFeed(port, "down")
    yield feed
    feed.close()


class TestFailoverToItsFirst(FeedContract):
    @pytest.fixture
    def case(self, tmp_path):
        feeds = (files(tmp_path, daily(), "one"), files(tmp_path, daily(), "two"))
        return Case(FailoverFeed(feeds, VENUE), SYMBOLS, DAY, AS_OF)


class TestFailoverOfFiveMinutesWithAGap(FeedContract):
    @pytest.fixture
    def case(self, tmp_path):
        rows = minutes(300)
        part = rows.symbols != "BBB"
        whole = files(tmp_path, minutes(300), "two", FIVE)
        feeds = (files(tmp_path, rows.take(part), "one", FIVE), whole)
        return Case(FailoverFeed(feeds, VENUE), SYMBOLS, FIVE, AS_OF)


class TestFailoverThatCompares(FeedContract):
    @pytest.fixture
    def case(self):
        symbols = ("AAPL", "FB", "GOOG", "IBM", "MSFT")
        as_of = datetime(2026, 11, 20, 14, 35, tzinfo=UTC)
        return Case(FailoverFeed((SampleFeed(), SampleFeed()), VENUE, compare=True), symbols, DAY, as_of)


class TestFailoverWithItsFirstDown(FeedContract):
    @pytest.fixture
    def case(self, tmp_path, down):
        feed = FailoverFeed((down, files(tmp_path, daily(), "two")), VENUE, wait=lambda span: None)
        return Case(feed, SYMBOLS, DAY, AS_OF)

    def test_provider_is_named_on_the_feed_and_on_its_bars(self, case):
        assert case.feed.provider == "down"
        assert case.bars().bars.provider == "files two.parquet"


class TestCachedDaily(FeedContract):
    @pytest.fixture
    def case(self, tmp_path):
        feed = CachedFeed(files(tmp_path, daily(), "one"), tmp_path / "cache", VENUE, lambda: AS_OF)
        return Case(feed, SYMBOLS, DAY, AS_OF)


class TestCachedFiveMinutes(FeedContract):
    @pytest.fixture
    def case(self, tmp_path):
        rows = minutes(300).without("BBB", -13, -14, -19).without("AAA", -16)
        feed = CachedFeed(files(tmp_path, rows, "one", FIVE), tmp_path / "cache", VENUE, lambda: AS_OF)
        return Case(feed, SYMBOLS, FIVE, AS_OF)


class TestFailoverOfCachedFeeds(FeedContract):
    @pytest.fixture
    def case(self, tmp_path):
        rows = daily()
        names = {"one": rows.take(rows.symbols != "BBB"), "two": daily()}
        feeds = tuple(
            CachedFeed(files(tmp_path, rows, name), tmp_path / "cache" / name, VENUE, lambda: AS_OF)
            for name, rows in names.items()
        )
        return Case(FailoverFeed(feeds, VENUE), SYMBOLS, DAY, AS_OF)
