"""Known answers of the sizers, and what they do without what they need."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openbell import sizing
from openbell.errors import PlanError
from openbell.plugins import build, discover
from openbell.sizing.base import Sizer, SizingContext
from openbell.sizing.fixed_cash import FixedCash
from openbell.sizing.fixed_quantity import FixedQuantity
from openbell.sizing.volatility_target import VolatilityTarget
from openbell.sizing.weight_of_equity import WeightOfEquity
from openbell.values.bars import Bars, Timeframe, empty_bars, make_bars

FOUND = discover(sizing, Sizer)
PRICES = {"AAA": Decimal(100), "BBB": Decimal(40)}


def bars_of(close, timeframe="1d") -> Bars:
    close = np.asarray(close, dtype=np.float64)
    times = np.datetime64("2026-01-01", "ns") + np.arange(len(close)) * np.timedelta64(1, "D")
    fields = {name: close.copy() for name in ("open", "high", "low", "close", "volume")}
    symbols = ("AAA", "BBB", "CCC")[: close.shape[1]]
    return make_bars(symbols, times.astype("datetime64[ns]"), fields, Timeframe(timeframe), "test")


def context(equity="10000", prices=PRICES, bars=None) -> SizingContext:
    none = empty_bars(tuple(PRICES), Timeframe("1d"), "test")
    return SizingContext(None if equity is None else Decimal(equity), prices, none if bars is None else bars)


def zigzag(rows, swing) -> np.ndarray:
    """A price that goes up and down by ``swing`` in log terms at every bar."""
    return 100 * np.exp(swing * (np.arange(rows) % 2))


def test_the_sizers_are_found_by_their_file_names():
    assert set(FOUND) == {"fixed_cash", "fixed_quantity", "weight_of_equity", "volatility_target"}


def test_fixed_cash_divides_by_the_price():
    assert FixedCash(notional=1000).full_sizes(context()) == {"AAA": 10, "BBB": 25}


def test_fixed_quantity_is_the_same_everywhere():
    assert FixedQuantity(quantity=3).full_sizes(context(None)) == {"AAA": 3, "BBB": 3}


def test_weight_of_equity_is_a_share_of_it():
    assert WeightOfEquity(weight="0.2").full_sizes(context()) == {"AAA": 20, "BBB": 50}


@pytest.mark.parametrize("equity", [None, "NaN", "Infinity", "0", "-1"])
@pytest.mark.parametrize("sizer", [WeightOfEquity(), VolatilityTarget()])
def test_I14_without_equity_above_zero_there_is_no_size(sizer, equity):
    assert sizer.full_sizes(context(equity, bars=bars_of(np.column_stack([zigzag(100, 0.01)] * 2)))) == {}


def test_volatility_target_gives_the_calmer_symbol_the_larger_position():
    close = np.column_stack([zigzag(61, 0.02), zigzag(61, 0.04)])
    sizer = VolatilityTarget(annual_volatility=0.1, lookback_bars=60, max_weight=1)
    # 60 returns of +-s around 0: sample deviation s x sqrt(60/59), a year has 252 of them.
    yearly = 0.02 * math.sqrt(60 / 59) * math.sqrt(252)
    sizes = sizer.full_sizes(context(bars=bars_of(close)))
    assert float(sizes["AAA"]) == pytest.approx(0.1 / yearly * 10000 / 100)
    assert float(sizes["BBB"] * 40) == pytest.approx(float(sizes["AAA"] * 100) / 2)


def test_volatility_target_is_told_for_every_bar_as_for_the_last_one():
    close = 100 * np.exp(np.random.default_rng(5).normal(0, 0.02, (200, 2)).cumsum(axis=0))
    close[:, 1] = 50.0
    bars, sizer = bars_of(close), VolatilityTarget(lookback_bars=10, max_weight="0.3")
    rough = sizer.rough(np.full((200, 1), 10_000.0), np.full((200, 2), 100.0), sizer.measured(bars))
    assert np.isnan(rough[:10]).all()
    assert np.isnan(rough[:, 1]).all()
    for row in range(10, 200):
        sizes = sizer.full_sizes(context(prices={"AAA": Decimal(100)}, bars=bars.rows(0, row + 1)))
        assert rough[row, 0] == pytest.approx(float(sizes["AAA"]), rel=1e-12)


def test_volatility_of_shorter_bars_is_scaled_by_the_hours_of_a_day():
    close = zigzag(61, 0.02)[:, None]
    daily = VolatilityTarget().volatility(bars_of(close))
    hourly = VolatilityTarget().volatility(bars_of(close, "1h"))
    assert hourly / daily == pytest.approx(math.sqrt(6.5))


def test_the_weight_is_capped():
    sizes = VolatilityTarget(max_weight="0.2").full_sizes(context(bars=bars_of(zigzag(61, 0.0001)[:, None])))
    assert sizes == {"AAA": 20}


def test_a_symbol_with_too_little_history_or_a_price_that_never_moved_has_no_size():
    late = zigzag(61, 0.02)
    late[0] = np.nan
    close = np.column_stack([late, np.full(61, 5.0), zigzag(61, 0.02)])
    assert set(VolatilityTarget().full_sizes(context(prices=dict.fromkeys("ABC", 1), bars=bars_of(close)))) == set()
    priced = {"AAA": Decimal(1), "BBB": Decimal(1), "CCC": Decimal(1)}
    assert set(VolatilityTarget().full_sizes(context(prices=priced, bars=bars_of(close)))) == {"CCC"}
    assert VolatilityTarget().full_sizes(context(bars=bars_of(close[:60]))) == {}


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("weight_of_equity", {"weight": 15}, "weight.*less than or equal to 1.*'15'"),
        ("weight_of_equity", {"wieght": 0.1}, "did you mean 'weight'"),
        ("fixed_cash", {"notional": 0}, "greater than 0"),
        ("fixed_quantity", {"quantity": float("inf")}, "finite"),
        ("fixed_quantity", {"quantity": True}, "true and false are not amounts"),
        ("volatility_target", {"annual_volatility": 10}, "less than or equal to 1"),
    ],
)
def test_F11_parameters_out_of_bounds_are_refused(name, params, words):
    with pytest.raises(PlanError, match=words):
        build(FOUND[name], params, "sizing.params")


@pytest.mark.parametrize("sizer", [found() for found in FOUND.values()], ids=list(FOUND))
@settings(max_examples=40, deadline=None)
@given(
    equity=st.one_of(st.none(), st.decimals(allow_nan=True, allow_infinity=True, min_value=None)),
    price=st.decimals("0.0001", 10**6, places=4),
    swing=st.floats(0, 0.5),
)
def test_every_size_is_finite_and_not_negative(sizer, equity, price, swing):
    close = np.column_stack([zigzag(100, swing), zigzag(100, swing / 2)])
    known = equity if equity is None or not equity.is_finite() or abs(equity.adjusted()) < 15 else Decimal(1)
    sizes = sizer.full_sizes(SizingContext(known, {"AAA": price}, bars_of(close)))
    assert set(sizes) <= {"AAA"}
    assert all(size.is_finite() and size >= 0 for size in sizes.values())


@pytest.mark.parametrize("found", FOUND.values(), ids=list(FOUND))
def test_every_field_is_described(found):
    assert all(field.description for field in found.model_fields.values())
