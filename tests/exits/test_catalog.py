"""From a plan's table of exits to rules."""

from decimal import Decimal

import pytest

from openbell.errors import PlanError
from openbell.exits.base import ExitRule
from openbell.exits.catalog import build_exits
from openbell.stages.resolve import resolve
from openbell.values.plan import Plan


class FullMoon(ExitRule):
    """A rule from elsewhere."""

    needs = ("age",)
    measures = "age"

    @property
    def limit(self):
        return 1.0

    def measure(self, held):
        return held.age


def names(exits):
    return [rule.name for rule in build_exits(exits)]


def test_H01_stop_and_target_are_on_where_a_plan_says_nothing():
    stop, target = build_exits({})
    assert (stop.name, stop.loss_fraction) == ("stop_loss", Decimal("0.1"))
    assert (target.name, target.gain_fraction) == ("take_profit", Decimal("0.2"))


def test_a_rule_is_set_by_its_main_value_by_its_fields_or_by_true_and_turned_off_by_false():
    assert build_exits({"stop_loss": 0.05})[0].loss_fraction == Decimal("0.05")
    assert build_exits({"stop_loss": {"loss_fraction": 0.05}})[0].loss_fraction == Decimal("0.05")
    assert names({"strategy_exit": True, "stop_loss": False}) == ["take_profit", "strategy_exit"]
    assert names({"stop_loss": False, "take_profit": False}) == []


def test_a_rule_from_elsewhere_is_named_by_its_path_and_comes_last():
    assert isinstance(build_exits({f"{__name__}.FullMoon": True, "time_limit": 3})[-1], FullMoon)


@pytest.mark.parametrize(
    ("exits", "words"),
    [
        ({"stop_los": 0.1}, r"exits.stop_los: .*did you mean 'stop_loss'"),
        ({"stop_loss": {"fraction": 0.1}}, r"exits.stop_loss: unknown key 'fraction'; did you mean 'loss_fraction'"),
        ({"stop_loss": 10}, r"exits.stop_loss: .*this is a fraction from 0 to 1: write 5 % as 0.05, got '10'"),
        ({"take_profit": "20 %"}, r"exits.take_profit: .*write 5 % as 0.05, got '20 %'"),
        ({"stop_loss": 0}, r"exits.stop_loss: .*greater than 0"),
        ({"take_profit": 0}, r"exits.take_profit: .*greater than 0"),
        ({"trailing_stop": 0}, r"exits.trailing_stop: .*greater than 0"),
        ({"trailing_stop": True}, r"exits.trailing_stop: back_fraction: Field required"),
        ({"stop_loss": -0.1}, r"exits.stop_loss: .*fraction from 0 to 1"),
        ({"stop_loss": float("nan")}, r"exits.stop_loss: .*fraction from 0 to 1"),
        ({"strategy_exit": 3}, r"exits.strategy_exit: takes true or false, got '3'"),
        ({"time_limit": 0}, r"exits.time_limit: sessions.*greater than or equal to 1"),
        ({"time_limit": True}, r"exits.time_limit: .*takes one of sessions and duration"),
        ({"time_limit": {"sessions": 3, "duration": "1h"}}, r"takes one of sessions and duration"),
        ({"time_limit": {"duration": "5s"}}, r"duration 5s is below 1m"),
        ({"end_of_session": "30s"}, r"exits.end_of_session: .*30s is not between 1m and 12h"),
        ({"stop_loss": 0.3}, r"exits.stop_loss 0.3 is above exits.take_profit 0.2 \(its default\)"),
        ({"take_profit": 0.05}, r"exits.stop_loss 0.1 \(its default\) is above exits.take_profit 0.05"),
        ({"trailing_stop": 0.5}, r"exits.trailing_stop 0.5 is wider than all the way from exits.take_profit"),
        ({"time_limit": 2, "end_of_session": True}, r"exits.time_limit 2 sessions is never reached"),
    ],
)
def test_what_cannot_be_is_refused_with_its_key(exits, words):
    with pytest.raises(PlanError, match=words):
        build_exits(exits)


def test_every_problem_is_told_at_once():
    with pytest.raises(PlanError) as caught:
        build_exits({"stop_loss": 10, "trailing": 0.1})
    assert len(str(caught.value).splitlines()) == 2


def plan(**parts):
    return Plan.model_validate({"name": "demo", "universe": ["AAPL"], "strategies": [{"use": "buy_and_hold"}], **parts})


def test_a_plan_carries_its_exits():
    resolved = resolve(plan(exits={"trailing_stop": 0.08}))
    assert [rule.name for rule in resolved.exits] == ["stop_loss", "trailing_stop", "take_profit"]


def test_a_plan_that_lets_entries_in_after_everything_was_closed_is_refused():
    late = {"exits": {"end_of_session": "10m"}}
    with pytest.raises(PlanError, match=r"exits.end_of_session 10m .*window.close_offset 0d .*make it -10m"):
        resolve(plan(**late))
    resolve(plan(**late, window={"close_offset": "-10m"}))
