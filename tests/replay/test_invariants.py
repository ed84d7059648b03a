"""What holds of every replay, whatever the market does."""

import math
from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openbell.feeds.sample import SampleFeed
from openbell.values.bars import Timeframe
from openbell.values.plan import Plan
from tests.replay.made import FIRST, VENUE, Made, cash_by_fills, plan_for, rows_of, run, sessions, walk

ROWS = 60

markets = st.builds(
    lambda columns, seed, sigma: Made(walk(ROWS, columns, seed, sigma)),
    st.integers(1, 4),
    st.integers(0, 10_000),
    st.sampled_from([0.005, 0.02, 0.06]),
)
plans = st.fixed_dictionaries(
    {},
    optional={
        "exits": st.sampled_from([{"stop_loss": 0.03, "take_profit": 0.05}, {"trailing_stop": 0.04}]),
        "sizing": st.sampled_from(
            [
                {"use": "fixed_quantity", "params": {"quantity": 30}, "max_trade": 50_000},
                {"use": "fixed_cash", "params": {"notional": 7000}},
            ]
        ),
        "account": st.sampled_from(
            [
                {"params": {"cash": 20_000, "slippage_bps": 10, "fee": {"per_order": 1, "bps": 2}}},
                {"params": {"cash": 30_000, "shorting": True, "leverage": 2, "fill_share": "0.3"}},
            ]
        ),
        "strategies": st.just([{"use": "sma_crossover", "params": {"fast": 2, "slow": 4, "short": True}}]),
        "risk": st.just({"shorting": True, "min_confidence": 0}),
    },
)
few = settings(max_examples=12, deadline=None)
LAST = sessions(ROWS)[-1]


@few
@given(markets, plans)
def test_I18_cash_at_the_end_is_opening_cash_and_all_fills_and_fees(feed, changes):
    found = run(feed, plan_for(feed, **changes), FIRST, LAST)
    assert found.closing_cash == cash_by_fills(found)


@few
@given(markets, plans)
def test_I18_equity_is_cash_and_all_that_is_held_at_its_mark(feed, changes):
    found = run(feed, plan_for(feed, **changes), FIRST, LAST)
    fills, curve = found.fills, found.curve
    for number, close in enumerate(curve.times):
        so_far = fills.times < close
        held = np.bincount(fills.column[so_far], fills.signed[so_far], minlength=len(found.symbols))
        spent = (fills.signed * fills.price + fills.fee)[so_far].sum()
        worth = np.where(np.abs(held) > 1e-9, held * found.marks[number], 0.0)
        assert curve.cash[number] == pytest.approx(float(found.opening_cash) - spent, abs=1e-6)
        assert curve.equity[number] == pytest.approx(curve.cash[number] + worth.sum(), abs=1e-6)
        assert curve.gross[number] == pytest.approx(np.abs(worth).sum(), abs=1e-6)
        assert curve.holdings[number] == np.count_nonzero(np.abs(held) > 1e-9)


@few
@given(markets, plans)
def test_I18_nothing_fills_before_its_decision_or_at_a_price_that_was_not_there(feed, changes):
    """Each fill is inside a session, at or after the slot, and at the open of that session but for spread and slips."""
    found = run(feed, plan_for(feed, **changes), FIRST, LAST)
    opens, closes = VENUE.session_bounds(FIRST, LAST)
    row = np.searchsorted(closes, found.fills.times, side="right")
    since = found.fills.times - opens[row]
    assert (np.diff(found.fills.times) >= np.timedelta64(0, "s")).all()
    least = np.where(found.fills.exits, np.timedelta64(0, "m"), np.timedelta64(5, "m"))
    assert (since >= least).all()
    met = feed.values[0, row, found.fills.column]
    assert (np.abs(found.fills.price - met) <= met * 0.0015 + 0.011).all()


@few
@given(markets, plans, st.integers(8, ROWS - 1))
def test_I18_a_tape_that_ends_earlier_gives_the_same_fills_until_then(feed, changes, rows):
    plan, whole = plan_for(feed, **changes), run(feed, plan_for(feed, **changes), FIRST, LAST)
    end = sessions(ROWS)[rows - 1]
    short = run(Made(feed.values[:, :rows]), plan, FIRST, end)
    until = rows_of(whole)[: len(short.fills)]
    assert rows_of(short) == until
    rest = whole.fills.times[len(short.fills) :]
    assert (rest > short.curve.times[-1]).all()
    np.testing.assert_array_equal(short.curve.equity, whole.curve.equity[:rows])


