"""The contract on every risk rule that is found, and proof that its checks catch what they are for."""

from typing import ClassVar

import pytest

from openbell.plugins import discover
from openbell.risk import rules
from openbell.risk.base import Rule
from openbell.values.verdict import Decision, Ruling
from tests.contracts.rule_contract import CALM, RuleContract, check_ruling

FOUND = discover(rules, Rule)


class TestFoundRules(RuleContract):
    @pytest.fixture(params=FOUND.values(), ids=FOUND.keys())
    def rule(self, request):
        return request.param()


def test_the_rules_are_found_by_their_file_names():
    assert set(FOUND) == {
        "allowed_symbols",
        "break_open",
        "buying_power",
        "currency",
        "daily_loss_halt",
        "drawdown_halt",
        "duplicate_order",
        "held_quantity",
        "max_gross_exposure",
        "max_leverage",
        "max_net_exposure",
        "max_order_notional",
        "max_order_quantity",
        "max_orders_per_day",
        "max_orders_per_minute",
        "max_orders_per_run",
        "max_position_weight",
        "max_positions",
        "min_confidence",
        "order_terms",
        "price_collar",
        "shorting",
        "spread",
        "stale_price",
        "tradable",
        "wash_trade",
    }


class Trusting(Rule):
    """Takes unknown equity for plenty."""

    needs: ClassVar[tuple[str, ...]] = ("equity",)

    def judge(self, intent, book):
        return self.allow(intent, str(book.equity), "none")


def test_the_contract_catches_a_rule_that_lets_the_unknown_pass():
    with pytest.raises(AssertionError, match="approves without equity"):
        RuleContract().test_I14_what_is_needed_and_missing_denies_and_the_rest_does_not_matter(Trusting(), "equity")


def test_the_contract_catches_an_undeclared_need():
    class Silent(Rule):
        def judge(self, intent, book):
            return self.allow(intent, "known", "known") if book.equity else self.deny("unknown", "known")

    with pytest.raises(AssertionError, match="without saying so"):
        RuleContract().test_I14_what_is_needed_and_missing_denies_and_the_rest_does_not_matter(Silent(), "equity")


def test_the_contract_catches_a_raised_quantity():
    raised = Ruling("test_rules", Decision.APPROVED, "a", "b", CALM[0].quantity + 1)
    with pytest.raises(AssertionError, match="approved leaves 6 of 5"):
        check_ruling(Trusting(), CALM[0], raised)
