import numpy as np
import pytest
from pydantic import ValidationError

from openbell.strategies.sma_crossover import SmaCrossover
from tests.contracts.panels import bars_of, random_bars

RISE_AND_FALL = np.array([[10, 10, 10, 13, 16, 10, 4, 4, 4.0]]).T


def test_long_while_the_fast_mean_is_above_and_flat_otherwise():
    panel = SmaCrossover(fast=1, slow=3).signals(bars_of(RISE_AND_FALL))
    # slow means: -, -, 10, 11, 13, 13, 10, 6, 4
    assert panel.target[:, 0].tolist()[2:] == [0, 1, 1, 0, 0, 0, 0]
    assert np.isnan(panel.target[:2]).all()
    assert panel.evidence["slow"][2:, 0].tolist() == pytest.approx([10, 11, 13, 13, 10, 6, 4])


def test_short_instead_of_flat_when_asked():
    panel = SmaCrossover(fast=1, slow=3, short=True).signals(bars_of(RISE_AND_FALL))
    assert panel.target[:, 0].tolist()[2:] == [-1, 1, 1, -1, -1, -1, -1]


def test_confidence_is_the_share_of_random_walks_with_a_smaller_gap():
    strategy = SmaCrossover(fast=5, slow=20)
    panel = strategy.signals(random_bars(4_000, symbols=20, seed=3, volatility=0.01))
    sure = panel.confidence[strategy.lookback - 1 :]
    # On driftless walks a probability is uniform: half of them below a half.
    assert 0.45 < float((sure < 0.5).mean()) < 0.55
    assert 0.07 < float((sure > 0.9).mean()) < 0.13


def test_equal_means_are_not_above():
    panel = SmaCrossover(fast=2, slow=7).signals(bars_of(np.full((40, 1), 0.1)))
    assert set(panel.target[6:, 0].tolist()) == {0.0}
    assert not panel.confidence.any()


def test_the_reason_gives_both_means():
    strategy = SmaCrossover()
    assert strategy.reason({"fast": 101.2, "slow": 99.8, "gap": 0.014}) == "20-bar mean 101.2 above 50-bar mean 99.8"
    assert "not above" in strategy.reason({"fast": 99.0, "slow": 99.8, "gap": -0.008})


@pytest.mark.parametrize(("fast", "slow"), [(50, 50), (51, 50), (0, 50), (20, 2_001)])
def test_windows_out_of_order_or_bounds_are_refused(fast, slow):
    with pytest.raises(ValidationError, match=r"fast|slow"):
        SmaCrossover(fast=fast, slow=slow)


def test_a_truth_is_no_number_of_bars():
    with pytest.raises(ValidationError, match="true and false are not amounts"):
        SmaCrossover(fast=True)
