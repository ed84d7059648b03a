"""How a fill is split between the strategies behind an order."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from openbell.values.orders import Share
from openbell.values.shares import split

amounts = st.decimals("-1e9", "1e9", places=9).filter(bool)
shares = st.lists(st.builds(Share, st.sampled_from("abcd"), amounts), min_size=1, max_size=5)


@given(shares, amounts)
def test_parts_add_up_to_what_was_filled(asked, filled):
    assert sum(split(asked, filled).values()) == filled


@given(shares)
def test_full_fill_gives_each_strategy_what_it_asked_for(asked):
    total = sum(share.quantity for share in asked)
    if total:
        wanted: dict[str, Decimal] = {}
        for share in asked:
            wanted[share.strategy] = wanted.get(share.strategy, Decimal(0)) + share.quantity
        assert split(asked, total) == wanted


def test_an_order_without_shares_belongs_to_no_strategy():
    assert split((), Decimal(5)) == {}


def test_fill_against_the_sum_of_the_shares_goes_to_the_largest():
    asked = (Share("a", Decimal(1)), Share("b", Decimal(-1)), Share("c", Decimal(-3)), Share("d", Decimal(3)))
    assert split(asked, Decimal(2)) == {"a": 0, "b": 0, "c": 0, "d": 2}
