"""Alpaca's quotes: exact, with the venue's time, many at once."""

import json
from decimal import Decimal

import pytest

from openbell.feeds.alpaca.feed import BATCH
from tests.feeds.alpaca.asked import queries
from tests.feeds.alpaca.rows import opened
from tests.feeds.frames import AS_OF, SYMBOLS


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
