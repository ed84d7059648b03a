import numpy as np
import pytest
from pydantic import ValidationError

from openbell.strategies.donchian_breakout import DonchianBreakout
from tests.contracts.panels import bars_of


def test_long_above_the_highs_before_out_below_the_lows_and_hold_between():
    close = np.array([[10, 11, 12, 12.5, 14, 13, 9.0]]).T
    panel = DonchianBreakout(entry=3, exit=2).signals(bars_of(close, high=close + 1, low=close - 1))
    # Highs of the three bars before: -, -, -, 13, 13.5, 15, 15; lows of the two before: 10, 11, 11.5, 12.
    got = panel.target[:, 0]
    assert np.isnan(got[[0, 1, 2, 3, 5]]).all()
    assert got[[4, 6]].tolist() == [1, 0]
    assert panel.evidence["upper"][3:, 0].tolist() == [13, 13.5, 15, 15]
    assert panel.evidence["lower"][3:, 0].tolist() == [10, 11, 11.5, 12]


def test_the_breakout_bar_itself_is_not_part_of_its_channel():
    close = np.array([[10, 10, 11.0]]).T
    assert DonchianBreakout(entry=2, exit=1).signals(bars_of(close, high=close + 0.5)).target[-1, 0] == 1


def test_confidence_starts_at_a_half_and_grows_with_the_distance():
    close = np.array([[10, 10, 11.01], [10, 10, 13.0]]).T
    panel = DonchianBreakout(entry=2, exit=2).signals(bars_of(close, high=close + 1, low=close - 1))
    near, far = panel.confidence[-1]
    assert 0.5 < near < 0.51
    assert far > 0.8


def test_a_touch_is_no_breakout():
    close = np.array([[10, 10, 10.0]]).T
    assert np.isnan(DonchianBreakout(entry=2, exit=2).signals(bars_of(close)).target).all()


def test_an_exit_longer_than_the_entry_is_refused():
    with pytest.raises(ValidationError, match="exit 30 is above entry 20"):
        DonchianBreakout(exit=30)


def test_reasons_name_the_line():
    strategy = DonchianBreakout()
    assert strategy.reason({"close": 12.0, "upper": 11.5, "lower": 9.0}) == "close 12 above the 20-bar high 11.5"
    assert strategy.reason({"close": 8.0, "upper": 11.5, "lower": 9.0}) == "close 8 below the 10-bar low 9"
