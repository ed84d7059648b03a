"""Every feed of openbell under the contract of feeds."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from openbell.feeds.files import FilesFeed
from openbell.feeds.sample import SampleFeed
from openbell.values.bars import FIELDS, Timeframe
from tests.contracts.feed_contract import Case, FeedContract
from tests.feeds.frames import AS_OF, XNYS, daily, minutes

SYMBOLS = ("AAA", "BBB", "CCC")


def _write(rows, path, only=None):
    keep = slice(None) if only is None else rows.symbols == only
    columns = {"timestamp": pa.array(rows.times[keep])}
    if rows.times.dtype == "datetime64[ns]":
        columns["timestamp"] = pa.array(rows.times[keep], pa.timestamp("us", "UTC"))
    if only is None:
        columns["symbol"] = pa.array(rows.symbols.tolist())
    table = pa.table(columns | {name: rows.columns[name][keep] for name in FIELDS})
    (parquet.write_table if path.suffix == ".parquet" else csv.write_csv)(table, path)


class TestSample(FeedContract):
    @pytest.fixture
    def case(self):
        symbols = ("AAPL", "FB", "GOOG", "IBM", "MSFT")
        return Case(SampleFeed(), symbols, Timeframe("1d"), datetime(2026, 11, 20, 14, 35, tzinfo=UTC))


class TestSampleOnAnotherExchange(FeedContract):
    @pytest.fixture
    def case(self):
        as_of = datetime(2026, 11, 20, 14, 35, tzinfo=UTC)
        return Case(SampleFeed(exchange="24/7"), ("IBM", "MSFT"), Timeframe("1d"), as_of)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
class TestLongDailyFile(FeedContract):
    @pytest.fixture
    def case(self, tmp_path, suffix):
        _write(daily(), tmp_path / f"bars.{suffix}")
        feed = FilesFeed(tmp_path, f"bars.{suffix}", Timeframe("1d"), XNYS)
        return Case(feed, SYMBOLS, Timeframe("1d"), AS_OF)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
class TestLongIntradayFile(FeedContract):
    @pytest.fixture
    def case(self, tmp_path, suffix):
        _write(minutes(300), tmp_path / f"bars.{suffix}")
        feed = FilesFeed(tmp_path, f"bars.{suffix}", Timeframe("5m"), XNYS)
        return Case(feed, SYMBOLS, Timeframe("5m"), AS_OF)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
class TestOneFilePerSymbol(FeedContract):
    @pytest.fixture
    def case(self, tmp_path, suffix):
        for symbol in SYMBOLS:
            _write(daily(), tmp_path / f"{symbol}.{suffix}", only=symbol)
        feed = FilesFeed(tmp_path, "{symbol}." + suffix, Timeframe("1d"), XNYS)
        return Case(feed, SYMBOLS, Timeframe("1d"), AS_OF)