def test_G12_the_same_tape_gives_the_same_250_days_byte_for_byte():
    feed = Made(walk(250, 5, 11))
    first, second = (run(feed, plan_for(feed), FIRST, sessions(250)[-1], keep=True) for _ in range(2))
    assert len(first.fills) > 100
    assert repr(first.decisions) == repr(second.decisions)
    for name in ("times", "column", "signed", "price", "fee", "exits"):
        assert getattr(first.fills, name).tobytes() == getattr(second.fills, name).tobytes()
    assert first.curve.equity.tobytes() == second.curve.equity.tobytes()


@few
@given(markets, plans)
def test_I18_keeping_every_decision_changes_none(feed, changes):
    plan = plan_for(feed, **changes)
    quick, kept = (run(feed, plan, FIRST, LAST, keep=keep) for keep in (False, True))
    assert rows_of(quick) == rows_of(kept)
    assert (quick.denials, quick.skips, quick.decided) == (kept.denials, kept.skips, kept.decided)


# --- against a loop of another make --------------------------------------------------------------------------


def crossover(opens: np.ndarray, close: np.ndarray, quantity: int) -> tuple[int, float]:
    """Fills and cash moved: decided at a close, filled a cent beyond the next open; a jump over 40 % is passed over."""
    count, cash, held = 0, 0.0, False
    for row in range(49, len(close) - 1):
        fast, slow = close[row - 19 : row + 1].mean(), close[row - 49 : row + 1].mean()
        if np.isnan(slow) or abs(close[row] - close[row - 1]) > 0.4 * close[row - 1]:
            continue
        if (fast / slow - 1 > 1e-9) != held:
            held = not held
            cents = round(float(opens[row + 1]) * 100, 4)
            cash += quantity * (-(math.floor(cents) + 1) if held else math.ceil(cents) - 1) / 100
            count += 1
    return count, cash


SAMPLE = Plan.model_validate(
    {
        "name": "plain",
        "universe": ["AAPL", "FB", "GOOG", "IBM", "MSFT"],
        "account": {"params": {"cash": 10_000_000, "fractions": False, "slippage_bps": 0}},
        "schedule": {"trade": {"at": ["open"]}, "exits": {"enabled": False}},
        "strategies": [{"use": "sma_crossover", "params": {"fast": 20, "slow": 50}}],
        "sizing": {"use": "fixed_quantity", "params": {"quantity": 100}, "max_trade": 1_000_000},
        "risk": {"max_order_notional": 1_000_000, "max_position_weight": 0.9, "min_confidence": 0},
    }
)


def test_I18_fills_and_cash_agree_with_a_plain_loop_over_the_whole_sample():
    feed, last = SampleFeed(spread_bps=Decimal("0.0001")), date(2026, 7, 15)
    whole = feed.history(SAMPLE.universe, Timeframe("1d"), 50, VENUE.hours(last).closes).bars
    first = VENUE.offset(last, 1 - len(whole))
    found = run(feed, SAMPLE, first, last)
    expected = [crossover(whole.open[:, at], whole.close[:, at], 100) for at in range(len(whole.symbols))]
    assert len(whole) > 3000
    assert len(found.fills) == sum(count for count, _ in expected) > 200
    assert float(found.closing_cash) == pytest.approx(10_000_000 + sum(cash for _, cash in expected), abs=0.01)


@pytest.mark.parametrize("rows", [11, 12, 13, 14, 15, 17, 18, 30, 41, 45])
def test_I18_holes_and_ends_of_data_look_the_same_to_a_tape_that_ends_earlier(rows):
    """S1 misses two sessions and then six, S2 ends for good, S3 comes late and jumps."""
    values = walk(ROWS, 4, 17)
    values[:, 8:10, 1] = values[:, 12:18, 1] = values[:, 40:, 2] = values[:, :20, 3] = np.nan
    values[:4, 44:, 3] *= 0.5
    plan = plan_for(Made(values), strategies=[{"use": "sma_crossover", "params": {"fast": 1, "slow": 3}}])
    whole = run(Made(values), plan, FIRST, LAST)
    short = run(Made(values[:, :rows]), plan, FIRST, sessions(ROWS)[rows - 1])
    columns = [whole.symbols.index(symbol) for symbol in short.symbols]
    mine = [(columns[row[1]], *row[2:]) for row in rows_of(short)]
    assert mine == [row[1:] for row in rows_of(whole)[: len(mine)]]
    assert (whole.fills.times[len(mine) :] > short.curve.times[-1]).all()
    np.testing.assert_allclose(short.curve.equity, whole.curve.equity[:rows], rtol=0, atol=1e-9)
