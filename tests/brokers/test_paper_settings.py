"""Terms of a paper account: bounds, and what a fee comes to."""

from decimal import Decimal

import pytest
from pydantic import ValidationError

from openbell.brokers.paper.settings import FeeTerms, PaperSettings

D = Decimal


@pytest.mark.parametrize(
    "terms",
    [
        {"leverage": "0.99"},
        {"leverage": "51"},
        {"leverage": "NaN"},
        {"cash": "-0.01"},
        {"cash": "100.001"},
        {"cash": "Infinity"},
        {"fill_share": "0"},
        {"fill_share": "1.01"},
        {"slippage_bps": "-1"},
        {"currency": "usd"},
        {"order_types": []},
        {"order_types": ["iceberg"]},
        {"maintenance": "0.5", "leverage": "4"},
        {"fee": {"per_order": "-1"}},
        {"fee": {"commission": "1"}},
        {"cash": "1e30"},
        {"fee": {"per_order": "1e30"}},
        {"sliippage": "1"},
    ],
)
def test_terms_outside_their_bounds_are_refused(terms):
    with pytest.raises(ValidationError):
        PaperSettings.model_validate(terms)


def test_leverage_goes_from_1_to_50():
    assert [PaperSettings(leverage=D(x)).leverage for x in (1, 50)] == [1, 50]


def test_half_of_the_opening_margin_must_remain_unless_told_otherwise():
    assert PaperSettings(leverage=D(4)).least_margin == D("0.125")
    assert PaperSettings(leverage=D(4), maintenance=D("0.25")).least_margin == D("0.25")


@pytest.mark.parametrize(
    ("terms", "quantity", "notional", "fee"),
    [
        ({}, "10", "1000", "0.00"),
        ({"per_order": "1"}, "10", "1000", "1.00"),
        ({"per_share": "0.005"}, "7", "700", "0.04"),
        ({"per_share": "0.005"}, "5", "500", "0.02"),
        ({"bps": "3"}, "10", "1000", "0.30"),
        ({"per_order": "1", "per_share": "0.01", "bps": "1", "minimum": "1.15"}, "10", "1000", "1.20"),
        ({"per_order": "1", "minimum": "1.15"}, "10", "1000", "1.15"),
    ],
)
def test_a_fee_is_the_sum_of_its_parts_to_the_cent_half_to_even(terms, quantity, notional, fee):
    assert FeeTerms.model_validate(terms).total(D(quantity), D(notional)) == D(fee)
