"""How many bars a run asks its feed for: enough for whatever looks back."""

import pytest

from openbell.stages.resolve import DEFAULT_HISTORY, resolve
from openbell.values.plan import Plan

LONG = {"use": "volatility_target", "params": {"lookback_bars": 90}}
SHORT = {"use": "volatility_target", "params": {"lookback_bars": 5}}
CALM = {"volatility": 0.01, "calm": "1h", "window": 120}


def history(lookback=None, fast=None, **told):
    strategy = {"use": "sma_crossover", "params": {"fast": fast, "slow": 2 * fast}} if fast else {"use": "buy_and_hold"}
    plan = {"name": "p", "universe": ["A"], "strategies": [strategy], "lookback": lookback, **told}
    return resolve(Plan.model_validate(plan)).history


def needed(fast):
    return history(fast=fast)


def test_it_is_what_the_strategies_need():
    assert needed(40) > needed(10)


def test_a_sizer_has_the_bars_that_it_measures_however_little_the_strategies_need():
    assert needed(10) < 91
    assert history(fast=10, sizing=LONG) == 91


def test_a_sizer_that_needs_less_than_the_strategies_changes_nothing():
    assert history(fast=40, sizing=SHORT) == needed(40)


def test_A17_the_calm_of_a_market_has_the_bars_that_it_is_measured_over():
    assert history(fast=10, adaptive=CALM) == 121


@pytest.mark.parametrize(("said", "found"), [(500, 500), (1, 91)])
def test_a_plan_may_ask_for_more_and_not_for_less(said, found):
    assert history(said, fast=10, sizing=LONG) == found


def test_a_plan_of_strategies_that_look_at_nothing_has_bars_all_the_same():
    assert 1 <= history() <= DEFAULT_HISTORY
