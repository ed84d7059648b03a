"""The exits job: what was sold otherwise is not sold again, and what a switch or breaker lets through."""

from datetime import timedelta
from decimal import Decimal

import pytest

from openbell.ports import Level
from openbell.values.orders import OrderIntent, OrderState, OrderType, Purpose, Side
from openbell.values.record import Outcome
from tests.exits.job.rings import scheduled
from tests.exits.job.sales import ALL, LOW, alerts, quantities
from tests.orders.desks import PowerCut, outlive_lease


def test_what_was_bought_by_hand_is_left_alone(held, tape, wire):
    wire.paper.submit(order("by-hand", Side.BUY, "7", "HAND"))
    wire.paper.submit(order("more", Side.BUY, "3", "S0"))
    tape.price = LOW
    scheduled(held, "exits-1")
    assert quantities(wire) == {"HAND": Decimal(7), "S0": Decimal(3)}


def test_B18_what_was_sold_by_hand_is_not_sold_again(held, tape, wire):
    before = quantities(wire)["S0"]
    wire.paper.submit(order("by-hand", Side.SELL, "4", "S0"))
    tape.price = LOW
    scheduled(held, "exits-1")
    assert quantities(wire) == {}
    assert {o.quantity for o in held.history.orders(limit=100) if o.symbol == "S0" and o.side == "sell"} == {before - 4}


def test_B37_what_another_order_already_takes_off_is_not_sold_twice(held, tape, wire):
    before = quantities(wire)["S0"]
    wire.paper.submit(order("by-hand", Side.SELL, "4", "S0", 150))
    tape.price = LOW
    scheduled(held, "exits-1")
    assert quantities(wire) == {"S0": Decimal(4)}
    (row,) = [o for o in held.history.orders(limit=100) if o.symbol == "S0" and o.side == "sell"]
    assert row.quantity == before - 4


def test_B21_against_an_own_order_of_the_other_side_nothing_is_sent_and_a_person_is_told(held, tape, wire):
    wire.paper.submit(order("by-hand", Side.BUY, "4", "S0", 50))
    tape.price = LOW
    record = scheduled(held, "exits-1")
    assert set(quantities(wire)) == {"S0"}
    assert ("EXIT_DENIED", "demo/S0") in alerts(held)
    assert record.counters["denied"] >= 1


def order(name, side, quantity, symbol, limit=None):
    kind = OrderType.MARKET if limit is None else OrderType.LIMIT
    price = None if limit is None else Decimal(limit)
    return OrderIntent(
        name, "x", 0, symbol, side, Decimal(quantity), Purpose.ENTRY, Decimal(100), type=kind, limit_price=price
    )


def test_an_exit_whose_outcome_is_unknown_is_not_doubled(held, tape, wire, open_exits):
    tape.price = LOW
    wire.unique = False  # so that what was lost is not sent again
    wire.faults = {ALL + 1: "lost", ALL + 2: "lost"}

    desk = open_exits()
    desk.quiet = timedelta(seconds=60)
    record = scheduled(desk, "exits-1")
    assert record.counters["waiting"] >= 2
    unknown = {row.symbol for row in held.history.orders(limit=100) if row.state is OrderState.UNKNOWN}
    assert unknown == {"S0", "S1"}
    assert len(wire.posts) == len({name for _, name in wire.posts})
    assert set(quantities(wire)) == unknown


@pytest.mark.parametrize("fault", ["cut before", "cut after"])
@pytest.mark.parametrize("place", [1, 2])
def test_a_run_that_dies_while_it_sends_is_resumed_in_its_slot_and_sends_each_exit_once(
    held, tape, wire, open_exits, fault, place
):
    tape.price = LOW
    wire.faults[ALL + place] = fault
    with pytest.raises(PowerCut):
        scheduled(held, "exits-1")
    for number in range(2, 5):
        outlive_lease(held)
        scheduled(open_exits(), f"exits-{number}")
    assert quantities(wire) == {}
    assert len(wire.accepted) == 2 * ALL
    assert len(set(wire.accepted)) == 2 * ALL


def test_two_runs_of_the_same_half_minute_send_once(held, tape, wire, open_exits):
    tape.price = LOW
    scheduled(held, "exits-1")
    again = scheduled(open_exits(), "exits-2")
    assert again.code == "DUPLICATE_RUN" or again.counters["sent"] == 0
    assert len(wire.posts) == 2 * ALL


def test_under_reduce_only_exits_are_sent(held, tape, wire):
    held.journal.set_switch(Level.REDUCE_ONLY, "test", "careful")
    tape.price = LOW
    scheduled(held, "exits-1")
    assert quantities(wire) == {}


def test_under_halted_the_run_is_a_stored_skip(held, tape, wire):
    held.journal.set_switch(Level.HALTED, "test", "stop")
    tape.price = LOW
    record = scheduled(held, "exits-1")
    assert (record.outcome, record.code) == (Outcome.SKIPPED, "HALTED")
    assert held.history.run("exits-1") == record
    assert len(quantities(wire)) == ALL


def test_a_halt_between_two_looks_stops_the_second(held, tape, wire, open_exits):
    def press():
        tape.price = LOW
        held.journal.set_switch(Level.HALTED, "test", "stop")

    record = scheduled(open_exits(hook=press), "exits-1")
    assert record.counters["halted"] == ALL
    assert len(wire.posts) == ALL


def test_S18_an_open_breaker_does_not_hold_exits_back(held, tape, wire):
    held.journal.count("demo", "exits", "broker", "401", at_once=True)
    tape.price = LOW
    scheduled(held, "exits-1")
    assert quantities(wire) == {}
