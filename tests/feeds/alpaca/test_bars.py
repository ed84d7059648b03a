"""The Alpaca feed over HTTP to the fault broker: pages, batches, faults, refusals, and what each symbol is told."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from openbell.calendar.exchange import exchange
from openbell.errors import DataError, FeedUnavailable
from openbell.feeds.alpaca.feed import BATCH
from openbell.feeds.alpaca.history import needed, timeframe_word
from openbell.values.bars import Timeframe
from openbell.values.market import DropCode
from tests.feeds.alpaca.asked import BARS, many, queries
from tests.feeds.alpaca.rows import opened, stamped, written
from tests.feeds.frames import AS_OF, DAY, SYMBOLS, XNYS, daily, intraday, minutes, sessions

# --- what is asked -------------------------------------------------------------------------------------------


def test_everything_that_has_a_default_at_alpaca_is_said(double):
    opened(double.url).bars(SYMBOLS, DAY, 10, AS_OF)
    (query,) = queries(double)
    assert query["symbols"] == "AAA,BBB,CCC"
    asked = {name: query[name] for name in ("timeframe", "feed", "adjustment", "sort", "limit")}
    assert asked == {"timeframe": "1Day", "feed": "iex", "adjustment": "split", "sort": "asc", "limit": "10000"}


def test_the_bars_say_what_they_are(double):
    bars = opened(double.url, adjustment="raw").bars(SYMBOLS, DAY, 10, AS_OF).bars
    assert (bars.provider, bars.adjustment, bars.timeframe) == ("alpaca iex", "raw", DAY)
    double.set(subscribed=True)
    assert opened(double.url, feed="sip").bars(SYMBOLS, DAY, 10, AS_OF).bars.provider == "alpaca sip"


@pytest.mark.parametrize(
    ("text", "word"), [("1d", "1Day"), ("1m", "1Min"), ("15m", "15Min"), ("60m", "1Hour"), ("4h", "4Hour")]
)
def test_a_timeframe_has_alpacas_own_word(text, word):
    assert timeframe_word(Timeframe(text)) == word


@pytest.mark.parametrize("text", ["30s", "90s", "90m"])
def test_a_timeframe_that_alpaca_does_not_make_is_refused_before_anything_is_asked(double, text):
    with pytest.raises(DataError, match=f"timeframe {text} is not made by alpaca: 1m to 59m, 1h to 23h and 1d are"):
        opened(double.url).bars(SYMBOLS, Timeframe(text), 10, AS_OF)
    assert double.requests() == []


@pytest.mark.parametrize(
    "as_of", [AS_OF, datetime(2024, 7, 6, 12, tzinfo=UTC), datetime(2024, 7, 8, 20, tzinfo=UTC), AS_OF.replace(hour=3)]
)
@pytest.mark.parametrize("text", ["1d", "1m", "7m", "1h", "8h"])
@pytest.mark.parametrize("count", [1, 3, 250])
def test_what_is_asked_for_holds_the_bars_that_are_needed(as_of, text, count):
    timeframe, market = Timeframe(text), exchange(XNYS)
    span = needed(market, timeframe, count, as_of)
    held = market.hours_between(span.start.date(), span.end.date())
    if timeframe.daily:
        complete = [hours for hours in held if span.start <= hours.opens and hours.closes <= span.end]
        assert len(complete) == count
    else:
        ends = [(hours, min(hours.closes, as_of)) for hours in held if span.start <= hours.opens]
        whole = sum(max((end - hours.opens) // timeframe.span, int(hours.closes <= as_of)) for hours, end in ends)
        assert whole >= count
    assert span.start < span.end <= as_of


def test_a_history_longer_than_the_calendar_is_asked_for_as_far_as_it_goes():
    market = exchange(XNYS)
    span = needed(market, DAY, 10_000, AS_OF)
    assert span.start.date() <= market.first < span.start.date() + timedelta(days=3)


# --- pages and batches ---------------------------------------------------------------------------------------


def test_500_symbols_cost_three_requests(double):
    names = many(double, 500, 5)
    bars = opened(double.url).bars(names, DAY, 5, AS_OF).bars
    assert bars.symbols == names
    assert np.isfinite(bars.close).all()
    assert [len(query["symbols"].split(",")) for query in queries(double)] == [BATCH, BATCH, 100]


def test_G34_pages_follow_the_token_and_a_page_may_end_inside_a_symbol(double):
    names = many(double, 60, 400)
    bars = opened(double.url).bars(names, DAY, 400, AS_OF).bars
    assert np.isfinite(bars.close).all()
    assert bars.close.shape == (400, 60)
    assert [bool(query.get("page_token")) for query in queries(double)] == [False, True, True]


def test_G34_a_short_page_is_no_end(double):
    rows = written(daily())
    first = {"bars": {"AAA": rows["AAA"][:1]}, "next_page_token": "more"}
    rest = rows | {"AAA": rows["AAA"][1:]}
    double.script({"path": "/v2/stocks/bars", "status": 200, "body": json.dumps(first)})
    double.script({"path": "/v2/stocks/bars", "status": 200, "body": json.dumps({"bars": rest}), "nth": 2})
    assert opened(double.url).bars(SYMBOLS, DAY, 30, AS_OF).bars.close.shape == (30, 3)


def test_pages_that_go_in_a_circle_are_given_up(double):
    page = {"bars": {}, "next_page_token": "again"}
    double.script({"path": "/v2/stocks/bars", "status": 200, "body": json.dumps(page), "times": 0})
    with pytest.raises(FeedUnavailable, match="do not come to an end"):
        opened(double.url).bars(SYMBOLS, DAY, 20, AS_OF)
    assert double.requests().count(BARS) == 2


def test_an_answer_without_bars_is_an_empty_panel(double):
    double.script({"path": "/v2/stocks/bars", "patch": {"bars": None}})
    checked = opened(double.url).bars(SYMBOLS, DAY, 20, AS_OF)
    assert {dropped.code for dropped in checked.dropped} == {DropCode.EMPTY}


# --- what each symbol is told --------------------------------------------------------------------------------


def test_a_symbol_that_spoils_the_request_is_left_out_and_the_others_are_asked_again(double):
    checked = opened(double.url).bars(("AAA", "0700", "BBB", "TOOLONGNAME"), DAY, 10, AS_OF)
    assert checked.bars.symbols == ("AAA", "BBB")
    assert [(d.symbol, d.code) for d in checked.dropped] == [
        ("0700", DropCode.MISSING),
        ("TOOLONGNAME", DropCode.MISSING),
    ]
    assert "no symbol of a stock" in checked.dropped[0].detail


def test_D07_the_bar_of_today_is_not_asked_for_and_dropped_if_it_comes(double):
    unfinished = {"t": "2024-07-08T04:00:00Z", "o": 1, "h": 9999, "l": 1, "c": 9999, "v": 5}
    rows = {symbol: [*bars, unfinished] for symbol, bars in written(daily()).items()}
    double.script({"path": "/v2/stocks/bars", "status": 200, "body": json.dumps({"bars": rows})})
    checked = opened(double.url).bars(SYMBOLS, DAY, 10, AS_OF)
    assert checked.bars.close.max() < 9999
    assert checked.bars.times[-1] == np.datetime64("2024-07-05T20:00:00")
    assert any("still forming" in note for note in checked.notes)
    assert queries(double)[0]["end"] == "2024-07-05T20:00:00Z"


@pytest.mark.parametrize("change", [{"c": None}, {"c": float("nan")}, {"l": -1.0}, {"h": 0}, {"v": -5}, {"o": "x"}])
def test_D02_D03_a_bar_that_is_none_drops_its_symbol_alone(double, change):
    rows = written(daily())
    rows["BBB"][-2] |= change
    double.bars(rows)
    checked = opened(double.url).bars(SYMBOLS, DAY, 10, AS_OF)
    assert checked.bars.symbols == ("AAA", "CCC")
    assert checked.dropped[0].code is DropCode.INVALID


def test_D09_a_jump_like_a_split_is_suspect(double):
    rows = written(daily())
    rows["AAA"][-1] |= {name: rows["AAA"][-1][name] / 10 for name in "ohlc"}
    double.bars(rows)
    checked = opened(double.url, adjustment="raw").bars(SYMBOLS, DAY, 10, AS_OF)
    assert checked.dropped[0].code is DropCode.SUSPECT
    assert "split of 10 to 1" in checked.dropped[0].detail


def test_D15_times_without_a_zone_are_refused_by_column(double):
    rows = written(daily())
    rows["AAA"][3]["t"] = "2024-06-03T04:00:00"
    double.script({"path": "/v2/stocks/bars", "status": 200, "body": json.dumps({"bars": rows})})
    with pytest.raises(DataError, match="column 't' of bars does not hold instants with a zone"):
        opened(double.url).bars(SYMBOLS, DAY, 10, AS_OF)


@pytest.mark.parametrize("hours", [-5, 5, 12])
def test_D16_daily_stamps_of_another_zone_drop_the_symbol(double, hours):
    rows = written(daily())
    for row in rows["BBB"]:
        row["t"] = (datetime.fromisoformat(row["t"]) + timedelta(hours=hours)).isoformat()
    double.script({"path": "/v2/stocks/bars", "status": 200, "body": json.dumps({"bars": rows})})
    checked = opened(double.url).bars(SYMBOLS, DAY, 10, AS_OF)
    assert checked.bars.symbols == ("AAA", "CCC")
    assert (checked.dropped[0].symbol, checked.dropped[0].code) == ("BBB", DropCode.TIMEZONE)


def test_G35_stamps_of_winter_and_summer_belong_to_their_sessions(double):
    as_of = datetime(2024, 3, 20, 15, tzinfo=UTC)
    days = sessions(30, as_of)
    double.bars({"AAA": [{"t": stamped(day), "o": 1, "h": 1, "l": 1, "c": 1, "v": 1} for day in days]})
    bars = opened(double.url).bars(("AAA",), DAY, 30, as_of).bars
    assert (bars.times.astype("datetime64[D]") == days).all()
    assert {stamped(day)[11:13] for day in days} == {"04", "05"}


def test_D06_bars_before_and_after_the_session_are_left_out(double):
    rows = written(minutes(100))
    early = {"t": "2024-07-08T12:00:00Z", "o": 1, "h": 1, "l": 1, "c": 1, "v": 1}
    rows["AAA"] = sorted([*rows["AAA"], early], key=lambda row: row["t"])
    double.bars(rows, "5Min")
    checked = opened(double.url).bars(SYMBOLS, Timeframe("5m"), 50, AS_OF)
    assert checked.bars.close[:, 0].min() > 1
    assert any("outside the sessions" in note for note in checked.notes)


def test_intraday_bars_are_complete_when_the_next_one_begins(double):
    double.bars(written(minutes(100)), "5Min")
    bars = opened(double.url).bars(SYMBOLS, Timeframe("5m"), 20, AS_OF).bars
    assert (bars.times == intraday(20, 5) + np.timedelta64(5, "m")).all()


def test_G43_fields_that_nobody_knows_do_no_harm(double):
    rows = {s: [row | {"new": {"a": [1]}} for row in bars] for s, bars in written(daily()).items()}
    double.script({"path": "/v2/stocks/bars", "status": 200, "body": json.dumps({"bars": rows, "currency": "USD"})})
    assert opened(double.url).bars(SYMBOLS, DAY, 10, AS_OF).bars.symbols == SYMBOLS


@pytest.mark.parametrize("bars", [[1], {"AAA": {"t": 1}}, {"AAA": [7]}, "text"])
def test_bars_of_another_shape_are_an_error_that_says_so(double, bars):
    double.script({"path": "/v2/stocks/bars", "status": 200, "body": json.dumps({"bars": bars})})
    with pytest.raises(DataError, match="alpaca: bars"):
        opened(double.url).bars(SYMBOLS, DAY, 10, AS_OF)


# --- faults --------------------------------------------------------------------------------------------------


# --- quotes --------------------------------------------------------------------------------------------------


# --- keys and addresses --------------------------------------------------------------------------------------
