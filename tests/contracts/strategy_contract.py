"""What every strategy promises (``openbell.strategies.base``), as checks and as a suite to subclass.

A plug-in's own suite subclasses ``StrategyContract`` and gives it a ``strategy`` fixture.
"""

from dataclasses import fields

import numpy as np
import pytest

from openbell.strategies.base import Strategy, seasoned
from openbell.values.bars import FIELDS, Bars, empty_bars
from openbell.values.signal import SignalPanel
from tests.contracts.panels import bars_of, random_bars


def same(one, other) -> bool:
    """Equal within 1e-9, with NaN only where the other has NaN."""
    return np.allclose(one, other, rtol=1e-9, atol=1e-9, equal_nan=True)


def agree(one: SignalPanel, other: SignalPanel) -> bool:
    """Equal targets; confidence, and evidence where there is an opinion, within 1e-9."""
    if not (np.array_equal(one.target, other.target, equal_nan=True) and same(one.confidence, other.confidence)):
        return False
    says = ~np.isnan(one.target)
    if not says.any():
        return True
    names = one.evidence.keys()
    return names == other.evidence.keys() and all(same(one.evidence[n][says], other.evidence[n][says]) for n in names)


def cut(panel: SignalPanel, rows, columns=slice(None)) -> SignalPanel:
    """Some rows and columns of a panel."""
    evidence = {name: values[rows][:, columns] for name, values in panel.evidence.items()}
    return SignalPanel(panel.target[rows][:, columns], panel.confidence[rows][:, columns], evidence)


def check_causal(strategy: Strategy, bars: Bars, seed: int = 1) -> None:
    """Taking bars away at the end changes nothing before them, and nor does changing them."""
    whole = strategy.signals(bars)
    rng = np.random.default_rng(seed)
    for stop in sorted({1, strategy.lookback, len(bars) - 1, *rng.integers(1, len(bars), 8).tolist()}):
        assert agree(strategy.signals(bars.rows(0, stop)), cut(whole, slice(0, stop))), (
            f"{strategy.name} looks ahead: without the bars from row {stop} on, its past differs"
        )


def check_history(strategy: Strategy, bars: Bars, seed: int = 2) -> None:
    """A row needs the last ``lookback`` bars and nothing older."""
    whole, need = strategy.signals(bars), strategy.lookback
    rng = np.random.default_rng(seed)
    for stop in (need, len(bars), *rng.integers(need, len(bars) + 1, 8).tolist()):
        alone = strategy.signals(bars.rows(stop - need, stop))
        assert agree(cut(alone, slice(-1, None)), cut(whole, slice(stop - 1, stop))), (
            f"{strategy.name} says that {need} bars are enough, but row {stop - 1} depends on older ones"
        )


def check_values(strategy: Strategy, bars: Bars) -> None:
    """Shapes, bounds, and words for every cell with an opinion."""
    panel = strategy.signals(bars)
    says = ~np.isnan(panel.target)
    assert panel.target.shape == panel.confidence.shape == bars.close.shape
    assert bool((np.abs(panel.target[says]) <= 1).all()), "a target is outside [-1, 1]"
    assert bool(np.isfinite(panel.confidence).all()), "a confidence is not finite"
    assert bool(((panel.confidence >= 0) & (panel.confidence <= 1)).all()), "a confidence is outside [0, 1]"
    assert bool((panel.confidence[~says] == 0).all()), "there is confidence without an opinion"
    assert not (says & ~seasoned(bars.close, strategy.lookback)).any(), "there is an opinion without enough bars"
    for name, values in panel.evidence.items():
        assert values.shape == bars.close.shape, name
        assert bool(np.isfinite(values[says]).all()), f"evidence {name} is not finite under an opinion"
    for row, column in np.argwhere(says)[:: max(1, int(says.sum()) // 200)]:
        words = strategy.reason({name: float(values[row, column]) for name, values in panel.evidence.items()})
        assert words
        assert "nan" not in words
    assert strategy.hold_reason


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
        assert _bytes(strategy.signals(bars)) == _bytes(strategy.signals(bars))

    def test_values_are_in_bounds_and_told_in_words(self, strategy, bars):
        check_values(strategy, bars)

    def test_it_has_an_opinion_at_some_time(self, strategy, bars):
        assert (~np.isnan(strategy.signals(bars).target)).any()

    def test_the_future_never_changes_the_past(self, strategy, bars):
        check_causal(strategy, bars)

    def test_the_declared_history_is_enough(self, strategy, bars):
        check_history(strategy, bars)

    def test_the_latest_row_is_the_last_one(self, strategy, bars):
        for stop in (strategy.lookback, strategy.lookback + 7, len(bars)):
            alone, whole = strategy.latest(bars.rows(0, stop)), strategy.signals(bars)
            assert agree(alone, cut(whole, slice(stop - 1, stop)))

    def test_words_for_many_cells_are_those_for_each(self, strategy, bars):
        panel = strategy.signals(bars)
        says = ~np.isnan(panel.target)
        told = {name: values[says][:50] for name, values in panel.evidence.items()}
        words = strategy.reasons(told) if told else []
        each = [{name: float(values[at]) for name, values in told.items()} for at in range(len(words))]
        assert words == [strategy.reason(cell) for cell in each]

    def test_no_bars_give_no_signal(self, strategy, bars):
        panel = strategy.signals(empty_bars(bars.symbols, bars.timeframe, "test"))
        assert panel.target.shape == (0, len(bars.symbols))

    def test_no_symbols_give_no_signal(self, strategy, bars):
        assert strategy.signals(bars.select([])).target.shape == (len(bars), 0)

    def test_one_bar_less_than_needed_gives_no_signal(self, strategy, bars):
        panel = strategy.signals(bars.rows(0, strategy.lookback - 1))
        assert np.isnan(panel.target).all()
        assert not panel.confidence.any()

    def test_D22_the_panel_is_left_as_it_was(self, strategy, bars):
        before = bars.digest()
        panel = strategy.signals(bars)
        assert bars.digest() == before
        for name in FIELDS:
            for array in (panel.target, panel.confidence):
                assert not np.shares_memory(array, bars.panel(name))

    def test_I18_the_order_of_symbols_does_not_matter(self, strategy, bars):
        order = np.random.default_rng(3).permutation(len(bars.symbols)).tolist()
        mixed = bars.select([bars.symbols[column] for column in order])
        assert agree(strategy.signals(mixed), cut(strategy.signals(bars), slice(None), order))

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


def _bytes(panel: SignalPanel) -> list[bytes]:
    names = [field.name for field in fields(panel) if field.name != "evidence"]
    arrays = [getattr(panel, name) for name in names] + list(panel.evidence.values())
    return [np.ascontiguousarray(array).tobytes() for array in arrays]
