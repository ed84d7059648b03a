"""The rule that the page shows keeps the promises of every rule."""

import re
from pathlib import Path

import numpy as np
import pytest

import openbell
from openbell.exits.judge import judge_exits
from tests.contracts.exit_contract import ExitContract
from tests.exits.holdings import holdings

PAGE = Path(openbell.__file__).parent.parent / "docs" / "exits.md"


def shown():
    (body,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names = {"__name__": "dead_money"}
    exec(compile(body, str(PAGE), "exec"), names)
    return names["DeadMoney"]


RULE = shown()


class TestRuleOfThePage(ExitContract):
    @pytest.fixture
    def exit_rule(self):
        return RULE()


def test_it_closes_what_it_says():
    held = holdings(("A", "B", "C", "D"), mark=[99, 101, 99, np.nan], age=[90000, 90000, 80000, 90000])
    assert [one.symbol for one in judge_exits([RULE()], held)] == ["A"]
