"""Legs: their ids, what they are made of, and what of a group can fill."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from openbell.values.legs import Role, independent, leg_id, legs_of, parent_of
from openbell.values.orders import Order, OrderState, OrderType, Purpose, Share, Side, TimeInForce
from tests.contracts.venue import intent

D = Decimal
SHARES = (Share("a", D(6)), Share("b", D(4)))


def order(client_id: str, state: OrderState = OrderState.ACKED) -> Order:
    return Order(client_id, "AAPL", Side.SELL, D(10), OrderType.LIMIT, state, datetime(2026, 11, 20, tzinfo=UTC))


@pytest.mark.parametrize("role", list(Role))
def test_4_1_the_id_of_a_leg_names_its_order_in_32_characters(role):
    parent = "ob-" + "a" * 26
    assert (parent_of(leg_id(parent, role)), len(leg_id(parent, role))) == (parent, 32)


@pytest.mark.parametrize("client_id", ["ob-" + "a" * 26, "perm-123", "9c2f-tpx", "tp", "-tp", ""])
def test_other_ids_are_no_legs(client_id):
    assert parent_of(client_id) == ""


def test_the_legs_of_an_entry_close_what_its_strategies_open():
    profit, loss = legs_of(replace(intent("e1"), take_profit=D(110), stop_loss=D(95), shares=SHARES))
    assert (profit.id, profit.side, profit.type, profit.limit_price) == ("e1-tp", Side.SELL, OrderType.LIMIT, 110)
    assert (loss.id, loss.side, loss.type, loss.stop_price) == ("e1-sl", Side.SELL, OrderType.STOP, 95)
    for leg in (profit, loss):
        assert leg.shares == (Share("a", D(-6)), Share("b", D(-4)))
        assert (leg.purpose, leg.time_in_force, leg.quantity) == (Purpose.EXIT, TimeInForce.GTC, 10)
        assert legs_of(leg) == ()
    assert len({profit.leg, loss.leg, 0, 1}) == 4


def test_the_leg_of_an_oco_closes_on_the_side_of_its_order():
    wanted = intent("x1", Side.SELL, purpose=Purpose.EXIT, limit_price="110", stop_loss=D(95), shares=SHARES)
    (stop,) = legs_of(wanted)
    assert (stop.id, stop.side, stop.shares) == ("x1-sl", Side.SELL, SHARES)


@pytest.mark.parametrize(
    ("listed", "can_fill"),
    [
        (["e1", "e1-tp", "e1-sl", "other"], ["e1", "other"]),
        (["e1-tp", "e1-sl", "e1"], ["e1"]),
        (["e1-tp", "e1-sl"], ["e1-tp"]),
        (["e1-sl", "e2-sl"], ["e1-sl", "e2-sl"]),
        (["one", "two"], ["one", "two"]),
    ],
)
def test_B37_of_a_group_one_order_counts(listed, can_fill):
    assert [found.client_id for found in independent(map(order, listed))] == can_fill


def test_once_the_entry_has_ended_its_legs_count():
    listed = (order("e1", OrderState.FILLED), order("e1-tp"), order("e1-sl"))
    assert [found.client_id for found in independent(listed)] == ["e1-tp"]
