import numpy as np
import pytest

from openbell.strategies.ts_momentum import TimeSeriesMomentum
from openbell.strategies.xs_momentum import CrossSectionalMomentum
from tests.contracts.panels import bars_of, random_bars


def test_time_series_momentum_follows_the_return_before_the_skipped_bars():
    close = np.array([[100, 110, 121, 50, 60.0]]).T
    panel = TimeSeriesMomentum(window=2, skip=1).signals(bars_of(close))
    assert np.isnan(panel.target[:3]).all()
    assert panel.target[3:, 0].tolist() == [1, 0]
    assert panel.evidence["return"][3:, 0].tolist() == pytest.approx([0.21, 50 / 110 - 1])


def test_time_series_momentum_goes_short_when_asked():
    close = np.array([[100, 90, 80.0]]).T
    assert TimeSeriesMomentum(window=2, skip=0, short=True).signals(bars_of(close)).target[-1, 0] == -1


def test_steady_moves_are_surer_than_erratic_ones_of_the_same_size():
    close = np.column_stack((np.linspace(100, 120, 21), 100 + 20 * (np.arange(21) % 2) * 1.0))
    close[-1] = 120
    panel = TimeSeriesMomentum(window=20, skip=0).signals(bars_of(close))
    assert panel.target[-1].tolist() == [1, 1]
    assert panel.confidence[-1, 0] > 0.99
    assert panel.confidence[-1, 1] < 0.3


def test_momentum_confidence_is_uniform_on_random_walks():
    panel = TimeSeriesMomentum(window=20, skip=0).signals(random_bars(4_000, symbols=20, seed=4, volatility=0.01))
    assert 0.45 < float((panel.confidence[20:] < 0.5).mean()) < 0.55


def test_cross_sectional_momentum_holds_the_first_and_shorts_the_last():
    close = np.array([[100, 100, 100, 100, 100], [105, 101, 99, 110, 90.0]])
    strategy = CrossSectionalMomentum(window=1, skip=0, top=0.4, short=True)
    panel = strategy.signals(bars_of(close))
    assert panel.target[-1].tolist() == [1, 0, -1, 1, -1]
    assert panel.evidence["place"][-1].tolist() == [2, 3, 4, 1, 5]
    assert panel.confidence[-1].tolist() == [0.5, 0, 0.5, 1, 1]
    assert strategy.reason({"return": 0.1, "place": 1, "of": 5}) == "1-bar return +10.00% ranks 1 of 5"


def test_at_least_one_symbol_is_held():
    close = np.array([[100, 100, 100], [105, 101, 99.0]])
    assert CrossSectionalMomentum(window=1, skip=0, top=0.01).signals(bars_of(close)).target[-1].tolist() == [1, 0, 0]


def test_a_tie_across_the_line_stays_out():
    close = np.array([[100, 100, 100], [105, 105, 99.0]])
    strategy = CrossSectionalMomentum(window=1, skip=0, top=0.34, short=True)
    assert strategy.signals(bars_of(close)).target[-1].tolist() == [0, 0, -1]


def test_a_tie_for_the_last_place_is_not_shorted():
    close = np.array([[100, 100, 100], [105, 99, 99.0]])
    strategy = CrossSectionalMomentum(window=1, skip=0, top=0.34, short=True)
    assert strategy.signals(bars_of(close)).target[-1].tolist() == [1, 0, 0]


def test_one_ranked_symbol_is_no_ranking():
    close = np.array([[100, np.nan], [105, np.nan], [106, 50.0]])
    panel = CrossSectionalMomentum(window=1, skip=0).signals(bars_of(close))
    assert np.isnan(panel.target).all()
    assert not panel.confidence.any()


def test_a_symbol_that_has_ended_is_not_ranked():
    close = np.array([[100, 100, 100], [101, 102, 150], [102, 104, np.nan], [103, 106, np.nan]])
    panel = CrossSectionalMomentum(window=1, skip=1, top=0.5).signals(bars_of(close))
    assert panel.evidence["of"][2:, 0].tolist() == [2, 2]
    assert panel.target[2:, :2].tolist() == [[0, 1], [0, 1]]
