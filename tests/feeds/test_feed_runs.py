"""Whole runs whose prices fail, jump or are missing: what is decided, recorded and told."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from openbell import store
from openbell.calendar.exchange import exchange
from openbell.desk import Desk
from openbell.feeds.failover import FailoverFeed
from openbell.jobs import trading
from openbell.ports import MarketFeed, PaperLedger
from openbell.settings import load_settings
from openbell.specs import BrokerSpec, FeedSpec, Surroundings
from openbell.stages.resolve import resolve
from openbell.values.orders import OrderIntent, OrderType, Purpose, Side
from openbell.values.record import Outcome
from tests.feeds.frames import Rows
from tests.feeds.source import Source, SourceFeed
from tests.orders.desks import Tape, Wire, plan_of

SYMBOLS = tuple(f"S{number}" for number in range(10))
PRICES = dict.fromkeys(SYMBOLS, ("100.00", "100.02"))


def rows() -> Rows:
    """Daily bars of every day up to yesterday, near 100 all the time."""
    venue = exchange("24/7")
    last = venue.last_complete(datetime.now(UTC))
    found = Rows(np.asarray(venue.session_dates(venue.offset(last, -39), last), "datetime64[D]"), SYMBOLS)
    for name in ("open", "high", "low", "close"):
        found.columns[name] = np.full(len(found.times), 100.0)
    return found


class House:
    """Two providers, an account, and desks on them."""

    def __init__(self, stack: ExitStack) -> None:
        self.first, self.second = (stack.enter_context(Source(rows(), PRICES)) for _ in range(2))
        self.wire, self.stack = Wire(Tape()), stack

    def desk(self, **changes: Any) -> Desk:
        house = self

        class Both(FeedSpec):
            def open(self, around: Surroundings) -> MarketFeed:
                feeds = tuple(
                    SourceFeed(source.port, name, "24/7", max_age=around.max_age)
                    for source, name in ((house.first, "first"), (house.second, "second"))
                )
                for feed in feeds:
                    house.stack.callback(feed.close)
                return FailoverFeed(feeds, exchange("24/7"), around.max_age, wait=lambda span: None)

        class Account(BrokerSpec):
            def open(self, account: str, around: Surroundings, feed: MarketFeed, ledger: PaperLedger) -> Any:
                return house.wire

        return Desk(resolve(plan_of(**changes)), load_settings(), None, Both(), Account())


@pytest.fixture
def house(tmp_path, monkeypatch) -> Iterator[House]:
    monkeypatch.delenv("OPENBELL_DATABASE_URL", raising=False)
    monkeypatch.setenv("OPENBELL_HOME", str(tmp_path))
    url = load_settings().url
    store.ensure(url)
    with ExitStack() as stack:
        yield House(stack)
    store.close(url)


def alerts(desk):
    return [(alert.kind, alert.subject) for alert in desk.history.alerts()]


def test_D12_a_run_on_the_second_feed_trades_and_its_record_says_so(house):
    house.first.always = 500
    record = trading.trade(house.desk(), "one")
    assert record.outcome is Outcome.COMPLETED
    assert record.data.provider == "second"
    assert [(one.provider, one.attempts) for one in record.data.failures] == [("first", 3)]
    assert len(house.wire.posts) == 10


def test_D12_the_record_names_the_provider_of_each_symbol(house):
    house.first.rows.take(house.first.rows.symbols != "S3")
    desk = house.desk()
    record = trading.trade(desk, "one")
    assert (record.data.provider, record.data.providers) == ("first", {"S3": "second"})
    assert desk.history.run("one") == record


def test_D12_refused_keys_fail_over_and_somebody_is_told_once(house):
    house.first.always = 401
    desk = house.desk()
    assert trading.trade(desk, "one").outcome is Outcome.COMPLETED
    trading.trade(desk, "two", dry_run=True)
    assert alerts(desk) == [("FEED_KEYS_REFUSED", "first")]


def test_D13_with_all_feeds_down_the_run_fails_and_nothing_is_sent_or_taken_back(house):
    house.wire.submit(OrderIntent("buy", "s", 0, "S1", Side.BUY, Decimal(1), Purpose.ENTRY, Decimal(100)))
    stop = {"type": OrderType.STOP, "stop_price": Decimal(90)}
    house.wire.submit(OrderIntent("stop", "s", 1, "S1", Side.SELL, Decimal(1), Purpose.EXIT, Decimal(100), **stop))
    resting, sent = house.wire.open_orders(), len(house.wire.posts)
    assert [order.client_id for order in resting] == ["stop"]
    house.first.always = house.second.always = 503
    desk = house.desk()
    record = trading.trade(desk, "one")
    assert (record.outcome, record.code) == (Outcome.FAILED, "DATA")
    assert "first: HTTP 503" in record.message
    assert "second: HTTP 503" in record.message
    assert (len(house.wire.posts), house.wire.open_orders()) == (sent, resting)
    assert desk.journal.breaker("demo", "trade").failures == 1


def test_D11_when_every_frame_is_empty_the_run_fails_and_counts(house):
    house.first.always = house.second.always = '{"bars": [], "next_page": null}'
    desk = house.desk()
    record = trading.trade(desk, "one")
    assert (record.outcome, record.code) == (Outcome.FAILED, "DATA")
    assert not house.wire.posts
    assert desk.journal.breaker("demo", "trade").failures == 1


@pytest.mark.parametrize("change", ["conflict", "suspect"])
def test_D09_D14_what_is_doubted_is_not_traded_and_the_rest_is(house, change):
    data, at = house.first.rows, house.first.rows.row("S3", -1)
    if change == "suspect":
        for name in ("open", "high", "low", "close"):
            data.columns[name][at] = 50.0
    else:
        data.without("S3", -1)
        for name in ("open", "high", "low", "close"):
            house.second.rows.columns[name][house.second.rows.symbols == "S3"] = 101.5
    desk = house.desk()
    record = trading.trade(desk, "one")
    assert [(drop.symbol, drop.code.value) for drop in record.data.dropped] == [("S3", f"DATA_{change.upper()}")]
    assert "S3" not in {intent.symbol for intent in record.intents}
    assert len(house.wire.posts) == 9
    assert alerts(desk) == ([("DATA_SUSPECT", "S3")] if change == "suspect" else [])


def test_D18_what_is_held_without_a_price_stays_held_and_its_value_unknown(house):
    house.wire.submit(OrderIntent("buy", "s", 0, "S3", Side.BUY, Decimal(10), Purpose.ENTRY, Decimal(100)))
    for source in (house.first, house.second):
        source.rows.take(source.rows.symbols != "S3")
        del source.quotes["S3"]
    desk = house.desk()
    record = trading.trade(desk, "one", dry_run=True)
    (held,) = [holding for holding in record.holdings if holding.symbol == "S3"]
    assert (held.quantity, held.mark) == (Decimal(10), None)
    assert record.equity is None
    assert ("PRICE_UNKNOWN", "S3") in alerts(desk)


def test_D23_a_crossed_quote_is_not_bought(house):
    for source in (house.first, house.second):
        source.quotes = {**PRICES, "S3": ("100.02", "100.00"), "S4": ("100", "100"), "S5": ("97", "103")}
    record = trading.trade(house.desk(), "one")
    denied = {verdict.symbol: verdict.rule for verdict in record.verdicts if not verdict.quantity}
    assert denied == dict.fromkeys(("S3", "S4", "S5"), "spread")


def test_D08_the_plans_freshness_reaches_the_feeds(house):
    desk = house.desk(freshness={"bars": "1s"})
    record = trading.trade(desk, "one")
    assert (record.outcome, record.code) == (Outcome.FAILED, "DATA")
    assert "the limit is 0:00:01" in record.message


def test_D24_bars_sent_anew_are_too_old_for_a_run(house):
    for source in (house.first, house.second):
        source.rows.take(source.rows.times < source.rows.times.max() - np.timedelta64(2, "D"))
    record = trading.trade(house.desk(), "one")
    assert (record.outcome, record.code) == (Outcome.FAILED, "DATA")
    assert "DATA_STALE" in record.message
    assert not house.wire.posts


def test_the_desks_own_wait_is_what_feeds_wait_with(house):
    spent = []
    desk = house.desk()
    desk.wait = spent.append
    desk._around().wait(timedelta(seconds=3))
    assert spent == [timedelta(seconds=3)]
