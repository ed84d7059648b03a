"""The expression language: what it takes, what it refuses, and that nothing else ever comes of a text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openbell.alerts.functions import CROSSINGS, FUNCTIONS, MAX_WINDOW, SERIES
from openbell.alerts.parser import MAX_BARS, MAX_DEPTH, parse
from openbell.alerts.tokens import MAX_LENGTH
from openbell.alerts.tree import Kind
from openbell.errors import ExpressionError


def refusal(text):
    with pytest.raises(ExpressionError) as raised:
        parse(text)
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("close > 1 or close > 2 and close > 3", "close > 1 or (close > 2 and close > 3)"),
        ("not close > 1 and close > 2", "(not (close > 1)) and (close > 2)"),
        ("close + 2 * high > low - 1", "(close + (2 * high)) > (low - 1)"),
        ("close - high - low > 0", "((close - high) - low) > 0"),
        ("close / high / low > 0", "((close / high) / low) > 0"),
        ("-close * 2 < -1", "((-close) * 2) < (0 - 1)"),
        ("close > 2 * 3 + 4 / 2", "close > 8"),
        ("sma(20) > 1", "sma(close, 20) > 1"),
        ("highest(20) > 1", "highest(high, 4 * 5) > 1"),
        ("close>sma( 5 )and(volume>1)", "close > sma(5) and volume > 1"),
        ("close > 1\n  and\tclose < 5.", "close > 1 and close < 5"),
        ("close > .5", "close > 5e-1"),
        ("close > 1 and close > 2 and close > 3", "(close > 1 and close > 2) and close > 3"),
    ],
)
def test_the_usual_precedence_holds(text, same):
    assert parse(text) == parse(same)


def test_the_example_of_a_rule_needs_two_hundred_bars():
    tree = parse("rsi(14) < 30 and close > sma(200)")
    assert (tree.op, tree.kind, tree.bars) == ("and", Kind.TRUTH, 200)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the expression is empty, at column 1"),
        ("  \n ", "the expression is empty"),
        ("close >", "the expression ends too early, at column 8"),
        ("close > 1 and", "the expression ends too early, at column 14"),
        ("(close > 1", "this bracket is never closed, at column 1"),
        ("sma(20 > 1", "> compares two numbers"),
        ("sma(close, 20 > close", "this bracket is never closed, at column 4"),
        ("close > 1)", "')' cannot stand here, at column 10"),
        ("close > > 1", "'>' cannot stand here, at column 9"),
        ("close 5", "'5' cannot stand here, at column 7"),
        ("close > 1 AND close < 2", "'AND' cannot stand here; did you mean 'and'?, at column 11"),
        ("close", "this is a series, not a condition"),
        ("5", "this is a number, not a condition"),
        ("close and volume", "and joins conditions, and this is a series"),
        ("not close", "not joins conditions"),
        ("(close > 1) + 2 > 1", "+ needs numbers, and this is a condition"),
        ("(close > 1) > 2", "> compares numbers, and this is a condition"),
        ("-(close > 1)", "- needs a number, and this is a condition; did you mean 'not'?"),
        ("1 < 2", "< compares two numbers: that never changes, at column 3"),
        ("close > close", "> compares something with itself"),
        ("crosses_above(sma(5), sma(close, 5))", "crosses_above compares something with itself"),
        ("1 < close < 2", "comparisons do not chain: write a < b and b < c, at column 11"),
        ("close > 1 / 0", "this divides by 0, at column 11"),
        ("close / 0 > 1", "this divides by 0"),
        ("close > 1e999", "this number is too large"),
        ("close > 1e200 * 1e200", "this number is too large"),
        ("close > 5abc", "'5a' is not a number"),
        (f"close > {'1' * 30}", "is not a number"),
        ("rsj(14) < 30", "unknown function 'rsj'; did you mean 'rsi'?, at column 1"),
        ("SMA(14) < 30", "unknown function 'SMA'; did you mean 'sma'?"),
        ("zzz(14) < 30", "unknown function 'zzz'; there are abs, ago, atr"),
        ("closs < 30", "unknown name 'closs'; did you mean 'close'?"),
        ("price < 30", "unknown name 'price'; there are open, high, low, close, volume"),
        ("rsi < 30", "rsi is a function: write rsi([series=close], bars), at column 4"),
        ("crosses_above > 1", "write crosses_above(a, b)"),
        ("sma() > 1", "sma([series=close], bars) takes 1 or 2 arguments, got 0"),
        ("sma(close, 5, 5) > 1", "takes 1 or 2 arguments, got 3"),
        ("atr() > 1", "atr(bars) takes 1 argument, got 0"),
        ("ago(close) > 1", "ago(series, bars) takes 2 arguments, got 1"),
        ("crosses_above(close)", "crosses_above(a, b) takes 2 arguments, got 1"),
        ("crosses_above(1, 2)", "crosses_above compares two numbers"),
        ("max(1, 2) > close", "max needs a series such as close, and got numbers only"),
        ("sma(5, 20) > 1", "sma needs a series such as close here, not a number, at column 5"),
        ("sma(close > 1, 20) > 1", "sma needs a series such as close here, not a condition"),
        ("sma(close) > 1", "bars of sma must be written as a number, not as a series"),
        ("sma(5.5) > 1", "bars of sma must be a whole number, got 5.5"),
        ("sma(0) > 1", "bars of sma is 0, below 1"),
        ("sma(-5) > 1", "bars of sma is -5, below 1"),
        (f"sma({MAX_WINDOW + 1}) > 1", f"bars of sma is {MAX_WINDOW + 1:g}, above {MAX_WINDOW}"),
        ("bollinger_upper(20, 101) > 1", "multiple of bollinger_upper is 101, above 100"),
        ("ema(ema(2000), 1000) > 1", f"this rests on 11999 bars, above the limit of {MAX_BARS}"),
        ("close[1] > 1", "'[' has no meaning here"),
        ("close > 1; close", "';' has no meaning here"),
        ("close = 1", "'=' has no meaning here"),
        ("close > 1 & close < 2", "'&' has no meaning here"),
        ("close ** 2 > 1", "'*' cannot stand here"),
        ("close.high > 1", "'.' has no meaning here"),
    ],
)
def test_what_is_malformed_is_refused_by_name_and_place(text, told):
    assert told in refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true') > 1",
        "open('/etc/passwd') > 1",
        "open(5) > 1",
        "eval('1') > 1",
        "while close > 1: pass",
        "for x in close: x",
        "[x for x in close]",
        "lambda: close",
        "close.__class__ > 1",
        "close > (yield)",
        "f'{close}' > 1",
        "$HOME > 1",
        "`id` > 1",
        "import os",
        "close > 1 if close else 2",
        "sma(sma) > 1",
        "(close > 1)(2)",
        "\x00close > 1",
        "close > 1 # and more",
        "clоse > 1",  # noqa: RUF001  # a Cyrillic letter
        "close > ٣",
    ],
)
def test_nothing_can_be_looped_run_or_read(text):
    assert "at column" in refusal(text)


def test_ten_thousand_characters_are_refused_by_the_name_of_the_bound():
    assert refusal("close > 1 " + "or close > 1" * 1000) == (
        f"the expression has 12010 characters, above the limit of {MAX_LENGTH}"
    )
    assert refusal("x" * 10_000).endswith(f"above the limit of {MAX_LENGTH}")


@pytest.mark.parametrize(
    "text",
    [
        "(" * (MAX_DEPTH + 2) + "close > 1" + ")" * (MAX_DEPTH + 2),
        "(" * 500 + "close" + ")" * 500 + " > 1",
        "not " * 400 + "close > 1",
        "close > " + "-" * 1500 + "1",
        "abs(" * 300 + "close" + ")" * 300 + " > 1",
        "+".join(["close"] * 300) + " > 1",
    ],
)
def test_what_is_nested_too_deep_is_refused_by_the_name_of_the_bound(text):
    assert f"the expression is nested deeper than {MAX_DEPTH}, at column" in refusal(text)


def test_a_long_chain_of_conditions_is_not_deep():
    assert parse(" and ".join(f"close > {number}" for number in range(100))).depth == 3


def test_the_place_of_an_error_is_shown_under_the_text():
    told, shown, caret = refusal("close > 1 and\n  rsj(14) < 30").splitlines()
    assert told.endswith("at line 2 column 3")
    assert shown == "    rsj(14) < 30"
    assert caret.index("^") == shown.index("rsj")


def test_the_place_of_an_error_far_to_the_right_is_shown_with_what_is_around_it():
    _, shown, caret = refusal("close > 1 and " * 60 + "rsj(14) < 30").splitlines()
    assert len(shown) < 80
    assert shown[caret.index("^") :].startswith("rsj")


def test_control_characters_of_an_expression_do_not_reach_the_terminal():
    assert "\x1b" not in refusal("close > \x1b[31m1")


@settings(deadline=None)
@given(st.text(max_size=80))
def test_F13_any_text_is_a_condition_or_an_expression_error(text):
    try:
        assert parse(text).kind is Kind.TRUTH
    except ExpressionError:
        return


PIECES = st.sampled_from(
    [
        *SERIES,
        *FUNCTIONS,
        *CROSSINGS,
        "and",
        "or",
        "not",
        "(",
        ")",
        ",",
        "<",
        ">=",
        "==",
        "+",
        "-",
        "*",
        "/",
        "5",
        "0.5",
        " ",
    ]
)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=60).map(" ".join))
def test_F13_any_row_of_its_own_words_is_a_condition_or_an_expression_error(text):
    try:
        tree = parse(text)
    except ExpressionError:
        return
    assert tree.depth <= MAX_DEPTH
    assert 1 <= tree.bars <= MAX_BARS
