"""Bars and quotes of coins: a service of their own, days that begin in the United States, no tape."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from openbell.values.bars import Timeframe
from openbell.values.market import DropCode
from tests.feeds.alpaca.rows import opened

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY, HOUR = Timeframe("1d"), Timeframe("1h")
COIN = "BTC/USD"


@pytest.fixture
def double(double_process):
    """Thirty days and as many hours of a coin; days begin at midnight in Chicago."""
    double_process.reset()
    double_process.set(frozen=NOW.timestamp())
    double_process.bars({COIN: [row(NOW.replace(hour=6) - timedelta(days=n), n) for n in range(30, -1, -1)]})
    double_process.quote(COIN, "90000.1", "90000.9")
    double_process.quote("AAPL", "99.99", "100.01")
    return double_process


def row(time, n):
    price = 90_000 + n
    return {"t": time.strftime("%Y-%m-%dT%H:%M:%SZ"), "o": price, "h": price + 1, "l": price - 1, "c": price, "v": 0.5}


def paths(double):
    return [line["path"] for line in double.ledger("request")]


def test_G47_daily_bars_of_a_coin_are_those_of_days_that_are_over(double):
    checked = opened(double.url, exchange="24/7").bars((COIN,), DAY, 10, NOW)
    assert (checked.bars.symbols, len(checked.bars)) == ((COIN,), 10)
    assert checked.bars.times[-1] == np.datetime64("2026-11-21T00:00")
    assert checked.bars.close[-1, 0] == 90_001, "the day that began this morning is not over"
    assert set(paths(double)) == {"/v1beta3/crypto/us/bars"}


def test_G47_before_its_day_is_over_a_coin_is_stale_and_nothing_of_the_future_is_shown(double):
    checked = opened(double.url, exchange="24/7").bars((COIN,), DAY, 10, NOW.replace(hour=5))
    assert [drop.code for drop in checked.dropped] == [DropCode.STALE]


def test_G47_stocks_and_coins_are_asked_for_apart_and_told_together(double):
    feed = opened(double.url, exchange="24/7")
    quotes = feed.quotes(("AAPL", COIN, "NONE/USD"), NOW)
    assert set(quotes) == {"AAPL", COIN}
    assert (quotes[COIN].bid, quotes[COIN].ask) == (Decimal("90000.1"), Decimal("90000.9"))
    assert len(paths(double)) == 4
    checked = feed.bars(("AAPL", COIN), DAY, 10, NOW)
    assert (checked.bars.symbols, [drop.symbol for drop in checked.dropped]) == ((COIN,), ["AAPL"])


def test_a_pair_that_is_none_spoils_nothing_for_the_others(double):
    checked = opened(double.url, exchange="24/7").bars((COIN, "TOOLONGNAME/X"), DAY, 10, NOW)
    assert checked.bars.symbols == (COIN,)
    assert "no symbol of a coin" in checked.dropped[0].detail
