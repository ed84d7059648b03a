"""The positions job: what is unknown is unknown, and what entries wait for."""

from dataclasses import replace
from datetime import UTC, datetime

from openbell.errors import BrokerUnavailable
from openbell.jobs import trading
from openbell.jobs.reconciling import positions
from openbell.ports import Level
from openbell.specs import pause
from openbell.values.orders import OrderState
from openbell.values.record import Outcome
from tests.orders.desks import SYMBOLS, open_desk
from tests.orders.positions.venue import D, look, nothing_of, open_breaks


def test_I21_entries_in_a_symbol_with_an_open_break_wait(home, wire, venue, clock):
    plan = {"strategies": ({"use": "buy_and_hold", "universe": ("S0", "S1")},)}
    desk = open_desk(home, wire, **plan)
    desk.wait = lambda span: None
    venue.averages["S0"] = D(100)
    desk.journal.activity("demo", "book", datetime.now(UTC), datetime.now(UTC))
    venue._account = lambda real=venue._account: replace(real(), positions={**real().positions, "S0": nothing_of("S0")})
    venue.moves["S0"] = D(3)
    positions(desk, "look")
    assert open_breaks(desk) == [("FOREIGN_TRADE", "S0")]
    record = trading.trade(desk, "buys")
    denied = {verdict.symbol: verdict.rule for verdict in record.verdicts if verdict.rule != "gate"}
    assert denied["S0"] == "break_open"
    assert [order.symbol for order in record.orders if order.state is OrderState.FILLED] == ["S1"]


def test_B19_an_entry_waits_while_broker_and_books_tell_its_position_differently(home, wire, venue):
    plan = {"strategies": ({"use": "buy_and_hold", "universe": ("S0", "S1")},)}
    desk = open_desk(home, wire, **plan)
    venue._account = lambda real=venue._account: replace(real(), positions={**real().positions, "S0": nothing_of("S0")})
    venue.moves["S0"] = D(3)
    record = trading.trade(desk, "buys")
    ends = {order.symbol: (order.state, order.reason) for order in record.orders}
    assert ends["S0"] == (OrderState.ABANDONED, "UNRECONCILED: 3 S0 at the broker, 0 in the books")
    assert ends["S1"][0] is OrderState.FILLED


def test_B20_an_error_is_unknown_and_ends_the_run_as_failed(holding, venue, clock):
    venue.answers.append(BrokerUnavailable("500"))
    record = look(holding, clock, "look")
    assert (record.outcome, record.code, record.counters["unknown"]) == (Outcome.FAILED, "POSITIONS_UNKNOWN", 1)
    assert open_breaks(holding) == []
    assert len(holding.history.positions("book")) == len(SYMBOLS)


def test_B20_an_empty_list_once_is_unknown_and_never_flat(holding, venue, clock):
    venue.answers.append(lambda real: replace(real, positions={}))
    record = look(holding, clock, "look")
    assert (record.outcome, record.code) == (Outcome.FAILED, "POSITIONS_UNKNOWN")
    assert "held in one answer and not in the other" in record.message
    assert open_breaks(holding) == []


def test_B20_an_empty_list_that_the_equity_contradicts_is_unknown(holding, venue, clock):
    venue.answers += [lambda real: replace(real, positions={}, reported_equity=D(1_000_000))] * 2
    record = look(holding, clock, "look")
    assert record.code == "POSITIONS_UNKNOWN"
    assert "no position is listed" in record.message


def test_I21_entries_of_the_account_wait_once_nothing_is_known_for_two_intervals(holding, venue, clock):
    for number in range(4):
        venue.answers.append(BrokerUnavailable("500"))
        look(holding, clock, f"look-{number}")
    assert open_breaks(holding) == [("POSITIONS_UNKNOWN", "book")]
    assert holding.breaks.waiting("book") == {"": "break 1: POSITIONS_UNKNOWN book"}
    look(holding, clock, "known")
    look(holding, clock, "known again")
    assert holding.breaks.waiting("book") == {}


def test_B19_what_was_just_traded_is_settling_and_no_break(desk, wire, venue):
    trading.trade(desk, "buys")
    venue.moves["S2"] = D(-5)
    record = positions(desk, "look")
    assert (record.counters["settling"], record.counters["breaks"]) == (1, 0)
    assert open_breaks(desk) == []


def test_B40_an_account_that_was_reset_halts_everything(holding, venue, clock):
    venue.answers += [lambda real: replace(real, positions={}, cash=D(100_000), reported_equity=D(100_000))] * 2
    look(holding, clock, "look")
    kinds = [kind for kind, _ in open_breaks(holding)]
    assert kinds.count("MISSING_POSITION") == len(SYMBOLS)
    assert kinds.count("ACCOUNT_RESET") == 1
    switch = holding.journal.switch()
    assert (switch.level, switch.actor) == (Level.HALTED, "openbell")
    assert switch.reason.startswith("BREAK book")
    assert len(holding.history.fills("book", limit=100)) == len(SYMBOLS)


def test_B02_a_lost_order_whose_position_nobody_can_explain_waits_and_is_not_sent_again(home, wire, venue):
    desk = open_desk(home, wire, strategies=({"use": "buy_and_hold", "universe": ("S0", "S1")},))
    wire.faults[1] = "lost"
    desk.wait = lambda span: venue.moves.update({lost()[0]: D(3)})

    def lost():
        first = wire.posts[0][1]
        return next((order.symbol, order) for order in desk.history.orders() if order.client_id == first)

    trading.trade(desk, "buys")
    _, order = lost()
    assert (order.state, [key for _, key in wire.posts].count(order.client_id)) == (OrderState.UNKNOWN, 1)
    assert ("UNKNOWN_ORDER", order.client_id) in {(alert.kind, alert.subject) for alert in desk.history.alerts()}
    desk.wait = pause
    desk.recovery("later", passes=2).recover()
    assert lost()[1].state is OrderState.ABANDONED  # proven absent, and its run is over
    assert len(wire.posts) == 2
