"""Each exit rule's answers, just before its limit, at it and beyond."""

from datetime import timedelta

import numpy as np
import pytest

from openbell.exits.catalog import build_exits
from openbell.exits.judge import distances, judge_exits
from openbell.exits.rules.end_of_session import EndOfSession
from openbell.exits.rules.strategy_exit import StrategyExit
from openbell.exits.rules.time_limit import TimeLimit
from openbell.exits.rules.trailing_stop import TrailingStop
from tests.exits.holdings import holdings

H01 = build_exits({})


def closed(rules, **columns):
    return [one.rule for one in judge_exits(rules, holdings(**columns))]


@pytest.mark.parametrize(
    ("quantity", "mark", "expected"),
    [
        (10, 119.99, []),
        (10, 120, ["take_profit"]),
        (10, 200, ["take_profit"]),
        (10, 90.01, []),
        (10, 90, ["stop_loss"]),
        (10, 1, ["stop_loss"]),
        (-10, 80.01, []),
        (-10, 80, ["take_profit"]),
        (-10, 109.99, []),
        (-10, 110, ["stop_loss"]),
        (10, np.nan, []),
        (-10, np.nan, []),
    ],
)
def test_H01_a_position_is_closed_at_twenty_percent_gain_or_ten_percent_loss(quantity, mark, expected):
    assert closed(H01, quantity=quantity, mark=mark) == expected


@pytest.mark.parametrize("average", [0.1, 0.3, 1.1, 3.3, 7.7, 19.99, 33.33, 0.0007, 123456.78])
def test_a_price_exactly_at_a_limit_has_reached_it_whatever_binary_fractions_make_of_it(average):
    assert closed(H01, average=average, mark=average * 1.2) == ["take_profit"]
    assert closed(H01, average=average, mark=average * 0.9) == ["stop_loss"]
    assert closed(H01, average=average, mark=average * 1.1999999) == []


@pytest.mark.parametrize("average", [np.nan, 0.0, -5.0, np.inf])
def test_an_entry_price_that_is_none_closes_nothing(average):
    assert closed(H01, average=average) == []


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"high": 200, "mark": 190.01}, []),
        ({"high": 200, "mark": 190}, ["trailing_stop"]),
        ({"high": 100, "mark": 95}, ["trailing_stop"]),
        ({"high": 100, "mark": 150}, []),
        ({"quantity": -10, "low": 80, "mark": 83.99}, []),
        ({"quantity": -10, "low": 80, "mark": 84}, ["trailing_stop"]),
        ({"quantity": -10, "low": np.nan, "mark": 84}, []),
        ({"high": np.nan, "mark": 50}, []),
        ({"high": 200, "mark": np.nan}, []),
    ],
)
def test_a_trailing_stop_follows_the_best_price_of_either_side(columns, expected):
    assert closed([TrailingStop(back_fraction=0.05)], **columns) == expected


@pytest.mark.parametrize(("sessions", "expected"), [(4, []), (5, ["time_limit"]), (np.nan, [])])
def test_a_time_limit_counts_sessions(sessions, expected):
    assert closed([TimeLimit(sessions=5)], sessions=sessions) == expected


@pytest.mark.parametrize(("age", "expected"), [(7199, []), (7200, ["time_limit"]), (np.nan, [])])
def test_a_time_limit_counts_time(age, expected):
    assert closed([TimeLimit(duration=timedelta(hours=2))], age=age) == expected


@pytest.mark.parametrize(("leaving", "expected"), [(0.99, []), (1, ["strategy_exit"]), (np.nan, [])])
def test_a_strategy_exit_waits_until_all_who_hold_want_out(leaving, expected):
    assert closed([StrategyExit()], leaving=leaving) == expected


@pytest.mark.parametrize(("left", "expected"), [(301, []), (300, ["end_of_session"]), (-1, ["end_of_session"])])
def test_everything_is_closed_so_long_before_the_session_ends(left, expected):
    assert closed([EndOfSession()], left=left) == expected


def test_the_first_rule_that_fires_names_the_exit():
    rules = build_exits({"end_of_session": True, "trailing_stop": 0.05, "strategy_exit": True})
    assert closed(rules, mark=80, left=0, leaving=1) == ["stop_loss"]
    assert closed(rules, mark=130, high=200, left=0, leaving=1) == ["trailing_stop"]
    assert closed(rules, mark=130, high=130, left=0, leaving=1) == ["take_profit"]
    assert closed(rules, left=0, leaving=1) == ["strategy_exit"]
    assert closed(rules, left=0) == ["end_of_session"]


def test_an_exit_says_what_was_measured_and_the_limit():
    (one,) = judge_exits(H01, holdings(mark=88))
    assert one.words == "stop_loss: loss since entry 12.00 %, limit 10.00 %"


def test_many_positions_are_judged_at_once_and_told_one_by_one():
    held = holdings(("A", "B", "C"), quantity=[10, -10, 10], mark=[120, 120, np.nan])
    assert [(one.symbol, one.rule) for one in judge_exits(H01, held)] == [("B", "stop_loss"), ("A", "take_profit")]
    told = {(item.symbol, item.rule): item for item in distances(H01, held)}
    assert told["A", "take_profit"].reached
    assert told["A", "take_profit"].measured == "20.00 %"
    assert told["C", "stop_loss"].measured == ""
    assert not told["C", "stop_loss"].reached
