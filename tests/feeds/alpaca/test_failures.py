"""Alpaca's feed when it does not answer, answers too late, or refuses."""

import time

import pytest

from openbell.errors import DataError, FeedUnavailable, KeysRefused
from tests.feeds.alpaca.asked import BARS, many
from tests.feeds.alpaca.rows import Waits, opened
from tests.feeds.frames import AS_OF, DAY, SYMBOLS

PASSING = {
    "server error": {"status": 500},
    "gateway": {"status": 504},
    "limited": {"status": 429},
    "closed": {"drop": "before"},
    "html": {"status": 200, "body": "<html>"},
    "half": {"mangle": "half"},
    "empty": {"mangle": "empty"},
    "a list": {"status": 200, "body": "[]"},
}


@pytest.mark.parametrize("fault", list(PASSING))
def test_D12_what_may_pass_is_asked_again_twice_and_no_more(double, fault):
    waits = Waits()
    double.script(PASSING[fault] | {"path": "/v2/stocks/bars", "times": 2})
    assert opened(double.url, waits).bars(SYMBOLS, DAY, 10, AS_OF).bars.symbols == SYMBOLS
    assert waits == [1, 2]
    double.script(PASSING[fault] | {"path": "/v2/stocks/bars", "times": 0})
    before = double.requests().count(BARS)
    with pytest.raises(FeedUnavailable, match="alpaca gave no usable answer to GET /stocks/bars"):
        opened(double.url).bars(SYMBOLS, DAY, 10, AS_OF)
    assert double.requests().count(BARS) == before + 3


@pytest.mark.parametrize("path", ["/v2/stocks/quotes/latest", "/v2/stocks/trades/latest"])
def test_D13_quotes_that_do_not_come_are_an_error_and_not_none(double, path):
    double.script({"path": path, "status": 503, "times": 0})
    with pytest.raises(FeedUnavailable):
        opened(double.url).quotes(SYMBOLS, AS_OF)


def test_a_feed_that_is_gone_is_unavailable():
    with pytest.raises(FeedUnavailable, match="no answer"):
        opened("http://127.0.0.1:9").bars(SYMBOLS, DAY, 10, AS_OF)


def limited(seconds: float, **fault) -> dict:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time() + seconds))}
    return {"path": "/v2/stocks/bars", "headers": headers} | fault


def test_B04_G39_the_limiters_own_pause_is_waited_out(double):
    waits = Waits()
    double.script(limited(30, status=429))
    opened(double.url, waits).bars(SYMBOLS, DAY, 10, AS_OF)
    assert 28 <= waits[0] <= 30
    assert len(waits) == 1


def test_B04_a_pause_beyond_a_minute_is_not_waited_out(double):
    waits = Waits()
    double.script(limited(300, status=429))
    with pytest.raises(FeedUnavailable, match="429"):
        opened(double.url, waits).bars(SYMBOLS, DAY, 10, AS_OF)
    assert (waits, double.requests().count(BARS)) == ([], 1)


@pytest.mark.parametrize("reset", ["", "soon", "-5", "0", "99999999999999999999999999"])
def test_B04_a_reset_that_cannot_be_read_is_no_trap(double, reset):
    waits = Waits()
    double.script({"path": "/v2/stocks/bars", "status": 429, "headers": {"X-RateLimit-Reset": reset}})
    try:
        opened(double.url, waits).bars(SYMBOLS, DAY, 10, AS_OF)
    except FeedUnavailable:
        assert len(reset) > 20
    else:
        assert waits == [1]


def test_X13_a_spent_budget_is_waited_out_before_the_next_page(double):
    names, waits = many(double, 60, 400), Waits()
    double.script(limited(20))
    opened(double.url, waits).bars(names, DAY, 400, AS_OF)
    assert len(waits) == 1
    assert 17 <= waits[0] <= 20


@pytest.mark.parametrize("status", [401, 403])
def test_B24_refused_keys_are_told_apart_and_asked_once(double, status):
    double.script({"times": 0, "status": status, "body": '{"message": "forbidden."}'})
    for ask in (lambda feed: feed.bars(SYMBOLS, DAY, 10, AS_OF), lambda feed: feed.quotes(SYMBOLS, AS_OF)):
        before = len(double.requests())
        with pytest.raises(KeysRefused, match=rf"alpaca refuses the keys \({status}\)") as caught:
            ask(opened(double.url))
        assert isinstance(caught.value, DataError)
        assert len(double.requests()) == before + 1


def test_G33_recent_prices_of_all_exchanges_need_a_subscription(double):
    later = AS_OF.replace(hour=20, minute=5)
    double.set(frozen=later.timestamp())
    with pytest.raises(DataError, match=r'permit querying recent SIP data.*; without a subscription use feed = "iex"'):
        opened(double.url, feed="sip").bars(SYMBOLS, DAY, 10, later)
    assert double.requests().count(BARS) == 1


def test_G33_daily_bars_of_all_exchanges_are_free_once_the_close_is_fifteen_minutes_past(double):
    feed = opened(double.url, feed="sip", quotes="iex")
    assert feed.bars(SYMBOLS, DAY, 10, AS_OF).bars.provider == "alpaca sip"
    assert set(feed.quotes(SYMBOLS, AS_OF)) == set(SYMBOLS)


def test_a_refusal_that_names_no_symbol_is_an_error_and_asked_once(double):
    double.script({"path": "/v2/stocks/bars", "status": 400, "message": "invalid adjustment", "times": 0})
    with pytest.raises(DataError, match="invalid adjustment"):
        opened(double.url).bars(SYMBOLS, DAY, 10, AS_OF)
    assert double.requests().count(BARS) == 1
