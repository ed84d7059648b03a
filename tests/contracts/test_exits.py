"""The contract on every exit rule that is found, and proof that its checks catch what they are for."""

from datetime import timedelta
from typing import ClassVar

import numpy as np
import pytest

from openbell.exits import rules
from openbell.exits.base import ExitRule
from openbell.exits.rules.end_of_session import EndOfSession
from openbell.exits.rules.stop_loss import StopLoss
from openbell.exits.rules.strategy_exit import StrategyExit
from openbell.exits.rules.take_profit import TakeProfit
from openbell.exits.rules.time_limit import TimeLimit
from openbell.exits.rules.trailing_stop import TrailingStop
from openbell.plugins import discover
from tests.contracts.exit_contract import ExitContract

SAMPLES = [
    TakeProfit(),
    StopLoss(),
    TrailingStop(back_fraction=0.05),
    TimeLimit(sessions=1),
    TimeLimit(duration=timedelta(hours=2)),
    StrategyExit(),
    EndOfSession(),
]


class TestFoundExits(ExitContract):
    @pytest.fixture(params=SAMPLES, ids=lambda sample: f"{sample.name}-{sample.main}")
    def exit_rule(self, request):
        return request.param


def test_the_rules_are_found_by_their_file_names_and_each_has_a_sample():
    assert set(discover(rules, ExitRule)) == {sample.name for sample in SAMPLES}


class Hasty(ExitRule):
    """Takes an unknown age for a great one."""

    needs: ClassVar[tuple[str, ...]] = ("age",)
    measures: ClassVar[str] = "held for"

    @property
    def limit(self):
        return 1e6

    def measure(self, held):
        return np.where(np.isfinite(held.age), held.age, 1e9)


def test_the_contract_catches_a_rule_that_closes_on_the_unknown():
    check = ExitContract().test_I14_what_is_needed_and_missing_closes_nothing_and_the_rest_does_not_matter
    with pytest.raises(AssertionError):
        check(Hasty(), "age", np.nan)


def test_the_contract_catches_an_undeclared_need():
    class Silent(Hasty):
        needs: ClassVar[tuple[str, ...]] = ("mark",)

    check = ExitContract().test_I14_what_is_needed_and_missing_closes_nothing_and_the_rest_does_not_matter
    with pytest.raises(AssertionError, match="without saying so"):
        check(Silent(), "age", np.nan)
