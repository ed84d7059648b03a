"""What every strategy promises (``openbell.strategies.base``), as checks and as a suite to subclass.

A plug-in's own suite subclasses ``StrategyContract`` and gives it a ``strategy`` fixture.
"""

import numpy as np
import pytest

from openbell.stages import promises
from openbell.stages.promises import Trial
from openbell.strategies.base import Strategy
from openbell.values.bars import Bars
from tests.contracts.panels import bars_of, random_bars


def _tried(trial: Trial, strategy: Strategy, bars: Bars, seed: int) -> None:
    broken = trial(strategy, bars, np.random.default_rng(seed), 8)
    assert broken is None, f"{strategy.name}: {broken.detail}"


def check_causal(strategy: Strategy, bars: Bars, seed: int = 1) -> None:
    """Taking bars away at the end changes nothing before them, and nor does changing them."""
    _tried(promises.looks_ahead, strategy, bars, seed)


def check_history(strategy: Strategy, bars: Bars, seed: int = 2) -> None:
    """A row needs the last ``lookback`` bars and nothing older."""
    _tried(promises.needs_older_bars, strategy, bars, seed)


def check_values(strategy: Strategy, bars: Bars) -> None:
    """Shapes, bounds, and words for every cell with an opinion."""
    _tried(promises.out_of_bounds, strategy, bars, 3)


class StrategyContract:
    """The suite; ``strategy`` is the only fixture that a subclass must give."""

    @pytest.fixture
    def strategy(self) -> Strategy:
        raise NotImplementedError

    @pytest.fixture
    def bars(self, strategy: Strategy) -> Bars:
        rows = 3 * strategy.lookback + 60
        return random_bars(rows, late=strategy.lookback + 30, ended=2 * strategy.lookback + 40)

    def test_the_same_panel_gives_the_same_signals(self, strategy, bars):
        _tried(promises.wavers, strategy, bars, 3)

    def test_values_are_in_bounds_and_told_in_words(self, strategy, bars):
        check_values(strategy, bars)

    def test_it_has_an_opinion_at_some_time(self, strategy, bars):
        assert (~np.isnan(strategy.signals(bars).target)).any()

    def test_the_future_never_changes_the_past(self, strategy, bars):
        check_causal(strategy, bars)

    def test_the_declared_history_is_enough(self, strategy, bars):
        check_history(strategy, bars)

    def test_the_latest_row_is_the_last_one(self, strategy, bars):
        _tried(promises.answers_otherwise, strategy, bars, 3)

    def test_too_few_bars_or_none_or_no_symbols_give_no_signal(self, strategy, bars):
        _tried(promises.speaks_too_soon, strategy, bars, 3)

    def test_D22_the_panel_is_left_as_it_was(self, strategy, bars):
        _tried(promises.writes, strategy, bars, 3)

    def test_I18_the_order_of_symbols_does_not_matter(self, strategy, bars):
        _tried(promises.depends_on_order, strategy, bars, 3)

    def test_one_that_says_so_decides_each_symbol_by_itself(self, strategy, bars):
        if not strategy.apart:
            pytest.skip("it compares symbols")
        parts = [strategy.opinions(bars.columns(at, at + 1)) for at in range(len(bars.symbols))]
        whole = strategy.opinions(bars)
        for name in ("target", "confidence"):
            alone = np.hstack([getattr(part, name) for part in parts])
            np.testing.assert_array_equal(alone, getattr(whole, name))

    def test_a_symbol_without_a_bar_has_no_opinion(self, strategy, bars):
        target = strategy.signals(bars).target
        assert np.isnan(target[np.isnan(bars.close)]).all()

    @pytest.mark.parametrize("price", [100.0, 0.00001, 1_000_000.0])
    def test_prices_that_stand_still_are_no_trouble(self, strategy, price):
        check_values(strategy, bars_of(np.full((strategy.lookback + 20, 3), price)))

    def test_prices_that_stop_moving_after_a_jump_are_no_trouble(self, strategy):
        bars = random_bars(3 * strategy.lookback + 20, symbols=3, seed=11)
        close = bars.close.copy()
        close[strategy.lookback] *= 5
        close[strategy.lookback + 5 :] = close[strategy.lookback + 5]
        still = bars_of(close)
        check_values(strategy, still)
        check_history(strategy, still)

    def test_prices_at_or_below_zero_are_no_trouble(self, strategy):
        close = random_bars(2 * strategy.lookback + 20, symbols=3, seed=13).close.copy()
        close[strategy.lookback :, 0] = 0.0
        close[:, 1] -= close[:, 1].mean()
        check_values(strategy, bars_of(close))

    def test_every_field_is_described(self, strategy):
        for name, field in type(strategy).model_fields.items():
            assert field.description, name
