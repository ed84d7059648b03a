"""A replay that takes many slots, or all orders of a slot, at once comes to the same as one that takes them singly."""

import math
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from openbell.replay.request import Request
from openbell.replay.result import Replayed
from openbell.replay.run import replay
from openbell.values.touches import LEAST, MOST, UNIT, cents_around
from tests.replay.walks import FIRST, AtOnce, OneByOne, plan, walk

NOW = datetime(2024, 1, 2, 15, tzinfo=UTC)
NAMES = ("AAA", "BBB", "CCC", "DDD")


def replayed(kind, wanted, values, spread=Decimal(2), keep=False) -> Replayed:
    feed = kind(NAMES[: values.shape[2]], values, spread, wanted.timeframe != "1d")
    return replay(Request(wanted, feed, FIRST, feed.last, keep=keep))


def assert_same(one: Replayed, other: Replayed) -> None:
    for name in ("curve", "fills", "trades"):
        for field in fields(getattr(one, name)):
            mine, theirs = (getattr(getattr(side, name), field.name) for side in (one, other))
            assert np.array_equal(mine, theirs, equal_nan=mine.dtype.kind == "f"), f"{name}.{field.name}"
    assert one.closing_cash == other.closing_cash
    for name in ("denials", "clipped", "skips", "decided", "slots", "notes", "dropped"):
        assert getattr(one, name) == getattr(other, name), name
    assert np.array_equal(one.marks, other.marks, equal_nan=True)


#: Limits that hold, that bind now and then, and that bind often.
RISKS = {
    "max_positions": st.sampled_from([10, 2, 1]),
    "max_order_notional": st.sampled_from([100_000, 600, 450]),
    "max_order_quantity": st.sampled_from([1_000, 10, 7]),
    "max_position_weight": st.sampled_from([1, 0.01, 0.006]),
    "max_gross_exposure": st.sampled_from([1, 0.02, 0.01]),
    "max_net_exposure": st.sampled_from([1, 0.01]),
    "max_orders_per_run": st.sampled_from([50, 2, 1]),
    "max_orders_per_day": st.sampled_from([50, 2]),
    "max_orders_per_minute": st.sampled_from([60, 2]),
    "min_confidence": st.sampled_from([0, 0.3, 0.6]),
    "daily_loss_halt": st.sampled_from([0.5, 0.001]),
    "drawdown_halt": st.sampled_from([0.9, 0.004]),
    "shorting": st.booleans(),
    "spread": st.sampled_from([0.05, 0.0005]),
}


#: One slot a session, several that follow each other closely, and one for each bar of an hour.
BELLS = st.sampled_from([{"at": ["open"]}, {"at": ["open", "open+3m", "open+2h"]}, {"every": "1h"}])
#: Always with an opinion, long or short; and with holes in which what is held stays.
STRATEGIES = (
    {"use": "sma_crossover", "params": {"fast": 2, "slow": 5}},
    {"use": "sma_crossover", "params": {"fast": 2, "slow": 5, "short": True}},
    {"use": "donchian_breakout", "params": {"entry": 4, "exit": 2}},
    {"use": "rsi_reversion", "params": {"window": 3}},
)


@st.composite
def risks(draw):
    found = {name: draw(values) for name, values in RISKS.items() if draw(st.integers(0, 3)) == 0}
    found.setdefault("min_confidence", 0)
    outer = {
        "max_gross_exposure": ("max_position_weight", "max_net_exposure"),
        "max_orders_per_minute": ("max_orders_per_run",),
        "max_orders_per_day": ("max_orders_per_run", "max_orders_per_minute"),
        "drawdown_halt": ("daily_loss_halt",),
    }
    for name, inner in outer.items():
        largest = max((found[one] for one in inner if one in found), default=None)
        if name in found or largest is not None:
            found[name] = max(found.get(name, 0), largest or 0)
    if any(name in found for name in ("max_orders_per_run", "max_orders_per_day", "max_orders_per_minute")):
        found.setdefault("max_orders_per_run", 1)
    return found


@st.composite
def accounts(draw):
    """Accounts with little and with much money, fees and slippage."""
    return {
        "cash": draw(st.sampled_from([100_000, 100_000, 1_500, 700])),
        "slippage_bps": draw(st.sampled_from([0, 1, "2.5"])),
        "fee": draw(st.sampled_from([{}, {}, {"per_order": "1"}, {"per_share": "0.005", "minimum": "0.35"}])),
        "shorting": draw(st.booleans()),
        "fractions": draw(st.booleans()),
        "leverage": draw(st.sampled_from([1, 1, 2])),
    }


@st.composite
def markets(draw):
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    bars, symbols = draw(st.integers(8, 70)), draw(st.integers(1, 4))
    values = walk(rng, bars, symbols, start=draw(st.sampled_from([50.0, 50.0, 4.0])))
    if draw(st.booleans()):
        values[:, : draw(st.integers(1, bars - 1)), 0] = np.nan  # listed late
    if draw(st.integers(0, 3)) == 0:
        values[:, draw(st.integers(1, bars - 1)) :, -1] = np.nan  # its data ends
    for _ in range(draw(st.integers(0, 2))):
        values[:, draw(st.integers(0, bars - 1)), draw(st.integers(0, symbols - 1))] = np.nan  # a bar is missing
    assume(bool(np.isfinite(values[3]).any(axis=0).all()))
    return values


