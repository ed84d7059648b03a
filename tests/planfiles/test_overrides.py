from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openbell.errors import InputError, PlanError
from openbell.planfiles.overrides import assignments, full_key, with_overrides
from openbell.values.plan import Plan

PLAN = Plan.model_validate(
    {
        "name": "demo",
        "universe": ["AAPL", "IBM", "MSFT"],
        "schedule": {"trade": {"cron": "35 9 * * 1-5", "zone": "America/New_York"}},
        "strategies": [
            {"use": "sma_crossover", "params": {"fast": 10, "slow": 30}},
            {"use": "xs_momentum", "name": "trend", "weight": 0.5},
        ],
        "sizing": {"use": "weight_of_equity", "params": {"weight": 0.15}, "min_trade": "5.25", "max_trade": 5000},
        "risk": {"max_positions": 5, "max_order_notional": 5000},
        "window": {"close_offset": "-10m", "closures": ["2026-07-03"]},
    }
)


def changed(**given: object) -> Plan:
    return with_overrides(PLAN, {key.replace("__", "."): value for key, value in given.items()})


def test_no_override_leaves_the_plan_as_it_is():
    assert with_overrides(PLAN, {}) == PLAN
    assert with_overrides(PLAN, {}).hash == PLAN.hash


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("risk.max_positions", "3", 3),
        ("sizing.params.weight", "0.2", 0.2),
        ("sizing.max_trade", "5000.50", "5000.5"),
        ("universe", "AAPL,IBM", ["AAPL", "IBM"]),
        ("universe", "IBM", ["IBM"]),
        ("universe", '["MSFT"]', ["MSFT"]),
        ("enabled", "false", False),
        ("window.start", "09:35", "09:35:00"),
        ("window.close_offset", "-20m", "-20m"),
        ("window.closures", "2026-11-27", ["2026-11-27"]),
        ("account.params.cash", "5000", 5000),
        ("feed.params.columns", '{ close = "c" }', {"close": "c"}),
        ("exits.stop_loss", "0.1", 0.1),
        ("schedule.trade.at", "open+5m", ["open+5m"]),
        ("schedule.trade.at", "open+5m,close-10m", ["open+5m", "close-10m"]),
        ("schedule.snapshot.enabled", "false", False),
        ("description", "5 of them", "5 of them"),
    ],
)
def test_a_key_is_set_to_what_the_text_would_mean_in_the_file(key, text, value):
    found = with_overrides(PLAN, {key: text}).model_dump(mode="json")
    for part in key.split("."):
        found = found[part]
    assert found == value


def test_a_bell_that_is_set_rings_in_that_way_alone():
    ring = with_overrides(PLAN, {"schedule.trade.at": "open+5m"}).schedule["trade"]
    assert (ring.cron, ring.at) == (None, ("open+5m",))


@pytest.mark.parametrize(
    "key", ["strategies.0.params.fast", "strategies.sma_crossover.params.fast", "params.fast", "fast"]
)
def test_a_parameter_of_a_strategy_has_its_number_its_label_or_its_end_for_a_key(key):
    assert full_key(PLAN, key) == "strategies.0.params.fast"
    assert with_overrides(PLAN, {key: "5"}).strategies[0].params == {"fast": 5, "slow": 30}


def test_a_strategy_is_known_by_the_name_that_the_plan_gives_it():
    assert with_overrides(PLAN, {"strategies.trend.weight": "0.25"}).strategies[1].weight == 0.25


def test_a_strategy_may_be_replaced_together_with_its_parameters():
    given = {"strategies.0.use": "rsi_reversion", "strategies.0.params": "{}", "strategies.0.params.window": "5"}
    assert with_overrides(PLAN, given).strategies[0].params == {"window": 5}


def test_values_that_are_no_text_are_taken_as_they_are():
    assert changed(risk__max_positions=3, fast=7).strategies[0].params["fast"] == 7


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("risk.max_postions", "unknown key 'risk.max_postions'; did you mean 'risk.max_positions'?"),
        ("rsk.max_positions", "did you mean 'risk.max_positions'?"),
        ("strategies.7.params.fast", "did you mean 'strategies.0.params.fast'?"),
        ("fsat", "did you mean 'fast'?"),
        ("zzzzzz", "docs/plans.md lists the keys"),
        (
            "weight",
            "'weight' is cut too short: it may be strategies.0.weight, strategies.1.weight, sizing.params.weight",
        ),
        ("", "unknown key ''"),
    ],
)
def test_a_key_that_there_is_not_is_refused_with_the_nearest_valid_one(key, told):
    with pytest.raises(InputError) as raised:
        with_overrides(PLAN, {key: "1"})
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"mode": "liv"}, "plan demo with mode=liv: mode: Input should be 'paper' or 'live', got 'liv'"),
        ({"sizing.min_trade": "9000"}, "sizing: min_trade 9000 is above max_trade 5000"),
        ({"universe": "aapl"}, "universe: symbol 'aapl'"),
        ({"enabled": "yes"}, "enabled: Input should be a valid boolean"),
        ({"window": "5"}, "window: Input should be an object"),
    ],
)
def test_a_value_that_a_plan_must_not_have_is_refused_with_its_key(given, told):
    with pytest.raises(PlanError) as raised:
        with_overrides(PLAN, given)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("texts", "told"),
    [(["fast"], "'fast' is not KEY=VALUE"), (["=5"], "'=5' is not KEY=VALUE"), (["a=1", "a=2"], "'a' is set twice")],
)
def test_an_assignment_is_a_key_an_equals_sign_and_a_value_once(texts, told):
    with pytest.raises(InputError) as raised:
        assignments(texts)
    assert told in str(raised.value)


def test_an_assignment_keeps_what_stands_after_the_first_equals_sign():
    assert assignments(["a.b = x=y", "c="]) == {"a.b": "x=y", "c": ""}


@given(st.text(max_size=30), st.text(max_size=30))
def test_whatever_is_given_there_is_a_plan_or_one_clear_error(key, value):
    with suppress(InputError):
        assert isinstance(with_overrides(PLAN, {key: value}), Plan)
