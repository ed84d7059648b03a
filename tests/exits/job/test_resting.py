"""Stops that rest at the broker: sized to what is held, moved with it, and out of the way of everything else."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from openbell.exits.rules.stop_loss import StopLoss
from openbell.jobs import closing, sweeps, trading
from openbell.ports import Level, Unknown
from openbell.values.orders import OrderIntent, OrderState, OrderType, Purpose, Side, TimeInForce
from tests.exits.job.conftest import THREE
from tests.orders.desks import PowerCut, outlive_lease

D = Decimal
STOPS = {
    "exits": {"stop_loss": {"resting": "always"}},
    "sizing": {"use": "fixed_quantity", "params": {"quantity": 8}},
}
#: How far looks are ahead of the clock; it never goes back.
_ahead = [timedelta(0)]
#: Longer than a stop that was refused rests.
QUARTER = timedelta(minutes=16)


def look(desk, run_id, later=timedelta(seconds=30)):
    """One look of the exits job by hand, by default half a minute after the one before."""
    _ahead.append(_ahead[-1] + later)
    later = _ahead[-1]
    desk.now = desk.clock = lambda: datetime.now(UTC) + later
    return sweeps.exits(desk, run_id)


@pytest.fixture
def held(open_exits):
    """Three positions of eight, bought at 100.01, of a plan whose stops rest at the broker."""
    desk = open_exits(**STOPS)
    assert trading.trade(desk, "entry").counters["filled"] == len(THREE)
    return desk


@pytest.fixture
def stopped(held):
    """The same after a look of the exits job."""
    assert look(held, "exits-1").counters["stops"] == len(THREE)
    return held


def resting(wire):
    """(symbol, side, what is left, price) of each stop at the broker."""
    found = [o for o in wire.paper.open_orders() if o.type is OrderType.STOP]
    return sorted((o.symbol, o.side, o.remaining, o.stop_price) for o in found)


def quantities(wire):
    return {symbol: held.quantity for symbol, held in wire.paper.account().positions.items() if held.quantity}


def alerts(desk):
    return {(alert.kind, alert.subject) for alert in desk.history.alerts()}


def by_hand(wire, symbol, quantity, side=Side.SELL):
    intent = OrderIntent(f"by-hand-{symbol}-{side}", "", 0, symbol, side, quantity, Purpose.EXIT, D(100))
    wire.paper.submit(intent)


def of_exits(desk):
    return [row for row in desk.history.orders(limit=1000) if row.slot.split("/")[1] == "exits"]


# --- placing -------------------------------------------------------------------------------------------------


def test_I20_each_position_gets_a_stop_at_the_broker_that_lasts(stopped, wire):
    assert resting(wire) == [(symbol, Side.SELL, D(8), D("90.01")) for symbol in THREE]
    assert {order.time_in_force for order in wire.paper.open_orders()} == {TimeInForce.GTC}
    record = stopped.history.run("exits-1")
    assert "3 stops placed at the broker" in record.message
    assert {verdict.rule for verdict in record.verdicts} == {"stop_loss"}
    assert {verdict.measured for verdict in record.verdicts} == {"a stop at the broker at 90.01"}


def test_a_stop_that_fits_is_left_alone(stopped, wire):
    posts = len(wire.posts)
    record = look(stopped, "exits-2")
    assert (record.counters["stops"], len(wire.posts)) == (0, posts)


def test_a_paper_plan_has_none_unless_it_asks_for_them(open_exits, wire):
    desk = open_exits()
    trading.trade(desk, "entry")
    look(desk, "exits-1")
    assert resting(wire) == []


@pytest.mark.parametrize(("resting_", "mode", "there"), [("live", "live", True), ("never", "live", False)])
def test_I20_a_live_plan_has_them_unless_it_says_never(resting_, mode, there):
    rule = StopLoss(loss_fraction=D("0.1"), resting=resting_)
    assert (rule.resting_stop(D(100), True, mode) == D(90)) is there
    assert (rule.resting_stop(D(100), False, mode) == D(110)) is there


def test_a_venue_without_stops_gets_none(held, wire, monkeypatch):
    plain = replace(wire.capabilities, order_types=frozenset({OrderType.MARKET}))
    monkeypatch.setattr(type(wire), "capabilities", property(lambda _: plain))
    assert look(held, "exits-1").counters["stops"] == 0


def test_I20_a_stop_that_fills_is_booked_for_the_strategies_that_held_it(stopped, wire, tape):
    tape.price = D(89)
    wire.paper.open_orders()
    assert quantities(wire) == {}
    stopped.recovery("recover", passes=2).recover()
    books = stopped.journal.activity("demo", "book", stopped.now(), stopped.now()).books
    assert not any(books.values())
    assert {order.state for order in of_exits(stopped)} == {OrderState.FILLED}
    assert look(stopped, "exits-2").counters["fired"] == 0


def test_B14_parts_of_a_share_are_watched_by_the_job_alone(open_exits, wire, tape):
    desk = open_exits(exits=STOPS["exits"], sizing={"use": "fixed_cash", "params": {"notional": 950}})
    trading.trade(desk, "entry")
    look(desk, "exits-1")
    assert {stop[2] for stop in resting(wire)} == {D(9)}
    assert look(desk, "exits-2").counters["stops"] == 0
    tape.price = D(121)
    assert look(desk, "exits-3").counters["filled"] == len(THREE)
    assert quantities(wire) == {}


# --- keeping -------------------------------------------------------------------------------------------------


def test_H05_a_position_that_a_person_made_smaller_gets_a_smaller_stop(stopped, wire):
    wire.paper.cancel(next(o.client_id for o in wire.paper.open_orders() if o.symbol == "S0"))
    by_hand(wire, "S0", D(3))
    assert quantities(wire)["S0"] == D(5)
    look(stopped, "exits-2")
    assert resting(wire)[0] == ("S0", Side.SELL, D(5), D("90.01"))
    assert len(resting(wire)) == len(THREE)


def test_H06_a_stop_that_a_person_canceled_is_told_and_placed_again(stopped, wire):
    gone = next(o.client_id for o in wire.paper.open_orders() if o.symbol == "S0")
    wire.paper.cancel(gone)
    stopped.recovery("recover").recover()
    assert len(resting(wire)) == len(THREE) - 1
    (alert,) = stopped.history.alerts()
    assert (alert.kind, alert.subject) == ("STOP_CANCELED", f"{stopped.plan.name}/S0")
    assert "canceled at the broker, and not by openbell" in alert.detail
    look(stopped, "exits-2")
    assert (len(resting(wire)), stopped.history.alerts()) == (len(THREE), ())


def test_a_stop_with_nothing_left_to_protect_is_taken_back(stopped, wire, monkeypatch):
    gone = wire.paper.account()
    positions = {symbol: held for symbol, held in gone.positions.items() if symbol != "S0"}
    monkeypatch.setattr(wire, "account", lambda: replace(gone, positions=positions), raising=False)
    look(stopped, "exits-2")
    assert [stop[0] for stop in resting(wire)] == ["S1", "S2"]


def test_a_stop_that_the_broker_refuses_is_told_and_not_tried_again_at_once(held, wire):
    posts = len(wire.posts)
    wire.faults[posts + 1] = "refused"
    assert look(held, "exits-1").counters["stops"] == len(THREE) - 1
    assert ("STOP_NOT_PLACED", "demo/S0") in alerts(held)
    assert look(held, "exits-2").counters["stops"] == 0
    assert ("STOP_NOT_PLACED", "demo/S0") in alerts(held)
    assert len(wire.posts) == posts + len(THREE)
    assert look(held, "exits-3", QUARTER).counters["stops"] == 1
    assert ("STOP_NOT_PLACED", "demo/S0") not in alerts(held)


def test_under_halted_no_stop_is_placed_or_taken_back(held, wire):
    held.journal.set_switch(Level.HALTED, "operator", "drill")
    look(held, "exits-1")
    assert resting(wire) == []


# --- making way ----------------------------------------------------------------------------------------------


def test_B37_an_exit_takes_the_stop_back_before_it_is_sent_and_only_one_of_them_fills(stopped, wire, tape):
    tape.price = D(121)
    record = look(stopped, "exits-2")
    assert (record.counters["sent"], record.counters["filled"]) == (len(THREE), len(THREE))
    assert (quantities(wire), resting(wire)) == ({}, [])
    assert Counter(order.state for order in of_exits(stopped)) == {OrderState.CANCELED: 3, OrderState.FILLED: 3}


def test_B37_an_exit_waits_for_a_stop_that_does_not_go(stopped, wire, tape, monkeypatch):
    tape.price = D(121)
    monkeypatch.setattr(wire, "cancel", lambda client_id: Unknown("no answer"), raising=False)
    record = look(stopped, "exits-2")
    assert (record.counters["sent"], record.counters["waiting"]) == (0, len(THREE))
    assert len(resting(wire)) == len(THREE)
    monkeypatch.undo()
    assert look(stopped, "exits-3").counters["filled"] == len(THREE)
    assert quantities(wire) == {}


def test_B37_a_stop_that_fills_on_its_way_out_leaves_nothing_to_sell(stopped, wire, tape, monkeypatch):
    tape.price = D(121)

    def too_late(client_id):
        tape.price = D(80)
        wire.paper.open_orders()
        tape.price = D(121)
        return type(wire).cancel(wire, client_id)

    monkeypatch.setattr(wire, "cancel", too_late, raising=False)
    record = look(stopped, "exits-2")
    assert (record.counters["sent"], record.counters["waiting"]) == (0, len(THREE))
    assert quantities(wire) == {}
    assert not any(position < 0 for position in quantities(wire).values())


def falling(bars):
    """Bars that lose a percent a day."""

    def answer(symbols, timeframe, count, as_of):
        checked = bars(symbols, timeframe, count, as_of)
        path = np.repeat((200 * 0.99 ** np.arange(count))[:, None], len(symbols), axis=1)
        fields = dict.fromkeys(("open", "high", "low", "close"), path)
        return replace(checked, bars=replace(checked.bars, **fields))

    return answer


def test_a_trading_run_takes_the_stop_back_before_it_sells(stopped, wire, tape, open_exits):
    tape.bars = falling(tape.bars)
    often = {"trade": {"every": "1m"}, "orders": {"every": "1h"}}
    momentum = ({"use": "ts_momentum", "name": "buy_and_hold"},)
    desk = open_exits(**STOPS, schedule=often, strategies=momentum)
    record = trading.trade(desk, "out")
    assert record.outcome.value == "completed", record.message
    assert (quantities(wire), resting(wire)) == ({}, [])


def test_flatten_takes_stops_back_and_sells_everything(stopped, wire):
    done = closing.flatten(stopped, "operator", "drill", "flatten-1")
    assert done.flat
    assert (quantities(wire), resting(wire)) == ({}, [])


# --- dying ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["cut before", "cut after"])
def test_I1_a_look_that_dies_while_it_places_a_stop_leaves_no_second_one(held, wire, fault, open_exits):
    wire.faults[len(wire.posts) + 2] = fault
    with pytest.raises(PowerCut):
        look(held, "exits-1")
    outlive_lease(held)
    desk = open_exits(**STOPS)
    desk.recovery("recover", passes=3).recover()
    for number in range(2, 5):
        look(desk, f"exits-{number}")
    assert [stop[:3] for stop in resting(wire)] == [(symbol, Side.SELL, D(8)) for symbol in THREE]
