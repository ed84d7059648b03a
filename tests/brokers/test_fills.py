"""The fill model alone: order and quote in, price and quantity out."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openbell.brokers.paper.fills import Execution, FillModel, Trigger, stop_level, tick_at, watch, worse
from openbell.values.orders import Order, OrderState, OrderType, Side
from openbell.values.quote import Quote

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
D = Decimal


def order(side=Side.BUY, quantity="10", kind=OrderType.MARKET, filled="0", **prices):
    prices = {name: D(price) for name, price in prices.items()}
    return Order("id", "AAPL", side, D(quantity), kind, OrderState.ACKED, NOW, D(filled), **prices)


def quote(bid="99.99", ask="100.01", last="100.00"):
    return Quote("AAPL", D(bid), D(ask), D(last), NOW)


def test_a_market_order_meets_the_touch_and_slips_against_the_trader():
    model = FillModel(slippage_bps=D(10))
    assert model.match(order(), Trigger(), quote()) == Execution(D(10), D("100.12"))
    assert model.match(order(Side.SELL), Trigger(), quote()) == Execution(D(10), D("99.89"))


def test_without_slippage_a_fill_is_at_the_touch():
    model = FillModel(slippage_bps=D(0))
    assert model.match(order(), Trigger(), quote()).price == D("100.01")
    assert model.match(order(Side.SELL), Trigger(), quote()).price == D("99.99")


@pytest.mark.parametrize(
    ("side", "limit", "price"),
    [
        (Side.BUY, "100.00", None),
        (Side.BUY, "100.01", "100.01"),
        (Side.BUY, "100.10", "100.10"),
        (Side.BUY, "101.00", "100.12"),
        (Side.SELL, "100.00", None),
        (Side.SELL, "99.99", "99.99"),
        (Side.SELL, "99.00", "99.89"),
    ],
)
def test_a_limit_order_fills_at_its_limit_or_better(side, limit, price):
    found = FillModel(D(10)).match(order(side, kind=OrderType.LIMIT, limit_price=limit), Trigger(), quote())
    assert (found and found.price) == (D(price) if price else None)


def test_a_stop_waits_until_it_is_hit_and_then_pays_what_the_market_asks():
    stop = order(kind=OrderType.STOP, stop_price="105")
    below, above = quote(), quote("107.00", "107.02", "107.00")
    assert FillModel(D(0)).match(stop, watch(stop, Trigger(), below), below) is None
    assert FillModel(D(0)).match(stop, watch(stop, Trigger(), above), above).price == D("107.02")


def test_a_stop_is_hit_at_its_price_exactly():
    assert watch(order(kind=OrderType.STOP, stop_price="100"), Trigger(), quote()).hit
    assert watch(order(Side.SELL, kind=OrderType.STOP, stop_price="100"), Trigger(), quote()).hit
    assert not watch(order(kind=OrderType.STOP, stop_price="100.01"), Trigger(), quote()).hit
    assert not watch(order(Side.SELL, kind=OrderType.STOP, stop_price="99.99"), Trigger(), quote()).hit


def test_a_stop_once_hit_stays_hit():
    stop = order(kind=OrderType.STOP_LIMIT, stop_price="100", limit_price="100")
    seen = watch(stop, Trigger(), quote())
    assert FillModel(D(0)).match(stop, seen, quote()) is None
    back = quote("98.99", "99.01", "99.00")
    assert FillModel(D(0)).match(stop, watch(stop, seen, back), back).price == D("99.01")


def test_a_trailing_stop_keeps_the_best_price_it_has_seen():
    sell = order(Side.SELL, kind=OrderType.TRAILING_STOP, trail="5")
    seen = Trigger()
    for last in ("100", "110", "106", "105.01"):
        seen = watch(sell, seen, quote(last=last))
        assert not seen.hit
    assert seen.extreme == 110
    assert stop_level(sell, seen.extreme) == 105
    assert watch(sell, seen, quote(last="105")).hit


def test_a_trailing_buy_follows_the_price_down():
    buy = order(kind=OrderType.TRAILING_STOP, trail="5")
    seen = watch(buy, watch(buy, Trigger(), quote(last="100")), quote(last="90"))
    assert (seen.extreme, seen.hit) == (90, False)
    assert watch(buy, seen, quote(last="95")).hit


def test_a_crossed_quote_fills_nothing():
    assert FillModel().match(order(), Trigger(), quote("100.02", "100.00")) is None


@pytest.mark.parametrize(
    ("quantity", "filled", "share", "expected"),
    [
        ("10", "0", "1", "10"),
        ("10", "0", "0.25", "2"),
        ("10", "9", "0.25", "1"),
        ("1", "0", "0.01", "1"),
        ("0.5", "0", "0.5", "0.25"),
        ("0.000000001", "0", "0.5", "0.000000001"),
    ],
)
def test_one_quote_fills_at_most_a_share_in_whole_steps(quantity, filled, share, expected):
    found = FillModel(fill_share=D(share)).match(order(quantity=quantity, filled=filled), Trigger(), quote())
    assert found.quantity == D(expected)


def test_G19_prices_step_by_a_cent_from_one_dollar_up_and_finer_below():
    assert [tick_at(D(p)) for p in ("1", "0.99", "0.01", "0.0099")] == [
        D("0.01"), D("0.0001"), D("0.0001"), D("0.000000001"),
    ]  # fmt: skip


prices = st.decimals("0.0001", "9999", places=6)


@given(side=st.sampled_from(Side), price=prices)
def test_rounding_is_to_the_tick_and_never_in_favour_of_the_trader(side, price):
    rounded = worse(side, price)
    assert rounded > 0
    assert rounded % tick_at(price) == 0
    assert (rounded - price) * side.sign >= 0
    assert abs(rounded - price) < tick_at(price)


@given(
    side=st.sampled_from(Side),
    limit=st.decimals("90", "110", places=2),
    bid=st.decimals("90", "110", places=4),
    slippage=st.decimals("0", "1000", places=1),
    share=st.decimals("0.01", "1", places=2),
)
def test_a_fill_is_never_worse_than_the_limit_nor_more_than_the_rest(side, limit, bid, slippage, share):
    wanted = order(side, filled="3", kind=OrderType.LIMIT, limit_price=str(limit))
    found = FillModel(slippage, share).match(wanted, Trigger(), quote(str(bid), str(bid + 1)))
    if found is not None:
        assert (found.price - limit) * side.sign <= 0
        assert 0 < found.quantity <= wanted.remaining
