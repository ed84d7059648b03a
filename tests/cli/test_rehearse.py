"""`openbell rehearse`: what a changed plan would decide otherwise, for people and machines."""

import json

import pytest


@pytest.fixture
def changed(terminal):
    """The plan of the terminal with another limit, in a file beside it."""
    path = terminal.home / "changed.toml"
    path.write_text(terminal.plan + "max_positions = 1\n")
    return str(path)


def test_X06_the_decisions_that_differ_are_told_with_both_sides(terminal, changed):
    result = terminal("rehearse", "demo", "--with", changed, "--sessions", "15")
    assert result.exit_code == 0, result.output
    assert "sample prices (real daily bars of 2000 to 2013 under other dates)" in result.output
    assert "denied by max_positions: 2 against 1" in result.output
    assert "The new plan changes " in result.output
    assert "Closing equity" in result.output


def test_X06_machines_get_every_change(terminal, changed):
    told = terminal.json("rehearse", "demo", "--with", changed, "--sessions", "15")
    assert told["differ"] == len(told["changes"]) == sum(told["counts"].values()) > 0
    first = told["changes"][0]
    assert first.keys() == {"slot", "session", "symbol", "how", "now", "then"}
    assert told["now"]["plan_hash"] != told["then"]["plan_hash"]
    assert json.dumps(told)


def test_X06_the_same_plan_changes_nothing(terminal):
    result = terminal("rehearse", "demo", "--with", str(terminal.plans / "demo.toml"), "--sessions", "5")
    assert result.exit_code == 0
    assert "All decisions of 10 slots are the same." in result.output


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["demo"], 2, "Missing option '--with'"),
        (["dmeo", "--with", "x.toml"], 1, "did you mean 'demo'?"),
        (["demo", "--with", "nowhere.toml"], 1, "nowhere.toml: cannot be read"),
        (["demo", "--with", "{plan}", "--sessions", "0"], 2, "0 is not in the range"),
        (["demo", "--with", "{plan}", "--sessions", "19999"], 1, "is before"),
        (["demo", "--with", "{plan}", "--to", "2999-01-01"], 1, "is after"),
    ],
)
def test_what_cannot_be_rehearsed_is_one_clear_error(terminal, words, code, complaint):
    plan = str(terminal.plans / "demo.toml")
    result = terminal("rehearse", *(word.format(plan=plan) for word in words))
    assert result.exit_code == code
    assert complaint in result.output
