"""`openbell replay --run` of the exits job: what a look closed, and the stops that it placed, are decided again."""

from datetime import UTC, datetime, timedelta

import pytest

from openbell.jobs import sweeps, trading
from openbell.replay.rerun import compare, rerun_stored
from tests.orders.conftest import home, tape, wire  # noqa: F401
from tests.orders.desks import PowerCut, open_desk, outlive_lease

THREE = ("S0", "S1", "S2")
AGAIN = "decided again from the stored panel and inputs"


def bought(home, wire, exits, **changes):  # noqa: F811
    """A desk that holds ten of each symbol at 100, by a plan with these exits."""
    desk = open_desk(home, wire, universe=THREE, exits=exits, **changes)
    assert trading.trade(desk, "entry").counters["filled"] == len(THREE)
    return desk


def again(desk, run):
    return rerun_stored(desk.history, desk.journal.frozen, run)


def counts(compared):
    return {part.name: part.stored for part in compared.parts}


def changed(desk, record, **exits):
    """The record as it would be if the plan had had other exits."""
    other = record.model_copy(update={"plan_body": {**record.plan_body, "exits": exits}})
    return compare(other, desk.history.bars, desk.journal.frozen)


def test_X06_what_an_exit_rule_closed_comes_out_the_same_to_the_byte(home, wire):  # noqa: F811
    desk = bought(home, wire, {"take_profit": 0.1})
    wire.tape.price *= 2
    record = sweeps.exits(desk, "look")
    compared = again(desk, "look")
    assert (compared.how, compared.same, compared.notes) == (AGAIN, True, ())
    assert counts(compared) == {"window": 1, "signals": 0, "intents": 3, "verdicts": 3, "unplaced": 0}
    higher = changed(desk, record, take_profit=0.2).differences
    assert {(one.part, one.field) for one in higher} == {("verdicts", "limit"), ("verdicts", "rulings")}
    assert {one.field for one in changed(desk, record, take_profit=False).differences if one.part == "intents"} == {""}


def test_X06_the_prices_that_a_position_had_seen_are_kept_with_the_run(home, wire):  # noqa: F811
    desk = bought(home, wire, {"trailing_stop": 0.2, "take_profit": False})
    wire.tape.price *= 2
    assert not sweeps.exits(desk, "high").intents
    wire.tape.price *= 3
    wire.tape.price /= 4  # 150, a quarter below the 200 that were seen
    desk.now = desk.clock = lambda: datetime.now(UTC) + timedelta(minutes=1)
    record = sweeps.exits(desk, "look")
    assert {verdict.rule for verdict in record.verdicts} == {"trailing_stop"}
    compared = again(desk, "look")
    assert (compared.how, compared.same) == (AGAIN, True)
    assert "nothing" in again(desk, "high").how


def test_X06_what_the_strategies_said_is_asked_again_of_the_stored_panel(home, wire):  # noqa: F811
    desk = bought(home, wire, {"take_profit": 0.1, "strategy_exit": True})
    wire.tape.price *= 2
    record = sweeps.exits(desk, "look")
    assert record.data.symbols == len(THREE)
    assert len(record.signals) == len(THREE)
    compared = again(desk, "look")
    assert (compared.how, compared.same, counts(compared)["signals"]) == (AGAIN, True, 3)


def test_X06_stops_that_were_placed_at_the_broker_come_out_the_same(home, wire):  # noqa: F811
    sizing = {"use": "fixed_quantity", "params": {"quantity": 8}}
    desk = bought(home, wire, {"stop_loss": {"resting": "always"}}, sizing=sizing)
    record = sweeps.exits(desk, "look")
    assert record.counters["stops"] == len(THREE)
    compared = again(desk, "look")
    assert (compared.how, compared.same, counts(compared)["intents"]) == (AGAIN, True, 3)
    nearer = changed(desk, record, stop_loss={"loss_fraction": 0.05, "resting": "always"}).differences
    assert "stop_price" in {one.field for one in nearer if one.part == "intents"}


def test_C04_a_resumed_look_is_held_against_the_plan_that_was_committed(home, wire):  # noqa: F811
    desk = bought(home, wire, {"take_profit": 0.1})
    wire.tape.price *= 2
    now = desk.now()
    desk.now = desk.clock = lambda: now
    wire.faults = {5: "cut before"}
    with pytest.raises(PowerCut):
        sweeps.exits(desk, "first")
    outlive_lease(desk)
    wire.faults = {}
    record = sweeps.exits(desk, "second")
    assert len(record.intents) == len(THREE)
    compared = again(desk, "second")
    assert (compared.same, counts(compared)) == (True, {"window": 1, "ids": 3, "intents": 3, "verdicts": 3})
    assert compared.notes[0].startswith("its inputs went with the attempt that decided")
