"""From a plan's risk table to rules."""

from decimal import Decimal

import pytest

from openbell.errors import PlanError
from openbell.risk.base import Rule
from openbell.risk.catalog import build_rules


class NoFridays(Rule):
    """A rule from elsewhere."""

    def judge(self, intent, book):
        return self.allow(intent, "any day", "not on Fridays")


def of(rules, name):
    return next(rule for rule in rules if rule.name == name)


def test_F06_an_empty_section_gives_every_rule_with_a_finite_default():
    rules = build_rules({})
    assert len(rules) == 26
    assert of(rules, "min_confidence").confidence == 0.5
    assert of(rules, "max_positions").positions == 5
    assert of(rules, "shorting").allowed is False
    for rule in rules:
        for value in rule.model_dump().values():
            assert not isinstance(value, Decimal | float) or Decimal(value).is_finite()


def test_the_order_is_fixed_and_no_two_rules_share_a_place():
    rules = build_rules({})
    assert [rule.order for rule in rules] == sorted({rule.order for rule in rules})
    assert [rule.name for rule in rules] == [rule.name for rule in build_rules({"wash_trade": {}, "max_positions": 3})]


def test_a_rule_is_set_by_its_main_value_or_by_its_fields():
    assert of(build_rules({"max_positions": 3}), "max_positions").positions == 3
    assert of(build_rules({"max_positions": {"positions": 4}}), "max_positions").positions == 4
    assert of(build_rules({"allowed_symbols": ["AAPL"]}), "allowed_symbols").symbols == ("AAPL",)
    assert of(build_rules({"shorting": True}), "shorting").allowed is True
    assert of(build_rules({"price_collar": 0.1}), "price_collar").collar_fraction == Decimal("0.1")


def test_a_rule_from_elsewhere_is_named_by_its_path_and_comes_last():
    rules = build_rules({f"{__name__}.NoFridays": {}})
    assert isinstance(rules[-1], NoFridays)
    assert len(rules) == 27


@pytest.mark.parametrize(
    ("risk", "words"),
    [
        ({"max_postions": 3}, r"risk.max_postions.*did you mean 'max_positions'"),
        ({"max_positions": {"position": 3}}, r"unknown key 'position'; did you mean 'positions'"),
        ({"max_positions": -1}, r"risk.max_positions: positions.*greater than or equal to 0.*'-1'"),
        ({"max_positions": True}, r"true and false are not amounts"),
        ({"shorting": 1}, r"risk.shorting: allowed"),
        ({"tradable": 1}, r"risk.tradable: takes no value"),
        ({"max_order_notional": 0}, r"greater than 0"),
        ({"max_order_notional": float("inf")}, r"finite"),
        ({"allowed_symbols": ["aapl"]}, r"did you mean AAPL"),
        ({"elsewhere.NoFridays": {}}, r"cannot be imported"),
    ],
)
def test_what_cannot_be_used_is_named(risk, words):
    with pytest.raises(PlanError, match=words):
        build_rules(risk)


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(PlanError, match=r"(?s)max_postions.*\n.*max_order_notional"):
        build_rules({"max_postions": 3, "max_order_notional": 0})


@pytest.mark.parametrize(
    ("inner", "outer"),
    [
        ({"max_net_exposure": 2}, {"max_gross_exposure": 1}),
        ({"max_gross_exposure": 2}, {"max_leverage": 1}),
        ({"max_orders_per_run": 9}, {"max_orders_per_day": 8}),
        ({"daily_loss_halt": 0.2}, {"drawdown_halt": 0.1}),
        ({"max_position_weight": 0.9}, {"max_gross_exposure": 0.5}),
    ],
)
def test_F05_limits_that_contradict_each_other_are_refused_with_both_names(inner, outer):
    (one,), (other,) = inner, outer
    with pytest.raises(PlanError, match=rf"risk.{one} .* is above risk.{other} "):
        build_rules({**inner, **outer})


def test_F05_a_tighter_outer_limit_alone_is_no_contradiction():
    assert of(build_rules({"max_gross_exposure": 0.1}), "max_gross_exposure").times_equity == Decimal("0.1")


@pytest.mark.parametrize(
    "name", ["max_position_weight", "price_collar", "daily_loss_halt", "drawdown_halt", "buying_power"]
)
def test_F11_a_percentage_where_a_fraction_belongs_is_refused(name):
    with pytest.raises(PlanError, match=rf"risk.{name}: \w*fraction.*fraction from 0 to 1: write 5 % as 0.05.*'5'"):
        build_rules({name: 5})


def test_F11_a_percentage_of_gross_exposure_is_refused():
    with pytest.raises(PlanError, match=r"risk.max_gross_exposure 5 is above risk.max_leverage 1 "):
        build_rules({"max_gross_exposure": 5})
    with pytest.raises(PlanError, match="less than or equal to 50"):
        build_rules({"max_gross_exposure": 80})


def test_a_rule_within_another_names_one_that_exists():
    names = {rule.name for rule in build_rules({})}
    for rule in build_rules({}):
        assert set(rule.within) <= names


@pytest.mark.parametrize("value", [float("nan"), "5", -0.1, 0.51, True])
def test_F11_a_collar_keeps_its_own_tighter_bound(value):
    with pytest.raises(PlanError, match=r"risk.price_collar: collar_fraction"):
        build_rules({"price_collar": value})
