"""Which strategies look at a slot: by their own interval, and by how restless the market is."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openbell.errors import PlanError
from openbell.stages.due import due, evaluate_due, goes_by_looks, realised
from openbell.stages.resolve import resolve
from openbell.values.account import Account
from openbell.values.bars import FIELDS, Timeframe, make_bars
from openbell.values.market import Activity, Checked, Market
from openbell.values.plan import Plan

PLANNED = datetime(2026, 11, 20, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
ADAPTIVE = {"volatility": 0.01, "calm": "1h", "window": 20}


def desk(every=None, adaptive=None):
    uses = [{"use": "buy_and_hold", "name": "slow", "every": every}, {"use": "buy_and_hold", "name": "fast"}]
    plan = {"name": "p", "universe": ["A", "B"], "strategies": uses, "adaptive": adaptive}
    return resolve(Plan.model_validate(plan))


def bars(swing=0.0, count=40):
    path = 100 * np.exp(np.cumsum(np.resize([swing, -swing], count)))
    close = np.column_stack([np.full(count, 50.0), path])
    times = np.datetime64("2026-09-01", "ns") + np.arange(count) * np.timedelta64(1, "D").astype("timedelta64[ns]")
    return make_bars(("A", "B"), times, dict.fromkeys(FIELDS, close), Timeframe("1d"), "test")


def market(swing=0.0, **looks):
    activity = Activity(looks={label: PLANNED - ago for label, ago in looks.items()})
    account = Account("a", "paper", "USD", Decimal(1000), {}, Decimal(1000))
    return Market(PLANNED, Checked(bars(swing)), {}, account, (), {}, activity)


def looking(found):
    return {one.label for one in found if one.due}


def test_a_plan_that_says_nothing_looks_at_every_slot():
    assert not goes_by_looks(desk().plan)
    assert looking(due(desk(), market(), PLANNED)) == {"slow", "fast"}


@pytest.mark.parametrize(("ago", "looks"), [(59, False), (60, True), (600, True)])
def test_A17_a_strategy_looks_again_after_its_own_interval_to_the_slot(ago, looks):
    found = due(desk(every="1h"), market(slow=timedelta(minutes=ago)), PLANNED)
    assert ("slow" in looking(found)) is looks
    assert "fast" in looking(found)


def test_A17_who_never_looked_is_due():
    assert looking(due(desk(every="1h"), market(), PLANNED)) == {"slow", "fast"}


@pytest.mark.parametrize(("swing", "looks"), [(0.002, set()), (0.05, {"slow", "fast"})])
def test_A18_a_calm_market_is_looked_at_less_often(swing, looks):
    recent = market(swing, slow=HOUR / 2, fast=HOUR / 2)
    assert looking(due(desk(adaptive=ADAPTIVE), recent, PLANNED)) == looks


def test_A18_after_the_calm_interval_it_is_looked_at_all_the_same():
    assert looking(due(desk(adaptive=ADAPTIVE), market(0.002, slow=HOUR, fast=HOUR / 2), PLANNED)) == {"slow"}


def test_A18_the_reason_names_what_was_measured_and_the_bound():
    found = due(desk(adaptive=ADAPTIVE), market(0.002, slow=HOUR / 2, fast=HOUR / 2), PLANNED)
    assert (
        "it looked at 2026-11-20T14:30:00Z, and volatility 0.002052 is below 0.01, so that every 1h is enough"
        in found[0].why
    )


def test_A18_too_few_bars_to_measure_mean_that_it_looks():
    wide = {**ADAPTIVE, "window": 1000}
    assert looking(due(desk(adaptive=wide), market(0, slow=HOUR / 2), PLANNED)) == {"slow", "fast"}


def test_who_does_not_look_gives_no_signal_and_says_so():
    evaluation = evaluate_due(desk(every="1h"), market(slow=HOUR / 2), PLANNED)
    assert {signal.strategy for signal in evaluation.signals} == {"fast"}
    assert evaluation.looked == ("fast",)
    assert evaluation.waiting[0].startswith("strategy slow does not look: it looked at 2026-11-20T14:30:00Z")


def test_the_volatility_is_that_of_the_most_restless_symbol():
    measured = realised(bars(0.03), ["A", "B"], 20)
    assert measured == pytest.approx(np.std(np.resize([0.03, -0.03], 20), ddof=1))
    assert realised(bars(0.03), ["A"], 20) == 0
    assert realised(bars(), [], 20) is None


@pytest.mark.parametrize("every", ["29s", "31d"])
def test_an_interval_out_of_bounds_is_refused_with_both_bounds(every):
    with pytest.raises((PlanError, ValueError), match="is not between 30s and 30d"):
        desk(every=every)


@given(ago=st.integers(0, 10_000), every=st.integers(30, 5_000))
def test_a_strategy_is_due_exactly_when_its_interval_has_passed(ago, every):
    found = due(desk(every=f"{every}s"), market(slow=timedelta(seconds=ago)), PLANNED)
    assert ("slow" in looking(found)) is (ago >= every)
