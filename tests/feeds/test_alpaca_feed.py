"""The Alpaca feed over HTTP to the fault broker: pages, batches, faults, refusals, and what each symbol is told."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from pydantic import SecretStr

import openbell.feeds
from blocks.alpaca_feed import AlpacaFeed
from openbell.calendar.exchange import exchange
from openbell.errors import BrokerError, DataError, FeedUnavailable, InputError, KeysRefused, PlanError
from openbell.feeds.alpaca import Alpaca
from openbell.feeds.alpaca.feed import BATCH
from openbell.feeds.alpaca.history import needed, timeframe_word
from openbell.plugins import build, find
from openbell.specs import FeedSpec, Surroundings
from openbell.values.bars import Timeframe
from openbell.values.market import DropCode
from tests.faultbroker.process import FaultBroker
from tests.feeds.alpaca_rows import KEY_ID, SECRET, Waits, opened, stamped, written
from tests.feeds.frames import AS_OF, SYMBOLS, XNYS, daily, intraday, minutes, sessions

DAY = Timeframe("1d")
BARS = "GET /v2/stocks/bars"


@pytest.fixture(scope="module")
def double_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultBroker]:
    with FaultBroker(tmp_path_factory.mktemp("broker") / "ledger.jsonl") as double:
        yield double


@pytest.fixture
def double(double_process: FaultBroker) -> FaultBroker:
    """A venue at AS_OF with thirty daily bars of three symbols, and their quotes."""
    double_process.reset()
    double_process.set(frozen=AS_OF.timestamp())
    double_process.bars(written(daily()))
    for symbol in SYMBOLS:
        double_process.quote(symbol, "99.99", "100.01")
    return double_process


def queries(double: FaultBroker, path: str = "/v2/stocks/bars") -> list[dict]:
    return [line["query"] for line in double.ledger("request") if line["path"] == path]


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


def many(double: FaultBroker, symbols: int, rows: int) -> tuple[str, ...]:
    names = tuple(f"S{chr(65 + n // 676)}{chr(65 + n // 26 % 26)}{chr(65 + n % 26)}" for n in range(symbols))
    times = [stamped(time) for time in sessions(rows)]
    double.bars({name: [{"t": t, "o": 10, "h": 11, "l": 9, "c": 10, "v": 100} for t in times] for name in names})
    return names


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


# --- quotes --------------------------------------------------------------------------------------------------


def test_quotes_are_exact_and_carry_the_venues_time(double):
    quote = opened(double.url).quotes(("AAA",), AS_OF)["AAA"]
    assert (quote.bid, quote.ask, quote.last) == (Decimal("99.99"), Decimal("100.01"), Decimal("99.99"))
    assert quote.time == AS_OF


def test_C05_quotes_of_500_symbols_cost_two_requests_for_each_200(double):
    names = [f"S{chr(65 + n // 26 % 26)}{chr(65 + n % 26)}" for n in range(500)]
    names = list(dict.fromkeys(names))[:500] + [f"T{chr(65 + n)}" for n in range(26)]
    for name in names[:30]:
        double.quote(name, "9.99", "10.01")
    found = opened(double.url).quotes(names, AS_OF)
    assert set(found) == set(names[:30])
    batches = -(-len(names) // BATCH)
    assert len(queries(double, "/v2/stocks/quotes/latest")) == batches
    assert len(queries(double, "/v2/stocks/trades/latest")) <= batches


@pytest.mark.parametrize(
    "change",
    [{"ap": 0}, {"bp": 0}, {"ap": None}, {"bp": -1.0}, {"ap": float("nan")}, {"t": None}, {"t": "2024-07-08T16:00:00"}],
)
def test_G37_a_quote_without_both_sides_is_no_quote(double, change):
    quote = {"t": "2024-07-08T15:59:59.123456789Z", "bp": 99.99, "ap": 100.01}
    body = {"quotes": {"AAA": quote | change, "BBB": quote}}
    double.script({"path": "/v2/stocks/quotes/latest", "status": 200, "body": json.dumps(body)})
    assert set(opened(double.url).quotes(SYMBOLS, AS_OF)) == {"BBB"}


def test_a_quote_without_a_trade_is_no_quote(double):
    double.script({"path": "/v2/stocks/trades/latest", "status": 200, "body": '{"trades": {"AAA": {"p": 99.99}}}'})
    assert set(opened(double.url).quotes(SYMBOLS, AS_OF)) == {"AAA"}


@pytest.mark.parametrize(("seconds", "there"), [(59, True), (61, False)])
def test_a_quote_from_after_the_start_of_the_run_is_of_its_start_and_later_ones_are_none(double, seconds, there):
    double.set(frozen=AS_OF.timestamp() + seconds)
    double.quote("AAA", "99.99", "100.01")
    found = opened(double.url).quotes(("AAA",), AS_OF)
    assert ("AAA" in found) is there
    assert all(quote.time == AS_OF for quote in found.values())


# --- keys and addresses --------------------------------------------------------------------------------------


def test_a_plan_finds_it_by_name():
    assert find(openbell.feeds, FeedSpec, "alpaca", "feed") is Alpaca


@pytest.mark.parametrize("url", ["https://data.alpaca.markets", "http://data.alpaca.markets", "http://10.0.0.1:80"])
def test_I17_no_other_address_is_spoken_to(url):
    with pytest.raises(PlanError, match=r"feed\.params: .*is not http://127\.0\.0\.1:PORT on this machine"):
        build(Alpaca, {"url": url}, "feed.params")


@pytest.mark.parametrize("params", [{"feed": "sipp"}, {"adjustment": "splits"}, {"secret": SECRET}])
def test_terms_that_do_not_exist_are_refused_by_name(params):
    with pytest.raises(PlanError, match=next(iter(params))) as caught:
        build(Alpaca, params, "feed.params")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("value", ["", "PKREAL7Q2\n", "changeme", "<key>"])
def test_F04_keys_that_are_none_are_refused_before_anything_is_asked(double, monkeypatch, value):
    monkeypatch.setenv("OPENBELL_ALPACA_KEY_ID", value)
    monkeypatch.setenv("OPENBELL_ALPACA_SECRET_KEY", SECRET)
    with pytest.raises(InputError, match="set OPENBELL_ALPACA_KEY_ID or save an AlpacaFeed block"):
        build(Alpaca, {"url": double.url}, "feed.params").open(Surroundings(None, XNYS, lambda: None))
    assert double.requests() == []


def test_F04_keys_come_from_the_environment_or_from_a_block(double, monkeypatch):
    double.keys(KEY_ID, SECRET)
    around = Surroundings(None, XNYS, lambda: None, wait=Waits())
    monkeypatch.setenv("OPENBELL_ALPACA_KEY_ID", KEY_ID)
    monkeypatch.setenv("OPENBELL_ALPACA_SECRET_KEY", SECRET)
    by_plan = build(Alpaca, {"url": double.url}, "feed.params").open(around)
    monkeypatch.setenv("OPENBELL_ALPACA_SECRET_KEY", "wrong/secret")
    by_block = AlpacaFeed(key_id=KEY_ID, secret=SECRET, url=double.url).spec().open(around)
    for feed in (by_plan, by_block):
        assert feed.bars(SYMBOLS, DAY, 10, AS_OF).bars.symbols == SYMBOLS


def test_X01_no_key_is_shown_by_feed_spec_block_or_error(double):
    double.keys("other", "keys")
    double.script({"path": "/v2/stocks/bars", "status": 401, "body": f"bad keys {KEY_ID}:{SECRET}"})
    feed, block = opened(double.url), AlpacaFeed(key_id=KEY_ID, secret=SECRET, url=double.url)
    with pytest.raises(BrokerError) as caught:
        feed.bars(SYMBOLS, DAY, 10, AS_OF)
    spec = Alpaca().with_keys(SecretStr(KEY_ID), SecretStr(SECRET))
    texts = [str(caught.value), repr(feed), repr(feed.data), repr(spec), repr(block), spec.model_dump_json()]
    assert not [text for text in texts if KEY_ID in text or SECRET in text]


def test_every_field_of_the_block_is_described():
    fields = AlpacaFeed.model_fields
    assert all(field.description.endswith(".") for field in fields.values())
    assert {name for name, field in fields.items() if field.is_required()} == {"key_id", "secret"}
