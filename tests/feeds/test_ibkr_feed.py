"""Bars and quotes of Interactive Brokers: what is missing, late, delayed, halted or unfinished."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from openbell.errors import DataError, FeedUnavailable
from openbell.feeds.ibkr import IBKRData, IBKRFeed
from openbell.feeds.ibkr.bars import duration
from openbell.specs import Surroundings
from openbell.values.bars import Timeframe
from openbell.values.market import DropCode
from tests.twsdouble.process import TwsDouble

DAY = Timeframe("1d")
QUICK = {"connect_timeout": 1.0, "request_timeout": 1.0, "history_timeout": 1.0, "quote_timeout": 0.5}


@pytest.fixture
def double(gateway_process: TwsDouble) -> TwsDouble:
    gateway_process.reset()
    for symbol in ("AAPL", "IBM", "MSFT"):
        gateway_process.quote(symbol, "99.99", "100.01")
    return gateway_process


@pytest.fixture
def connect(double: TwsDouble):
    made = []

    def connect(**terms) -> IBKRFeed:
        spec = IBKRData(**({"port": double.port} | QUICK | terms))
        made.append(spec.open(Surroundings(Path("data"), "XNYS", lambda: None)))
        return made[-1]

    yield connect
    for feed in made:
        feed.close()


@pytest.fixture
def feed(connect):
    return connect()


def now():
    return datetime.now(UTC)


# --- bars ----------------------------------------------------------------------------------------------------


def test_nothing_is_connected_before_something_is_asked(double, connect):
    feed = connect()
    assert double.requests() == []
    feed.quotes(["AAPL"], now())
    assert double.clients() == [72]


def test_one_request_per_symbol_and_one_look_up_of_its_contract(double, feed):
    for _ in range(2):
        feed.bars(["AAPL", "IBM", "MSFT"], DAY, 5, now())
    assert len(double.requests("history")) == 6
    assert len(double.requests("contractDetails")) == 3


def test_I47_no_more_requests_are_open_at_once_than_the_venue_bears(double, connect):
    feed = connect(at_once=2)
    double.script({"on": "history", "delay": 0.1, "times": 0})
    symbols = ["AAPL", "IBM", "MSFT", "GOOG", "SPY"]
    begin = time.monotonic()
    assert feed.bars(symbols, DAY, 5, now()).bars.symbols == tuple(symbols)
    assert time.monotonic() - begin > 0.29
    times = [line["mono"] for line in double.ledger("request") if line["name"] == "history"]
    assert [later - earlier > 0.05 for earlier, later in zip(times, times[2:], strict=False)] == [True] * 3


@pytest.mark.parametrize("text", ["1s", "30s", "7m", "6h"])
def test_I47_bars_that_the_venue_paces_or_has_not_are_refused_by_name(double, feed, text):
    with pytest.raises(DataError, match=rf"timeframe {text} is not among those of the ibkr feed: 1 day, 1 hour"):
        feed.bars(["AAPL"], Timeframe(text), 5, now())
    assert double.requests("history") == []


def test_I48_bars_that_do_not_come_drop_their_symbol_with_the_reason(double, connect):
    feed = connect(history_timeout=0.3)
    double.script({"on": "history", "swallow": True, "match": "IBM"})
    checked = feed.bars(["AAPL", "IBM", "MSFT"], DAY, 5, now())
    assert checked.bars.symbols == ("AAPL", "MSFT")
    (dropped,) = checked.dropped
    assert (dropped.symbol, dropped.code, dropped.detail) == ("IBM", DropCode.MISSING, "no answer within 0.3 s")


def test_no_bars_at_all_in_time_is_a_feed_that_did_not_answer(double, connect):
    feed = connect(history_timeout=0.2)
    double.script({"on": "history", "swallow": True, "times": 0})
    with pytest.raises(FeedUnavailable, match=r"no bars of 2 symbols within 0\.2 s"):
        feed.bars(["AAPL", "IBM"], DAY, 5, now())


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (162, "Historical Market Data Service error message:HMDS query returned no data"),
        (162, "Historical Market Data Service error message:pacing violation"),
        (354, "Requested market data is not subscribed."),
        (321, "Error validating request"),
    ],
)
def test_I48_what_the_venue_says_instead_of_bars_is_the_reason(double, feed, code, text):
    double.script({"on": "history", "error": [code, text], "match": "IBM"})
    (dropped,) = feed.bars(["AAPL", "IBM"], DAY, 5, now()).dropped
    assert (dropped.symbol, dropped.detail) == ("IBM", f"the venue answered {code}: {text}")


def test_I52_an_ambiguous_symbol_is_dropped_and_says_what_to_name(double, feed):
    double.listing(con_id=1, symbol="TWIN", primary="NYSE")
    double.listing(con_id=2, symbol="TWIN", primary="AMEX")
    (dropped,) = feed.bars(["AAPL", "TWIN"], DAY, 5, now()).dropped
    assert dropped.detail == "TWIN is ambiguous: 2 contracts, listed on AMEX, NYSE; name one in primary_exchange"


def test_I49_the_bar_of_a_running_session_is_left_out(feed):
    as_of = datetime(2025, 11, 20, 15, 0, tzinfo=UTC)
    bars = feed.bars(["AAPL"], DAY, 3, as_of).bars
    assert bars.times[-1] == np.datetime64("2025-11-19T21:00")


def test_I51_adjusted_bars_are_asked_for_up_to_now_and_cut(double, connect):
    feed = connect(kind="adjusted_last")
    as_of = datetime(2025, 11, 20, 15, 0, tzinfo=UTC)
    bars = feed.bars(["AAPL"], DAY, 3, as_of).bars
    assert bars.times[-1] == np.datetime64("2025-11-19T21:00")
    assert bars.adjustment == "all"
    assert "ADJUSTED_LAST" in next(line for line in double.ledger("request") if line["name"] == "history")["fields"]


def test_bars_are_asked_for_up_to_as_of_in_utc(double, feed):
    feed.bars(["AAPL"], DAY, 3, datetime(2025, 11, 20, 15, 0, tzinfo=UTC))
    (asked,) = [line for line in double.ledger("request") if line["name"] == "history"]
    assert "20251120 15:00:00 UTC" in asked["fields"]
    assert {"TRADES", "1 day"} <= set(asked["fields"])


def test_I50_intraday_bars_come_in_seconds_since_1970_whatever_zone_the_login_has(feed):
    bars = feed.bars(["AAPL"], Timeframe("5m"), 78, datetime(2025, 11, 19, 22, 0, tzinfo=UTC)).bars
    assert bars.times[0] == np.datetime64("2025-11-19T14:35")
    assert bars.times[-1] == np.datetime64("2025-11-19T21:00")


@pytest.mark.parametrize(("count", "text"), [(1, "11 D"), (100, "150 D"), (250, "360 D"), (600, "3 Y"), (2500, "11 Y")])
def test_enough_days_are_asked_for_in_the_units_of_the_venue(count, text):
    assert duration(DAY, count) == text


def test_a_gateway_that_is_not_there_is_a_feed_that_did_not_answer(connect):
    feed = connect(port=1)
    with pytest.raises(FeedUnavailable, match="as client 72: the connection is refused"):
        feed.bars(["AAPL"], DAY, 5, now())


# --- quotes --------------------------------------------------------------------------------------------------


def test_a_quote_is_bid_ask_and_last_of_now(feed):
    as_of = now()
    quote = feed.quotes(["AAPL"], as_of)["AAPL"]
    assert (quote.bid, quote.ask, quote.last, quote.time) == (
        Decimal("99.99"),
        Decimal("100.01"),
        Decimal("99.99"),
        as_of,
    )


def test_I46_quotes_are_there_long_before_the_venue_ends_its_snapshots(double, feed):
    begin = time.monotonic()
    assert set(feed.quotes(["AAPL", "IBM", "MSFT"], now())) == {"AAPL", "IBM", "MSFT"}
    assert time.monotonic() - begin < 0.5
    # The venue is told on the connection's own thread, which a busy machine may keep waiting.
    while len(double.requests("cancelMarketData")) < 3 and time.monotonic() - begin < 5:
        time.sleep(0.02)
    assert len(double.requests("cancelMarketData")) == 3


def test_I46_prices_of_an_earlier_question_are_never_given_again(double, feed):
    assert feed.quotes(["AAPL"], now())
    double.data("AAPL", silent=True)
    assert feed.quotes(["AAPL"], now()) == {}


def test_many_symbols_are_one_pass(double, connect):
    feed = connect(at_once=50)
    symbols = [f"S{number}" for number in range(20)]
    for number, symbol in enumerate(symbols):
        double.listing(con_id=1000 + number, symbol=symbol, primary="NYSE")
        double.data(symbol, silent=True)
    begin = time.monotonic()
    feed.quotes(symbols, now())
    assert time.monotonic() - begin < 1.5


@pytest.mark.parametrize("field", ["bid", "ask"])
@pytest.mark.parametrize("value", ["-1", "0", "nan", "none"])
def test_I45_what_is_no_price_makes_no_quote(double, feed, field, value):
    double.data("AAPL", **{field: value})
    assert set(feed.quotes(["AAPL", "IBM"], now())) == {"IBM"}


@pytest.mark.parametrize("halted", [1, 2])
def test_B22_a_halted_symbol_has_no_quote(double, feed, halted):
    double.data("AAPL", halted=halted)
    assert set(feed.quotes(["AAPL", "IBM"], now())) == {"IBM"}


def test_a_past_instant_has_no_quotes(double, feed):
    assert feed.quotes(["AAPL"], now() - timedelta(minutes=5)) == {}
    assert double.requests() == []


@pytest.mark.parametrize("code", [354, 10089, 10168, 10197])
def test_I43_I44_without_live_data_it_is_said_why(double, feed, code):
    double.data("AAPL", error=[code, "Requested market data is not subscribed."])
    assert set(feed.quotes(["AAPL", "IBM"], now())) == {"IBM"}
    with pytest.raises(FeedUnavailable, match=rf"no live prices of 1 symbols, first AAPL: {code} .*set delayed = true"):
        feed.quotes(["AAPL"], now())


@pytest.mark.parametrize("kind", [2, 3, 4])
def test_I43_prices_that_are_frozen_or_delayed_are_refused(double, feed, kind):
    double.data("AAPL", type=kind)
    with pytest.raises(FeedUnavailable, match="prices are delayed or frozen"):
        feed.quotes(["AAPL"], now())


def test_I43_delayed_prices_are_taken_where_the_plan_allows_them_and_are_as_old_as_they_are(double, connect):
    double.data("AAPL", delayed=True)
    with pytest.raises(FeedUnavailable, match="354"):
        connect(client_id=5).quotes(["AAPL"], now())
    as_of = now()
    quote = connect(delayed=True).quotes(["AAPL"], as_of)["AAPL"]
    assert (quote.bid, quote.age(as_of)) == (Decimal("99.99"), timedelta(minutes=15))


def test_I43_live_prices_stay_live_where_delayed_ones_are_allowed(connect):
    as_of = now()
    assert connect(delayed=True).quotes(["AAPL"], as_of)["AAPL"].age(as_of) == timedelta(0)


def test_I09_a_lost_connection_is_made_anew(double, feed):
    feed.quotes(["AAPL"], now())
    double.cut()
    assert set(feed.quotes(["AAPL"], now())) == {"AAPL"}
