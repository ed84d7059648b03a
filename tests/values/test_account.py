"""Cash and positions stay exact whatever is filled in whatever order."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openbell.values.account import Account, Position
from openbell.values.orders import Fill, Side

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
EMPTY = Account("a", "paper", "USD", Decimal(100_000), {}, Decimal(100_000))

fills = st.lists(
    st.builds(
        lambda n, symbol, side, quantity, price, fee: Fill(str(n), "o", symbol, side, quantity, price, fee, NOW),
        st.integers(),
        st.sampled_from(["AAA", "BBB"]),
        st.sampled_from(list(Side)),
        st.decimals("0.001", "500", places=3),
        st.decimals("0.01", "900", places=2),
        st.decimals("0", "5", places=2),
    ),
    max_size=30,
)


def filled(account: Account, made: list[Fill]) -> Account:
    for fill in made:
        account = account.apply(fill)
    return account


@given(fills)
def test_I12_cash_is_the_opening_less_what_was_paid(made: list[Fill]) -> None:
    paid = sum((fill.signed * fill.price + fill.fee for fill in made), Decimal(0))
    assert filled(EMPTY, made).cash == EMPTY.cash - paid


@given(fills)
def test_I19_a_position_is_the_sum_of_its_fills_in_any_order(made: list[Fill]) -> None:
    one, other = filled(EMPTY, made), filled(EMPTY, made[::-1])
    for symbol in {fill.symbol for fill in made}:
        expected = sum((fill.signed for fill in made if fill.symbol == symbol), Decimal(0))
        assert one.quantity(symbol) == other.quantity(symbol) == expected


@given(fills)
def test_I12_realized_and_unrealized_explain_the_change_of_equity(made: list[Fill]) -> None:
    after = filled(EMPTY, made)
    marks = {"AAA": Decimal("101.25"), "BBB": Decimal("33.10")}
    fees = sum((fill.fee for fill in made), Decimal(0))
    explained = sum(
        (held.realized + held.unrealized(marks[symbol]) for symbol, held in after.positions.items()), Decimal(0)
    )
    assert abs(after.equity(marks) - (EMPTY.cash + explained - fees)) <= Decimal("0.01")


def test_equity_of_a_holding_without_a_price_is_not_known() -> None:
    after = filled(EMPTY, [Fill("1", "o", "AAA", Side.BUY, Decimal(1), Decimal(10), Decimal(0), NOW)])
    with pytest.raises(KeyError):
        after.equity({})


def test_turning_through_zero_starts_a_new_average() -> None:
    held = Position("AAA", Decimal(10), Decimal(100))
    turned = held.apply(Fill("1", "o", "AAA", Side.SELL, Decimal(15), Decimal(110), Decimal(0), NOW))
    assert (turned.quantity, turned.average_price, turned.realized) == (Decimal(-5), Decimal(110), Decimal(100))
