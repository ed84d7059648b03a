"""Every promise of a strategy is tried, and what breaks one is named with symbol, bar and values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from openbell.feeds.sample import SampleFeed
from openbell.stages.differences import difference
from openbell.stages.futures import FUTURES
from openbell.stages.promises import Broken, Promise, Trials, ask, check, lookback_of
from openbell.stages.synthetic import random_bars, trial_panels
from openbell.strategies.base import Strategy
from openbell.strategies.sma_crossover import SmaCrossover
from openbell.values.bars import FIELDS, Bars, Timeframe
from openbell.values.time import parse_instant
from tests.replay import planted

PANELS = trial_panels(5, 1)
AS_OF = parse_instant("2026-11-20T22:00:00Z")


def sample() -> Bars:
    return SampleFeed().bars(("AAPL", "FB", "GOOG", "IBM", "MSFT"), Timeframe("1d"), 3000, AS_OF).bars


def broken(strategy: Strategy, panels: dict[str, Bars] | None = None, points: int = 20) -> dict[Promise, Broken]:
    return {one.promise: one for one in check(strategy, panels or PANELS, Trials(points))}


@pytest.mark.parametrize("kind", planted.PEEKING)
def test_X16_a_planted_look_ahead_is_caught_on_synthetic_panels(kind: type[Strategy]) -> None:
    found = broken(kind())[Promise.FUTURE]
    assert "it looks ahead: with the bars from" in found.detail
    assert found.panel in PANELS


@pytest.mark.parametrize("kind", planted.PEEKING)
def test_X16_a_planted_look_ahead_is_caught_on_the_sample_prices(kind: type[Strategy]) -> None:
    assert Promise.FUTURE in broken(kind(), {"sample": sample()})


def test_X16_what_is_told_is_the_first_cell_with_both_values() -> None:
    bars = sample()
    found = broken(planted.NextClose(), {"sample": bars}, points=0)[Promise.FUTURE]
    cell = found.cell
    assert cell is not None
    assert cell.value == "target"
    row = int(np.flatnonzero(bars.times == np.datetime64(cell.bar.replace(tzinfo=None), "ns"))[0])
    column = bars.column(cell.symbol)
    assert cell.was == float(bars.close[row + 1, column] > bars.close[row, column])
    assert cell.became == 1 - cell.was
    assert f"target of {cell.symbol}" in found.detail


@pytest.mark.parametrize(
    ("kind", "promise", "words"),
    [
        (planted.NeedsMore, Promise.HISTORY, "4 bars are enough, but it depends on older ones"),
        (planted.OutOfBounds, Promise.BOUNDS, "is 3: a target is outside [-1, 1]"),
        (planted.Restless, Promise.REPEATS, "asked twice, confidence of S0"),
        (planted.Scribbles, Promise.INPUT, "read-only"),
        (planted.Stumbles, Promise.ANSWERS, "KeyError: 'no bars' (planted.py:"),
        (planted.CountsColumns, Promise.ORDER, "with the symbols in another order"),
        (planted.Silent, Promise.SPEAKS, "no opinion on any panel"),
        (planted.OtherwiseLive, Promise.LATEST, "latest differs from the last row of signals"),
    ],
)
def test_every_other_broken_promise_is_named(kind: type[Strategy], promise: Promise, words: str) -> None:
    assert words in broken(kind())[promise].detail


@pytest.mark.parametrize("need", [0, -3, True, 2.5, 10**9])
def test_a_lookback_that_is_no_number_of_bars_is_named(need: object) -> None:
    class Odd(planted.Honest):
        @property
        def lookback(self) -> object:
            return need

    found = lookback_of(Odd())
    assert isinstance(found, Broken)
    assert repr(need) in found.detail


@settings(max_examples=15, deadline=None)
@given(fast=some.integers(1, 10), gap=some.integers(1, 20), seed=some.integers(0, 2**31))
def test_an_honest_strategy_keeps_every_promise_whatever_the_seed(fast: int, gap: int, seed: int) -> None:
    for strategy in (planted.Honest(), SmaCrossover(fast=fast, slow=fast + gap)):
        assert check(strategy, trial_panels(strategy.lookback, seed), Trials(5, seed)) == ()


@pytest.mark.parametrize("name", FUTURES)
def test_another_future_leaves_the_past_and_is_a_panel_like_any(name: str) -> None:
    bars = random_bars(60, late=20, ended=40)
    for cut in (1, 19, 21, 39, 41, 59):
        other = FUTURES[name](bars, cut, np.random.default_rng(1))
        for field in FIELDS:
            np.testing.assert_array_equal(other.panel(field)[:cut], bars.panel(field)[:cut])
        assert len(other) == cut or not np.array_equal(other.close[cut:], bars.close[cut:], equal_nan=True) or cut == 59


def test_equal_panels_have_no_difference_and_rounding_is_none() -> None:
    bars = random_bars(60)
    one, other = ask(planted.Honest(), bars), ask(planted.Honest(), bars)
    other.confidence[...] *= 1 + 1e-12
    assert difference(one, other, bars) is None
    other.confidence[30, 2] += 0.1
    found = difference(one, other, bars)
    assert found is not None
    assert (found.symbol, found.value, found.bar.isoformat()) == ("S2", "confidence", "2020-02-12T21:00:00+00:00")