@settings(max_examples=100, deadline=None)
@given(values=markets(), risk=risks(), account=accounts(), data=st.data())
def test_a_leap_changes_nothing(values, risk, account, data):
    wanted = plan(
        NAMES[: values.shape[2]],
        risk=risk,
        account={"params": account},
        timeframe=data.draw(st.sampled_from(["1d", "1d", "1h"])),
        schedule={"trade": data.draw(BELLS), "exits": {"enabled": False}},
        strategies=[{**data.draw(st.sampled_from(STRATEGIES)), "weight": data.draw(st.sampled_from([1.0, 0.5]))}],
        sizing={
            "use": "fixed_quantity",
            "params": {"quantity": data.draw(st.sampled_from([10, 10, "0.25", 3]))},
            "min_trade": data.draw(st.sampled_from([0, 100])),
            "max_trade": data.draw(st.sampled_from([1_000_000, 500])),
        },
    )
    assert_same(replayed(AtOnce, wanted, values), replayed(OneByOne, wanted, values))


def test_a_loss_in_the_first_session_of_all_halts_entries_with_a_leap_and_without():
    denied = []
    for seed, most in product(range(20), (0.0001, 0.0004)):
        wanted = plan(
            NAMES,
            risk={"min_confidence": 0, "daily_loss_halt": most},
            timeframe="1h",
            schedule={"trade": {"every": "1h"}, "exits": {"enabled": False}},
            strategies=[{"use": "sma_crossover", "params": {"fast": 1, "slow": 2}}],
        )
        values = walk(np.random.default_rng(seed), 7, len(NAMES))
        quick = replayed(AtOnce, wanted, values)
        assert_same(quick, replayed(OneByOne, wanted, values))
        denied.append(quick.denials.get("daily_loss_halt", 0))
    assert sum(denied) > 5


SIZERS = (
    {"use": "fixed_cash", "params": {"notional": 700}},
    {"use": "fixed_quantity", "params": {"quantity": 3}},
    {"use": "weight_of_equity", "params": {"weight": 0.1}},
    {"use": "volatility_target", "params": {"lookback_bars": 5, "max_weight": "0.3"}},
)
EXITS = ({}, {"stop_loss": 0.03, "take_profit": 0.04}, {"trailing_stop": 0.02, "time_limit": {"sessions": 4}})


@settings(max_examples=60, deadline=None)
@given(values=markets(), risk=risks(), account=accounts(), data=st.data())
def test_orders_that_are_filled_together_are_those_that_each_pass_alone(values, risk, account, data):
    some = data.draw(st.lists(st.sampled_from(STRATEGIES), min_size=1, max_size=3, unique_by=lambda use: use["use"]))
    rings = data.draw(st.sampled_from([{"enabled": False}, {"every": "1h"}]))
    wanted = plan(
        NAMES[: values.shape[2]],
        risk=risk,
        account={"params": account | {"fill_share": data.draw(st.sampled_from([1, 1, 1, "0.4"]))}},
        timeframe=data.draw(st.sampled_from(["1d", "1d", "1h"])),
        schedule={"trade": data.draw(BELLS), "exits": rings},
        exits=data.draw(st.sampled_from(EXITS)),
        strategies=[use | {"weight": weight} for use, weight in zip(some, (0.5, 0.3, 0.2), strict=False)],
        sizing=data.draw(st.sampled_from(SIZERS))
        | {"min_trade": data.draw(st.sampled_from([0, 100])), "max_trade": data.draw(st.sampled_from([10_000, 500]))},
        lookback=12,
    )
    assert_same(replayed(OneByOne, wanted, values), replayed(OneByOne, wanted, values, keep=True))


def test_without_a_limit_that_binds_every_slot_is_taken_at_once():
    values = walk(np.random.default_rng(3), 60, 4)
    found = replayed(AtOnce, plan(NAMES), values)
    assert len(found.fills) > 40
    assert_same(found, replayed(OneByOne, plan(NAMES), values))


@settings(max_examples=200, deadline=None)
@given(
    cents=st.integers(1, 2 * 10**7),
    spread=st.decimals("0", "1000", places=3),
)
def test_quotes_of_many_prices_are_those_of_one(cents, spread):
    feed = AtOnce(("AAA",), np.full((5, 1, 1), 50.0), spread)
    price = cents / 100
    (bid,), (ask,) = cents_around(np.array([price]), spread)
    assert (bid > 0) == (ask > 0) == (LEAST <= price < MOST)
    if bid:
        quote = feed.quote("AAA", price, NOW)
        assert (Decimal(int(bid)) / UNIT, Decimal(int(ask)) / UNIT) == (quote.bid, quote.ask)


@pytest.mark.parametrize("price", [math.nan, 0.0, -5.0, 0.5, 12.34567, 1e9, math.inf])
def test_a_price_that_is_no_whole_number_of_ticks_has_no_touches(price):
    assert [int(side[0]) for side in cents_around(np.array([price]), Decimal(2))] == [0, 0]
