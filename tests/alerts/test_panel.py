"""Conditions on whole panels: three values, shared work, and the same answer as one by one."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openbell.alerts.panel import Panel, Program, operands
from openbell.alerts.parser import parse
from tests.alerts.samples import bars_of, panel_of, says, walk

BARS = walk(260, 5)
#: Holds, does not hold, nobody knows: the third symbol has too little history for the mean.
THREE = bars_of(np.column_stack([np.arange(40.0) + 1, 60.0 - np.arange(40.0), [math.nan] * 35 + [5.0] * 5]))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("close > sma(20)", ["yes", "no", "unknown"]),
        ("not close > sma(20)", ["no", "yes", "unknown"]),
        ("close > sma(20) and close > 0", ["yes", "no", "unknown"]),
        ("close > sma(20) and close < 0", ["no", "no", "no"]),
        ("close > sma(20) or close > 0", ["yes", "yes", "yes"]),
        ("close > sma(20) or close < 0", ["yes", "no", "unknown"]),
        ("close >= sma(20)", ["yes", "no", "unknown"]),
        ("close <= sma(20)", ["no", "yes", "unknown"]),
        ("close == sma(20)", ["no", "no", "unknown"]),
        ("close != sma(20)", ["yes", "yes", "unknown"]),
        ("close / (close - 40) > 0", ["unknown", "no", "no"]),
        ("close * 1e300 * 1e300 > 1", ["unknown", "unknown", "unknown"]),
        ("sma(close * 1e307, 20) > 1", ["unknown", "unknown", "unknown"]),
    ],
)
def test_unknown_is_neither_true_nor_false(text, said):
    assert says(text, THREE) == said


def test_a_crossing_needs_the_bar_before():
    path = [9.0, 9.0, 11.0, 11.0, 10.0, 9.0]
    said = [says("crosses_above(close, 10)", bars_of(path[: stop + 1]))[0] for stop in range(len(path))]
    assert said == ["no", "no", "yes", "no", "no", "no"]
    said = [says("crosses_below(close, 10)", bars_of(path[: stop + 1]))[0] for stop in range(len(path))]
    assert said == ["unknown", "no", "no", "no", "no", "yes"]
    assert says("crosses_above(close, 10)", bars_of([11.0])) == ["unknown"]


def test_at_the_level_is_not_above_it():
    assert says("close > 10", bars_of([10.0])) == ["no"]
    assert says("close >= 10", bars_of([10.0])) == ["yes"]
    assert says("close == 0.3", bars_of([0.1 + 0.2])) == ["yes"]


def test_what_expressions_share_is_computed_once():
    texts = ["rsi(14) < 30 and close > sma(200)", "rsi(close, 14) < 30 or sma(200) > 5", "crosses_above(rsi(14), 30)"]
    program = Program(map(parse, texts))
    ops = [step.op for step in program.steps]
    assert [ops.count(op) for op in ("rsi", "sma", "close", "<", "number")] == [1, 1, 1, 1, 2]
    assert program.rows[ops.index("rsi")] == 2


VALUES = st.sampled_from(
    ["close", "high", "volume", "sma(5)", "ema(7)", "rsi(5)", "atr(4)", "highest(9)", "lowest(close, 3)", "change(2)"]
)
NUMBERS = st.sampled_from(["0", "1", "50", "99.5", "-3"])
SIDES = st.one_of(
    VALUES,
    st.tuples(VALUES, st.sampled_from("+-*/"), st.one_of(VALUES, st.just("2"))).map(" ".join).map("({})".format),
)
CONDITIONS = st.one_of(
    st.tuples(SIDES, st.sampled_from(["<", ">", "<=", ">=", "!="]), NUMBERS).map(" ".join),
    st.tuples(VALUES, NUMBERS).map(lambda pair: f"crosses_above({pair[0]}, {pair[1]})"),
)
EXPRESSIONS = st.recursive(
    CONDITIONS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" and ", " or "]), inner).map(lambda t: f"({''.join(t)})"),
        inner.map("not {}".format),
    ),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(EXPRESSIONS, min_size=1, max_size=5), st.integers(1, 60))
def test_all_at_once_says_what_each_says_alone_of_each_symbol(texts, rows):
    bars = BARS.tail(rows)
    trees = [parse(text) for text in texts]
    panel = Panel(Program(trees), bars)
    for text, tree in zip(texts, trees, strict=True):
        together = panel.truth(tree)
        for place, symbol in enumerate(bars.symbols):
            alone, same = panel_of(text, bars.select([symbol]))
            truth = alone.truth(same)
            assert not (truth.yes[0] and truth.no[0])
            assert (together.yes[place], together.no[place]) == (truth.yes[0], truth.no[0]), (text, symbol)


def test_what_time_ran_out_for_is_not_judged():
    looks = iter([False, True])
    trees = [parse(f"close > sma({number + 1})") for number in range(1, 200)]
    panel = Panel(Program(trees), BARS, lambda: next(looks))
    judged = [panel.truth(tree) is not None for tree in trees]
    assert judged[0]
    assert not judged[-1]
    assert judged == sorted(judged, reverse=True)


def test_the_parts_of_a_condition_are_told_in_the_order_of_its_text():
    text = "rsi(14) < 30 and (close - low > sma(200) or crosses_above(close, 5)) and rsi(14) > 1"
    assert [text[node.start : node.stop] for node in operands(parse(text))] == [
        "rsi(14)",
        "close - low",
        "sma(200)",
        "close",
    ]
