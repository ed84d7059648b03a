import math

import numpy as np
import pytest

from openbell import rolling

PANEL = np.random.default_rng(0).random((40, 3)) + 1


@pytest.mark.parametrize("rows", [1, 2, 31])
@pytest.mark.parametrize(
    ("move", "plain"), [(rolling.mean, np.mean), (rolling.highest, np.max), (rolling.lowest, np.min)]
)
def test_windows_agree_with_plain_reductions(move, plain, rows):
    expected = [plain(PANEL[stop - 10 : stop], axis=0) for stop in range(40 - rows + 1, 41)]
    assert np.allclose(move(PANEL, 10, rows), expected, rtol=1e-12)


@pytest.mark.parametrize("move", [rolling.mean, rolling.highest, rolling.lowest])
@pytest.mark.parametrize("rows", [1, 20])
def test_a_window_with_a_missing_bar_has_no_value(move, rows):
    panel = PANEL.copy()
    panel[:35, 0] = np.nan
    found = move(panel, 10, rows)
    assert np.isnan(found[:, 0]).all()
    assert np.isfinite(found[:, 1:]).all()


def test_change_looks_back_from_a_delayed_row():
    found = rolling.change(PANEL, 5, 2, delay=3)
    assert np.allclose(found, PANEL[[35, 36]] / PANEL[[30, 31]] - 1)


def test_a_base_that_is_not_above_zero_gives_no_change():
    panel = np.array([[0.0, -1.0, 2.0], [1.0, 1.0, 3.0]])
    found = rolling.change(panel, 1, 1)
    assert np.isnan(found[0, :2]).all()
    assert found[0, 2] == 0.5


def test_prices_that_stand_still_after_a_jump_have_no_noise():
    panel = np.full((60, 1), 100.0)
    panel[:20] = 3.0
    assert (rolling.noise(panel, 10, 15) == 0).all()


@pytest.mark.parametrize("z", [0.0, 0.1, 0.5, 1.0, 1.96, -1.0, 3.0, 50.0, math.inf])
def test_surprise_is_close_to_the_error_function(z):
    assert rolling.surprise(np.array([z]))[0] == pytest.approx(math.erf(abs(z) / math.sqrt(2)), abs=1e-3)
