"""When alerts fire, when they fire again, and what is said of those that nobody can judge."""

from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openbell.alerts.judge import judge
from openbell.alerts.look import Unjudged
from openbell.alerts.rules import OUT_OF_TIME
from openbell.alerts.wording import NAMED, messages
from openbell.values.alert import AlertStep
from tests.alerts.samples import NOW, after, alerts_of, bars_of, look, rule

FLAT = bars_of(np.full(30, 100.0), symbols=["IBM"])


def above(price=10, **more):
    return alerts_of(above=[{"name": "up", "symbol": "IBM", "price": price, **more}])


def below(price=10, **more):
    return alerts_of(below=[{"name": "down", "symbol": "IBM", "price": price, **more}])


def change(percent, **more):
    return alerts_of(change=[{"name": "move", "symbol": "IBM", "percent": percent, **more}])


def walked(alerts, prices):
    """The steps that a path of prices, one look each, makes an alert take."""
    standings, said = {}, []
    for number, price in enumerate(prices):
        found = judge(alerts, look(FLAT, {"IBM": price}, standings, NOW + number * timedelta(minutes=5)))
        standings = after(found.events, standings)
        said.append(found.events[0].step.value if found.events else "")
    return said


# --- prices --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alerts", "prices", "said"),
    [
        (above(10), [9, 10, 10.01, 9, 11], ["", "", "fired", "", ""]),
        (below(10), [11, 10, 9.99, 11, 9], ["", "", "fired", "", ""]),
        (above(10, rearm_distance=10), [11, 9.01, 11, 9, 9, 11], ["fired", "", "", "rearmed", "", "fired"]),
        (below(10, rearm_distance=10), [9, 10.99, 9, 11, 9], ["fired", "", "", "rearmed", "fired"]),
        (change(5), [104.9, 105, 110, 90], ["", "fired", "", ""]),
        (change(-5), [95.1, 95, 90, 110], ["", "fired", "", ""]),
        (change(5, rearm_distance=3), [106, 102.1, 106, 102, 106], ["fired", "", "", "rearmed", "fired"]),
        (change(-5, rearm_distance=7), [94, 101, 94, 102, 94], ["fired", "", "", "rearmed", "fired"]),
    ],
)
def test_K01_a_price_fires_once_until_it_has_come_back_by_the_distance(alerts, prices, said):
    assert walked(alerts, prices) == said


def test_a_change_is_counted_from_the_close_that_was_asked_for():
    bars = bars_of([50.0, 80.0, 100.0], symbols=["IBM"])
    assert judge(change(100, bars=3), look(bars, {"IBM": 100})).events[0].detail == (
        "+100.00% since the close 3 bars ago, line 100%"
    )
    (unknown,) = judge(change(100, bars=4), look(bars, {"IBM": 100})).unjudged
    assert unknown.reason == "no close 4 bars ago"


def test_a_price_that_is_not_known_fires_nothing_and_is_told():
    assert judge(above(), look(FLAT)).unjudged == (Unjudged("up", ("IBM",), "no quote"),)
    found = judge([*above(), *change(-1)], look(FLAT, unpriced={"IBM": "the quote is of yesterday"}))
    assert (found.events, found.unknown) == ((), 2)
    assert {each.reason for each in found.unjudged} == {"the quote is of yesterday"}


def test_an_alert_that_was_written_anew_is_armed_and_one_with_other_words_is_not():
    fired = judge(above(), look(FLAT, {"IBM": 12})).events
    standings = after(fired)
    later = look(FLAT, {"IBM": 12}, standings, NOW + timedelta(minutes=5))
    assert judge(above(note="other words"), later).events == ()
    (again,) = judge(above(11), later).events
    assert (again.step, again.after) == (AlertStep.FIRED, 1)


def test_an_alert_that_is_not_enabled_is_not_judged():
    found = judge(above(enabled=False), look(FLAT, {"IBM": 12}))
    assert (found.events, found.checked) == ((), 0)


# --- rules ---------------------------------------------------------------------------------------------------


def ruled(alert, closes, standings=None):
    """The steps that a path of closes, one bar each, makes a rule take; each bar is looked at twice."""
    standings, said = standings or {}, []
    for stop in range(1, len(closes) + 1):
        bars = bars_of(np.array(closes[:stop], float), symbols=["IBM"])
        steps = []
        for number in range(2):
            found = judge([alert], look(bars, standings=standings, as_of=NOW + timedelta(days=stop, minutes=number)))
            standings = after(found.events, standings)
            steps += [event.step.value for event in found.events]
        said.append(" ".join(steps))
    return said


@pytest.mark.parametrize(
    ("more", "closes", "said"),
    [
        ({}, [9, 11, 12, 9, 11], ["", "fired", "", "rearmed", "fired"]),
        ({"rearm_when": "close < 5"}, [11, 9, 11, 4, 11], ["fired", "", "", "rearmed", "fired"]),
        ({"rearm_when": "close > 20"}, [11, 21, 22, 11], ["fired", "rearmed", "fired", ""]),
        ({"rearm_after": 1}, [11, 12, 9, 11], ["fired", "fired", "rearmed", "fired"]),
        ({"rearm_after": 3}, [11, 12, 13, 14, 15], ["fired", "", "", "fired", ""]),
        ({"rearm_after": 2}, [11, 9, 9, 9, 11], ["fired", "", "rearmed", "", "fired"]),
        ({"once": True}, [11, 9, 11, 9, 11], ["fired", "", "", "", ""]),
    ],
)
def test_K02_a_rule_fires_once_per_bar_and_again_when_it_is_armed_again(more, closes, said):
    assert ruled(rule("close > 10", **more), closes) == said


