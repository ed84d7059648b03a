"""Coins at Alpaca: their steps and least sizes, their terms, and a market that never closes."""

from decimal import Decimal

import pytest

from openbell import store
from openbell.jobs import trading
from openbell.settings import load_settings
from openbell.values.orders import OrderState, TimeInForce
from openbell.values.record import Outcome
from tests.contracts.alpaca_venue import opened
from tests.orders.desks import Tape
from tests.orders.venues import posts, venue_desk

D = Decimal
FACTS = {"min_order_size": "0.001", "min_trade_increment": "0.0001", "price_increment": "0.01", "shortable": False}


@pytest.fixture
def coin(double):
    double.quote("BTC/USD", "99.99", "100.01")
    double.asset("BTC/USD", **FACTS)
    yield double
    double.set(is_open=True)


@pytest.fixture
def bought(coin, tmp_path, monkeypatch):
    """What a trading run makes of a plan of one coin while stocks are closed."""
    monkeypatch.setenv("OPENBELL_HOME", str(tmp_path))
    store.ensure(load_settings().url)

    def bought(universe=("BTC/USD",), notional="500"):
        coin.set(is_open=False)
        sizing = {"use": "fixed_cash", "params": {"notional": notional}}
        return trading.trade(venue_desk(coin, Tape(), universe=universe, sizing=sizing), "one")

    yield bought
    store.close(load_settings().url)


def test_G47_steps_and_least_size_are_the_venues(coin):
    facts = opened(coin.url).instruments(["BTC/USD"])["BTC/USD"]
    assert (facts.asset_class, facts.step, facts.tick, facts.least) == ("crypto", D("0.0001"), D("0.01"), D("0.001"))
    assert (facts.shortable, facts.max_leverage) == (False, 1)


def test_G47_a_plan_of_coins_trades_while_stocks_are_closed_at_once_or_not_at_all(bought, coin):
    record = bought()
    assert (record.outcome, [order.state for order in record.orders]) == (Outcome.COMPLETED, [OrderState.FILLED])
    (placed,) = coin.orders()
    assert (placed["time_in_force"], D(placed["qty"]) % D("0.0001")) == ("ioc", 0)
    assert record.intents[0].time_in_force is TimeInForce.IOC


def test_G47_a_plan_that_has_a_stock_as_well_keeps_to_the_venues_hours(bought, coin):
    assert bought(universe=("AAPL", "BTC/USD")).code == "CALENDAR_DISAGREE"
    assert posts(coin) == []


def test_G47_less_than_the_least_size_is_denied_before_anything_is_sent(bought, coin):
    coin.asset("BTC/USD", **FACTS | {"min_order_size": "50"})
    record = bought()
    (verdict,) = record.verdicts
    assert (verdict.rule, verdict.limit, posts(coin)) == ("order_terms", "at least 50", [])
