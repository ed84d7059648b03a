"""Several strategies, one order per symbol: what is wanted, what is sent, and whose it is."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openbell.sizing.fixed_cash import FixedCash
from openbell.sizing.fixed_quantity import FixedQuantity
from openbell.sizing.weight_of_equity import WeightOfEquity
from openbell.stages.net import net
from openbell.values.account import Account, Position
from openbell.values.bars import Timeframe, empty_bars, make_bars
from openbell.values.instrument import Instrument
from openbell.values.market import Activity, Checked, Market
from openbell.values.orders import Order, OrderState, OrderType, Purpose, Side, client_order_id
from openbell.values.plan import Sizing
from openbell.values.quote import Quote
from openbell.values.signal import Signal
from openbell.values.slot import Slot
from openbell.values.verdict import NoTrade

D = Decimal
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
SLOT = Slot("demo", "trade", NOW, date(2026, 3, 2))
WIDE = Sizing(min_trade=D(0), max_trade=D(10**9))
HUNDRED = FixedQuantity(quantity=100)


@dataclass(frozen=True)
class Seat:
    label: str
    weight: float = 1.0


ONE = (Seat("one"),)
TWO = (Seat("one", 0.5), Seat("two", 0.5))


def says(strategy, target, confidence=0.8, symbol="AAA") -> Signal:
    return Signal(strategy, symbol, target, confidence, "because")


def an_order(quantity, filled=0, symbol="AAA", state=OrderState.ACKED) -> Order:
    side = Side.BUY if quantity > 0 else Side.SELL
    return Order(f"o{quantity}", symbol, side, D(abs(quantity)), OrderType.MARKET, state, NOW, filled=D(filled))


def a_market(held=0, books=None, orders=(), price="10", symbols=("AAA",), **facts) -> Market:
    positions = {"AAA": Position("AAA", D(held), D(10))} if held else {}
    account = Account("acc", "paper", "USD", D(10000), positions, D(10000))
    quotes = {}
    if price is not None:
        quotes = {s: Quote(s, D(price), D(price), D(price), NOW) for s in symbols}
    bars = empty_bars(symbols, Timeframe("1d"), "test")
    booked = {(strategy, "AAA"): D(quantity) for strategy, quantity in (books or {}).items()}
    instruments = {symbol: Instrument(symbol, **facts) for symbol in symbols}
    return Market(NOW, Checked(bars), quotes, account, tuple(orders), instruments, Activity(booked))


def netted(signals, market, seats=ONE, sizer=HUNDRED, sizing=WIDE):
    return net(seats, signals, sizer, sizing, market, SLOT, "paper")


def legs(result) -> list:
    return [(intent.leg, intent.purpose.value, int(intent.signed)) for intent in result.intents]


def code(result) -> NoTrade:
    assert not result.intents
    (unplaced,) = result.unplaced
    assert unplaced.detail
    return unplaced.code


def test_one_strategy_gets_its_weight_times_target_times_full_size():
    (intent,) = netted([says("one", 0.5, 0.7)], a_market(), (Seat("one", 0.4),)).intents
    assert (intent.side, intent.quantity, intent.purpose, intent.leg) == (Side.BUY, 20, Purpose.ENTRY, 0)
    assert (intent.reference, intent.confidence, intent.slot) == (10, 0.7, SLOT.key)
    assert [(share.strategy, share.quantity) for share in intent.shares] == [("one", 20)]


def test_D04_two_strategies_are_netted_into_one_order_with_each_ones_part():
    (intent,) = netted([says("one", 1, 0.9), says("two", -0.4, 0.5)], a_market(), TWO).intents
    assert (intent.side, intent.quantity) == (Side.BUY, 30)
    assert {share.strategy: share.quantity for share in intent.shares} == {"one": 50, "two": -20}
    assert intent.confidence == pytest.approx((50 * 0.9 + 20 * 0.5) / 70)


def test_the_id_depends_on_plan_slot_symbol_and_leg_alone():
    (small,) = netted([says("one", 0.1)], a_market(price="10"), TWO).intents
    (large,) = netted([says("one", 1), says("two", 1)], a_market(price="77"), TWO).intents
    assert small.id == large.id == client_order_id("acc", "paper", ["two", "one"], SLOT, "AAA", 0)


@pytest.mark.parametrize(
    ("held", "target", "expected"),
    [
        (0, 1, [(0, "entry", 100)]),
        (40, 1, [(0, "entry", 60)]),
        (100, 0.3, [(0, "reduce", -70)]),
        (100, 0, [(0, "exit", -100)]),
        (100, -0.5, [(0, "exit", -100), (1, "entry", -50)]),
        (-100, 0.5, [(0, "exit", 100), (1, "entry", 50)]),
        (-100, -0.2, [(0, "reduce", 80)]),
        (-100, 0, [(0, "exit", 100)]),
        (0, -1, [(0, "entry", -100)]),
    ],
)
def test_purpose_and_legs_follow_from_where_the_position_goes(held, target, expected):
    assert legs(netted([says("one", target)], a_market(held, {"one": held}))) == expected


def test_a_strategy_without_an_opinion_keeps_what_its_book_holds():
    market = a_market(50, {"one": 30, "two": 20})
    result = netted([says("one", float("nan"), 0), says("two", 0)], market, TWO)
    assert legs(result) == [(0, "reduce", -20)]
    assert [(share.strategy, share.quantity) for share in result.intents[0].shares] == [("two", -20)]


def test_a_strategy_that_failed_keeps_what_its_book_holds():
    assert legs(netted([says("two", 0)], a_market(50, {"one": 30, "two": 20}), TWO)) == [(0, "reduce", -20)]


def test_T25_what_was_traded_by_hand_is_left_alone():
    assert legs(netted([says("one", 1)], a_market(25))) == [(0, "entry", 100)]
    assert legs(netted([says("one", 0)], a_market(125, {"one": 100}))) == [(0, "exit", -100)]


def test_T25_an_exit_ends_at_zero_where_the_account_holds_less_than_the_book():
    assert legs(netted([says("one", 0)], a_market(60, {"one": 100}))) == [(0, "exit", -60)]
    assert legs(netted([says("one", -0.1)], a_market(60, {"one": 100}))) == [(0, "exit", -60), (1, "entry", -10)]
    assert code(netted([says("one", 0)], a_market(0, {"one": 100}))) is NoTrade.AT_TARGET
    assert code(netted([says("one", 0)], a_market(-5, {"one": 100}))) is NoTrade.AT_TARGET
    assert legs(netted([says("one", 0)], a_market(-60, {"one": -100}))) == [(0, "exit", 60)]


def test_what_open_orders_bring_is_not_ordered_again():
    assert legs(netted([says("one", 1)], a_market(orders=[an_order(70, filled=20)]))) == [(0, "entry", 50)]
    assert code(netted([says("one", 1)], a_market(orders=[an_order(100)]))) is NoTrade.AT_TARGET
    gone = an_order(100, state=OrderState.CANCELED)
    assert legs(netted([says("one", 1)], a_market(orders=[gone]))) == [(0, "entry", 100)]


def test_B21_more_on_the_way_than_wanted_is_not_answered_by_the_opposite_order():
    assert code(netted([says("one", 1)], a_market(orders=[an_order(150)]))) is NoTrade.AT_TARGET
    assert code(netted([says("one", 1)], a_market(100, {"one": 100}, [an_order(50)]))) is NoTrade.AT_TARGET


def test_the_rest_of_an_exit_that_is_still_open_is_not_sold_twice():
    market = a_market(100, {"one": 100}, [an_order(-40)])
    assert legs(netted([says("one", 0)], market)) == [(0, "exit", -60)]


def test_why_nothing_is_ordered():
    hold = says("one", float("nan"), 0)
    assert code(netted([hold], a_market(50, {"one": 50}))) is NoTrade.HOLD
    assert code(netted([says("one", 1)], a_market(100, {"one": 100}))) is NoTrade.AT_TARGET
    assert code(netted([says("one", 1)], a_market(price=None))) is NoTrade.NO_PRICE
    assert code(netted([says("one", 0)], a_market(50, {"one": 50}, price=None))) is NoTrade.NO_PRICE
    assert code(netted([says("one", 1)], a_market(tradable=False))) is NoTrade.NOT_TRADABLE
    assert code(netted([says("one", 0.004)], a_market())) is NoTrade.ZERO
    small = Sizing(min_trade=D(51), max_trade=D(1000))
    assert code(netted([says("one", 0.05)], a_market(), sizing=small)) is NoTrade.BELOW_MIN_TRADE


def test_opposite_wishes_of_the_same_size_cancel_each_other():
    assert code(netted([says("one", 1), says("two", -1)], a_market(), TWO)) is NoTrade.AT_TARGET


def test_an_unknown_instrument_is_not_traded():
    market = a_market(symbols=("BBB",))
    assert code(netted([says("one", 1)], market)) is NoTrade.NO_PRICE
    priced = a_market(symbols=("AAA", "BBB"))
    del priced.instruments["AAA"]
    assert code(netted([says("one", 1)], priced)) is NoTrade.NOT_TRADABLE


def test_without_a_size_a_strategy_can_leave_but_not_enter():
    unknown = Account("acc", "paper", "USD", D(0), {"ZZZ": Position("ZZZ", D(1), D(1))}, D(0))
    market = a_market(50, {"one": 50})
    blind = Market(NOW, market.checked, market.quotes, unknown, (), market.instruments, market.activity)
    assert code(netted([says("one", 1)], blind, sizer=WeightOfEquity())) is NoTrade.ZERO
    broke = Account("acc", "paper", "USD", D(-(10**6)), market.account.positions, D(0))
    blind = Market(NOW, market.checked, market.quotes, broke, (), market.instruments, market.activity)
    assert legs(netted([says("one", 0)], blind, sizer=WeightOfEquity())) == [(0, "exit", -50)]


def test_F04_an_entry_is_cut_to_the_largest_trade_and_an_exit_is_not():
    small = Sizing(min_trade=D(5), max_trade=D(335))
    entry = netted([says("one", 1)], a_market(), sizing=small)
    assert legs(entry) == [(0, "entry", 33)]
    assert entry.notes == ("AAA: max_trade 335 cuts 100 to 33",)
    assert legs(netted([says("one", 0)], a_market(100, {"one": 100}), sizing=small)) == [(0, "exit", -100)]
    flip = netted([says("one", -1)], a_market(100, {"one": 100}), sizing=small)
    assert legs(flip) == [(0, "exit", -100), (1, "entry", -33)]


def test_F04_a_full_exit_is_never_too_small():
    small = Sizing(min_trade=D(50), max_trade=D(1000))
    assert legs(netted([says("one", 0)], a_market(2, {"one": 2}), sizing=small)) == [(0, "exit", -2)]
    assert code(netted([says("one", 0.02)], a_market(4, {"one": 4}), sizing=small)) is NoTrade.BELOW_MIN_TRADE
    with_hand = a_market(30, {"one": 2})
    assert legs(netted([says("one", 0)], with_hand, sizing=small)) == [(0, "exit", -2)]


def test_B14_quantities_are_cut_to_lots_or_fractions_towards_zero():
    third = FixedCash(notional=100)
    assert netted([says("one", 1)], a_market(price="30"), sizer=third).intents[0].quantity == 3
    assert netted([says("one", -1)], a_market(price="30"), sizer=third).intents[0].quantity == 3
    parts = netted([says("one", 1)], a_market(price="30", fractionable=True), sizer=third).intents[0]
    assert parts.quantity == D("3.333333333")
    assert netted([says("one", 1)], a_market(lot=D(30)), sizer=HUNDRED).intents[0].quantity == 90


def test_the_last_close_stands_in_for_a_missing_quote():
    close = np.array([[10.0], [12.5]])
    times = np.array(["2026-02-26", "2026-02-27"], "datetime64[ns]")
    fields = {name: close.copy() for name in ("open", "high", "low", "close", "volume")}
    bars = make_bars(("AAA",), times, fields, Timeframe("1d"), "test")
    bare = a_market(price=None)
    market = Market(NOW, Checked(bars), {}, bare.account, (), bare.instruments)
    assert netted([says("one", 1)], market).intents[0].reference == D("12.5")


targets = st.one_of(st.just(float("nan")), st.sampled_from([-1.0, 0.0, 1.0]), st.floats(-1, 1))


@st.composite
def scenes(draw):
    """Strategies with weights, books and opinions on one symbol, and an account that agrees with the books."""
    count = draw(st.integers(1, 4))
    fractionable = draw(st.booleans())
    seats = tuple(Seat(f"s{i}", draw(st.floats(0.01, 1))) for i in range(count))
    quantity = st.decimals(-50, 50, places=9) if fractionable else st.integers(-50, 50).map(D)
    books = {seat.label: draw(quantity) for seat in seats}
    signals = [says(seat.label, draw(targets), draw(st.floats(0, 1))) for seat in seats]
    held = sum(books.values(), D(0))
    return seats, books, signals, a_market(held, books, fractionable=fractionable, price="7.77")


@settings(max_examples=300, deadline=None)
@given(scene=scenes())
def test_D04_shares_add_up_exactly_and_the_wanted_position_is_reached(scene):
    seats, books, signals, market = scene
    result = netted(signals, market, seats)
    step = market.instruments["AAA"].step
    for intent in result.intents:
        assert sum(share.quantity for share in intent.shares) == intent.signed
        assert intent.quantity % step == 0
        assert 0 <= intent.confidence <= 1
    opinion = {s.strategy: s.target for s in signals}
    wanted = sum(
        books[seat.label] if np.isnan(opinion[seat.label]) else D(str(seat.weight)) * D(str(opinion[seat.label])) * 100
        for seat in seats
    )
    reached = market.account.quantity("AAA") + sum(intent.signed for intent in result.intents)
    assert abs(wanted - reached) < step * 2
    assert bool(result.intents) is not bool(result.unplaced)


@settings(max_examples=100, deadline=None)
@given(scene=scenes())
def test_D04_the_books_after_the_fills_are_what_each_strategy_wanted(scene):
    seats, books, signals, market = scene
    after = dict(books)
    for intent in netted(signals, market, seats).intents:
        for share in intent.shares:
            after[share.strategy] += share.quantity
    opinion = {s.strategy: s.target for s in signals}
    for seat in seats:
        if np.isnan(opinion[seat.label]):
            assert after[seat.label] == books[seat.label]
    total = market.account.quantity("AAA") + sum(i.signed for i in netted(signals, market, seats).intents)
    assert sum(after.values()) == total


@settings(max_examples=60, deadline=None)
@given(scene=scenes(), seed=st.integers(0, 9))
def test_I18_the_order_of_the_signals_does_not_matter(scene, seed):
    seats, _, signals, market = scene
    rotated = signals[seed % len(signals) :] + signals[: seed % len(signals)]
    assert netted(rotated, market, seats) == netted(signals, market, seats)


def test_quotes_may_be_old_here_because_the_gate_judges_their_age():
    old = a_market()
    old.quotes["AAA"] = Quote("AAA", D(10), D(10), D(10), NOW - timedelta(days=1))
    assert netted([says("one", 1)], old).intents