def test_K02_bars_that_have_left_the_panel_have_gone_by_as_well():
    alert = rule("close > 10", rearm_after=20)
    assert alert.history == 21
    bars = bars_of(np.full(60, 11.0), symbols=["IBM"])
    standings = after(judge([alert], look(bars.rows(0, 1))).events)
    assert judge([alert], look(bars.rows(0, 20), standings=standings)).events == ()
    assert judge([alert], look(bars.rows(30, 51), standings=standings)).events[0].step is AlertStep.FIRED


@settings(deadline=None)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=25), st.sampled_from([{}, {"rearm_when": "close < 2"}]))
def test_K02_between_two_firings_there_is_always_one_arming(closes, more):
    steps = [step for step in ruled(rule("close > 2", **more), closes) if step]
    assert steps[::2] == ["fired"] * len(steps[::2])
    assert steps[1::2] == ["rearmed"] * len(steps[1::2])


@settings(deadline=None)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=25), st.integers(1, 5))
def test_K02_within_the_bars_to_wait_nothing_fires_twice(closes, wait):
    fired = [at for at, step in enumerate(ruled(rule("close > 2", rearm_after=wait), closes)) if "fired" in step]
    assert all(later - earlier >= wait for earlier, later in pairwise(fired))


def test_every_symbol_stands_for_itself_and_what_is_unknown_is_told():
    closes = np.column_stack([[9.0, 11.0], [11.0, 11.0], [9.0, 9.0], [np.nan, 12.0]])
    bars = bars_of(closes, symbols=["A", "B", "C", "D"])
    alert = rule("close > 10 and ago(close, 1) < 10")
    found = judge([alert], look(bars, universe=("A", "B", "C", "D", "GONE")))
    assert [event.symbol for event in found.events] == ["A"]
    assert found.events[0].detail == "close = 11, ago(close, 1) = 9"
    assert found.unjudged == (
        Unjudged("rule", ("GONE",), "no usable bars"),
        Unjudged("rule", ("D",), "needs 2 bars of history"),
    )
    assert (found.checked, found.unknown) == (5, 2)


def test_what_cannot_be_computed_is_told_apart_from_what_is_too_short():
    found = judge([rule("close / (close - 100) > 1")], look(FLAT))
    assert found.unjudged == (Unjudged("rule", ("IBM",), "a value in it cannot be computed"),)


def test_unknown_neither_fires_nor_arms():
    alert = rule("sma(2) > 10")
    standings = after(judge([alert], look(bars_of([11.0, 11.0], symbols=["IBM"]))).events)
    gap = bars_of([11.0, 11.0, 11.0, 9.0], symbols=["IBM"])
    none = bars_of(np.column_stack([[11.0, 11, 11, np.nan], [1.0, 1, 1, 1]]), symbols=["IBM", "X"])
    assert judge([alert], look(none, standings=standings, universe=("IBM",))).events == ()
    assert judge([alert], look(gap.rows(3, 4), standings=standings)).events == ()


def test_a_symbol_that_a_rule_does_not_name_is_left_alone():
    bars = bars_of(np.full((3, 2), 11.0), symbols=["A", "B"])
    assert [event.symbol for event in judge([rule("close > 10", symbols=["B"])], look(bars)).events] == ["B"]


def test_without_any_bar_every_rule_is_unknown():
    found = judge([rule("close > 10")], look(FLAT.rows(0, 0)))
    assert (found.events, found.unjudged) == ((), (Unjudged("rule", ("IBM",), "no usable bars"),))


def test_what_time_ran_out_for_is_unknown_and_the_rest_is_judged():
    many = [rule(f"close > sma({bars})").model_copy(update={"name": f"r{bars}"}) for bars in range(2, 100)]
    looks = iter([False, True])
    found = judge([*above(99), *many], look(FLAT, {"IBM": 100}), lambda: next(looks))
    late = {each.alert for each in found.unjudged if each.reason == OUT_OF_TIME}
    assert "r2" not in late
    assert "r99" in late
    assert [event.alert for event in found.events] == ["up"]


# --- words ---------------------------------------------------------------------------------------------------


def test_one_message_tells_of_all_symbols_of_an_alert():
    symbols = [f"S{number}" for number in range(NAMED + 2)]
    alert = rule("close >\n 10", note="look at it")
    found = judge([alert], look(bars_of(np.full((2, len(symbols)), 11.0), symbols=symbols)))
    (message,) = messages({"rule": alert}, found.events)
    assert message.kind == "RULE_ALERT"
    assert message.subject == "rule: S0, S1, S2, S3, S4 and 2 more"
    assert message.detail.startswith("look at it; close > 10; S0: close = 11; S1: close = 11")


def test_a_price_is_told_with_its_level():
    (alert,) = above("10.50")
    (message,) = messages({"up": alert}, judge([alert], look(FLAT, {"IBM": "10.51"})).events)
    assert (message.kind, message.subject, message.detail) == ("PRICE_ALERT", "up: IBM", "IBM: price 10.51, level 10.5")
