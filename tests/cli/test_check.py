"""`openbell check`: a strategy by name, path or file, its findings for people and machines."""

import json
from pathlib import Path

import pytest

from tests.replay import planted

HONEST = Path(planted.__file__)


def test_X16_a_strategy_that_keeps_its_promises_is_told_so(terminal):
    result = terminal("check", "sma_crossover", "--params", "fast=5", "slow=20", "--points", "5")
    assert result.exit_code == 0
    assert "SmaCrossover(fast=5, slow=20), lookback 20" in result.output
    assert "sma_crossover keeps 10 of 10 promises." in result.output


def test_X16_a_look_ahead_in_a_file_is_exit_code_1_with_symbol_bar_and_values(terminal):
    result = terminal("check", f"{HONEST}:NextClose", "--points", "5", "--json")
    assert result.exit_code == 1
    (told,) = json.loads(result.stdout)["strategies"]
    first = next(one for one in told["broken"] if one["promise"] == "future")
    assert first["first"].keys() == {"symbol", "bar", "value", "was", "became"}
    assert {first["first"]["was"], first["first"]["became"]} == {0.0, 1.0}


def test_a_look_ahead_is_told_to_people_once_with_the_panels_that_show_it(terminal):
    result = terminal("check", f"{HONEST}:CentredMean", "--points", "5")
    assert result.exit_code == 1
    lines = [line for line in result.output.splitlines() if "knows nothing of the future" in line]
    assert len(lines) == 1
    assert "broken" in lines[0]
    assert "random walk, and" in lines[0]


def test_every_strategy_of_a_plan_is_checked_with_its_parameters(terminal):
    told = terminal.json("check", "--plan", "demo", "--points", "3")
    assert [one["strategy"] for one in told["strategies"]] == ["sma_crossover", "buy_and_hold"]
    assert told["strategies"][0]["params"] == {"fast": 10, "slow": 30, "short": False}
    assert told["ok"] is True


def test_one_strategy_of_a_plan_takes_other_parameters(terminal):
    told = terminal.json("check", "sma_crossover", "--plan", "demo", "--params", "slow=40", "--points", "3")
    assert told["strategies"][0]["params"] == {"fast": 10, "slow": 40, "short": False}


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        ([], 2, "name one strategy, or a plan with --plan"),
        (["sma_crossover", "rsi_reversion"], 2, "name one strategy"),
        (["smacrossover"], 1, "did you mean 'sma_crossover'?"),
        (["sma_crossover", "--params", "fsat=5"], 1, "unknown key 'fsat'; did you mean 'fast'?"),
        (["sma_crossover", "--params", "fast"], 2, "'fast' is not KEY=VALUE"),
        (["sma_crossover", "--params", "fast=5", "fast=6"], 2, "'fast' stands twice"),
        (["sma_crossover", "--params", "fast=50", "slow=20"], 1, "fast 50 is not below slow 20"),
        (["sma_crossover", "--points", "0"], 2, "0 is not in the range"),
        (["nowhere.py"], 1, "'nowhere.py' is not there"),
        ([f"{HONEST}"], 1, ": say which, as "),
        ([f"{HONEST}:Honset"], 1, "did you mean 'Honest'?"),
        (["sma_cross", "--plan", "demo"], 1, "plan demo has sma_crossover, buy_and_hold"),
        (["--plan", "demo", "--params", "fast=5"], 2, "name it"),
        (["--plan", "dmeo"], 1, "did you mean 'demo'?"),
    ],
)
def test_what_cannot_be_checked_is_one_clear_error(terminal, words, code, complaint):
    result = terminal("check", *words)
    assert result.exit_code == code
    assert complaint in result.output


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("def broken(:", "SyntaxError"),
        ("import nothing_of_that_name", "No module named 'nothing_of_that_name' (line 1)"),
        ("1 / 0", "ZeroDivisionError: division by zero (line 1)"),
        ("x = 1", "no class in it is a finished subclass of Strategy"),
    ],
)
def test_a_file_that_is_no_strategy_is_one_clear_error(terminal, tmp_path, text, complaint):
    (tmp_path / "mine.py").write_text(text)
    result = terminal("check", str(tmp_path / "mine.py"))
    assert result.exit_code == 1
    assert complaint in result.output
