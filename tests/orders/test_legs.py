"""Legs in the books: orders of their own, sent, followed, found again and given up with the order that brings them."""

from decimal import Decimal

import pytest

from openbell.jobs.following import orders
from openbell.jobs.reconciling import positions
from openbell.jobs.sweeps import exits
from openbell.values.orders import OrderState
from openbell.values.record import Outcome
from tests.orders.brackets import brackets
from tests.orders.desks import PowerCut, Wire, open_desk, outlive_lease
from tests.orders.venues import ORDER, broken, venue_desk, waits

ONE = {"universe": ("S0",)}


def told(desk) -> dict[str, str]:
    """The state of each order by what it is."""
    kinds = {"": "entry", "tp": "profit", "sl": "loss"}
    rows = desk.history.orders(limit=100)
    return {kinds[row.client_id[29:].removeprefix("-")]: row.state.value for row in rows}


ALIVE = {"entry": "filled", "profit": "acked", "loss": "acked"}


@pytest.fixture
def desk(home, wire):
    return open_desk(home, wire, **ONE)


def test_B37_legs_are_orders_of_the_books_with_the_quantity_of_their_order(desk):
    record = brackets(desk)
    assert record.outcome is Outcome.COMPLETED
    assert told(desk) == ALIVE
    entry, *legs = sorted(desk.history.orders(), key=lambda row: row.client_id)
    assert {row.quantity for row in (entry, *legs)} == {9}
    assert {row.client_id.removesuffix("-tp").removesuffix("-sl") for row in legs} == {entry.client_id}
    assert {order.client_id for order in record.orders} == {row.client_id for row in (entry, *legs)}
    assert broken(desk) == []


@pytest.mark.parametrize(("price", "end"), [("111", "profit"), ("94", "loss")])
def test_B37_the_fill_of_a_leg_closes_the_book_of_its_strategy(desk, tape, price, end):
    brackets(desk)
    tape.price = Decimal(price)
    record = orders(desk, "look")
    assert told(desk) == {**ALIVE, "profit": "canceled", "loss": "canceled", end: "filled"}
    assert (record.counters["filled"], record.counters["canceled"]) == (1, 1)
    assert not any(held.quantity for held in desk.history.positions())
    assert not any(desk.journal.activity("demo", "book", desk.now(), desk.now()).books.values())
    looked = positions(desk, "compare")
    assert (looked.outcome, looked.counters["breaks"]) == (Outcome.COMPLETED, 0)
    assert broken(desk) == []


@pytest.mark.parametrize("fault", ["unanswered", "lost"])
def test_B01_B02_legs_of_an_entry_of_unknown_outcome_go_its_way(home, wire, fault):
    wire.faults = {1: fault}
    desk = open_desk(home, wire, **ONE)
    brackets(desk)
    assert told(desk) == ALIVE
    assert len(wire.accepted) == 1
    assert broken(desk) == []


def test_B02_legs_are_given_up_with_an_entry_that_is_not_sent_again(home, wire):
    wire.unique, wire.faults = False, {1: "lost"}
    desk = open_desk(home, wire, **ONE)
    brackets(desk)
    assert set(told(desk).values()) == {"abandoned"}
    assert orders(desk, "look").message == "no order is open"
    assert broken(desk) == []


def test_B07_legs_of_a_refused_entry_were_never_sent(home, wire):
    wire.faults = {1: "refused"}
    desk = open_desk(home, wire, **ONE)
    brackets(desk)
    assert told(desk) == {"entry": "rejected", "profit": "abandoned", "loss": "abandoned"}
    assert broken(desk) == []


@pytest.mark.parametrize("fault", ["cut before", "cut after"])
def test_I1_I2_after_a_crash_the_group_is_there_once_or_not_at_all(home, wire, fault):
    wire.faults = {1: fault}
    with pytest.raises(PowerCut):
        brackets(open_desk(home, wire, **ONE))
    desk = open_desk(home, wire, **ONE)
    outlive_lease(desk)
    brackets(desk, "second")
    assert told(desk) == ALIVE
    assert len(wire.accepted) == 1
    assert broken(desk) == []


def test_I14_a_venue_without_legs_is_never_asked(home, tape):
    wire = Wire(tape, order_types=["market", "limit"])
    desk = open_desk(home, wire, **ONE)
    (verdict,) = brackets(desk).verdicts
    assert (verdict.rule, verdict.measured, wire.posts) == ("order_terms", "bracket", [])
    assert [row.state for row in desk.history.orders()] in ([], [OrderState.DENIED])


def test_legs_that_the_answer_does_not_tell_are_asked_for(double, tape, home):
    desk = venue_desk(double, tape, universe=("AAPL",))
    waits(desk)
    double.script(ORDER | {"drop": "after"})
    brackets(desk)
    assert told(desk) == ALIVE
    double.quote("AAPL", "94.90", "94.92")
    orders(desk, "look")
    assert told(desk) == {**ALIVE, "profit": "canceled", "loss": "filled"}
    assert positions(desk, "compare").counters["breaks"] == 0
    assert broken(desk) == []


RESTING = {"exits": {"stop_loss": {"loss_fraction": "0.1", "resting": "always"}}}


def test_I20_legs_protect_what_their_entry_bought_and_no_second_stop_is_placed(home, wire):
    desk = open_desk(home, wire, **ONE, **RESTING)
    brackets(desk)
    assert exits(desk, "look").counters["stops"] == 0
    assert told(desk) == ALIVE


def test_H06_once_the_legs_are_gone_a_stop_of_the_plan_takes_their_place(home, wire):
    desk = open_desk(home, wire, **ONE, **RESTING)
    brackets(desk)
    wire.paper.cancel(next(order.client_id for order in wire.paper.open_orders()))
    orders(desk, "look")
    assert told(desk) == {**ALIVE, "profit": "canceled", "loss": "canceled"}
    exits(desk, "again")
    stops = [row for row in desk.history.orders() if row.state is OrderState.ACKED]
    assert [(row.side, row.quantity) for row in stops] == [("sell", Decimal(9))]
    assert broken(desk) == []
