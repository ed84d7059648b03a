"""The positions job: what the books missed is repaired, the rest is a break with its cause, and unknown is unknown."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from openbell.values.breaks import NonTrade
from openbell.values.orders import Fill, OrderState
from openbell.values.record import Outcome
from tests.orders.desks import SYMBOLS, states
from tests.orders.positions.venue import OLD, D, in_order, look, nothing_of, open_breaks


def test_J01_books_that_agree_are_clean_and_counted(holding, clock):
    record = look(holding, clock, "look")
    assert (record.outcome, record.counters["breaks"], record.counters["unknown"]) == (Outcome.COMPLETED, 0, 0)
    assert record.counters["checked"] == record.counters["clean"] == len(SYMBOLS) + 1
    assert "agree" in record.message
    assert in_order(holding) == []


# --- X12: each break with the right cause ----------------------------------------------------------------------


def by_hand(desk, wire, venue):
    venue.trade_by_hand("S3", "2")


def gone(desk, wire, venue):
    venue.moves["S4"] = -wire.paper.account().quantity("S4")


def split(desk, wire, venue):
    held = wire.paper.account().positions["S5"]
    venue.moves["S5"], venue.averages["S5"] = held.quantity, held.average_price / 2


def reverse_split(desk, wire, venue):
    held = wire.paper.account().positions["S6"]
    venue.moves["S6"], venue.averages["S6"] = held.quantity / 10 - held.quantity, held.average_price * 10


def another_store(desk, wire, venue):
    venue.trade_by_hand("S7", "1", name="strange-1", client_id="ob-aaaaaaaaaaaaaaaaaaaaaaaaaa")


def deposit(desk, wire, venue):
    venue.cash += D(5000)


def unexplained(desk, wire, venue):
    venue.moves["S9"] = D("-1.5")


@pytest.mark.parametrize(
    ("seed", "cause", "subject"),
    [
        (by_hand, "FOREIGN_TRADE", "hand-1"),
        (gone, "MISSING_POSITION", "S4"),
        (split, "SPLIT", "S5"),
        (reverse_split, "SPLIT", "S6"),
        (another_store, "UNKNOWN_PREFIX", "strange-1"),
        (deposit, "CASH", "cash"),
        (unexplained, "FOREIGN_TRADE", "S9"),
    ],
)
def test_X12_a_seeded_break_is_told_with_its_cause(holding, wire, venue, clock, seed, cause, subject):
    seed(holding, wire, venue)
    record = look(holding, clock, "look")
    assert open_breaks(holding) == [(cause, subject)]
    assert record.counters[cause.lower()] == record.counters["breaks"] == 1
    look(holding, clock, "again")
    assert open_breaks(holding) == [(cause, subject)]
    assert in_order(holding) == []


def test_X12_B39_missed_fills_are_applied_by_themselves(resting, wire, clock):
    wire.is_open = True
    record = look(resting, clock, "look")
    assert record.counters["missed_fill"] == record.counters["repaired"] == len(SYMBOLS)
    assert set(states(resting)) == {"filled"}
    assert len(resting.history.fills("book")) == len(SYMBOLS)
    assert {kind for kind, _ in open_breaks(resting)} == {"MISSED_FILL"}
    assert in_order(resting) == []


def test_X12_B08_a_missed_status_is_taken_from_the_broker(resting, wire, clock):
    order = wire.open_orders()[0]
    wire.cancel(order.client_id)
    record = look(resting, clock, "look")
    assert record.counters["missed_status"] == 1
    assert states(resting).count("canceled") == 1
    assert open_breaks(resting) == [("MISSED_STATUS", order.client_id)]


def test_X12_B10_a_late_fill_is_applied_and_keeps_the_end_of_its_order(resting, wire, venue, clock):
    order = wire.open_orders()[0]
    wire.cancel(order.client_id)
    look(resting, clock, "cancels")
    late = Fill("late-1", order.client_id, order.symbol, order.side, D(1), D(100), D(0), datetime.now(UTC) - OLD)
    venue.extra.append(late)
    venue.moves[order.symbol] = D(1)
    venue.averages[order.symbol] = D(100)
    wire.is_open = False
    venue._account = lambda real=venue._account: replace(
        real(), positions={order.symbol: nothing_of(order.symbol)}, cash=real().cash
    )
    record = look(resting, clock, "look")
    assert record.counters["late_fill"] == 1
    assert ("LATE_FILL", "late-1") in open_breaks(resting)
    row = resting.history.order(order.client_id)
    assert (row.state, row.filled) == (OrderState.CANCELED, D(1))


# --- repairs pass, people accept -------------------------------------------------------------------------------


def test_two_clean_looks_release_what_was_repaired(resting, wire, clock):
    wire.is_open = True
    look(resting, clock, "repairs")
    look(resting, clock, "first")
    assert open_breaks(resting)
    record = look(resting, clock, "second")
    assert len(record.details["released"]) == len(SYMBOLS)
    assert open_breaks(resting) == []


def test_H05_an_accepted_trade_by_hand_moves_the_position_and_no_strategy(holding, venue, clock):
    venue.trade_by_hand("S3", "2", "120")
    look(holding, clock, "look")
    before = next(row for row in holding.history.positions("book") if row.symbol == "S3")
    holding.breaks.accept(1, "ann", "I bought two")
    after = next(row for row in holding.history.positions("book") if row.symbol == "S3")
    assert after.quantity == before.quantity + 2
    assert after.strategies == before.strategies
    assert after.average_price > before.average_price
    record = look(holding, clock, "after")
    assert record.counters["breaks"] == 0, record.message
    assert in_order(holding) == []


def test_H05_an_adopted_trade_belongs_to_the_strategy_it_was_given_to(holding, venue, clock):
    venue.trade_by_hand("NEW", "2", "120")
    look(holding, clock, "look")
    holding.breaks.adopt(1, "demo", "buy_and_hold", "ann", "let it be managed")
    row = next(row for row in holding.history.positions("book") if row.symbol == "NEW")
    assert (row.quantity, row.average_price, row.strategies) == (D(2), D(120), {"buy_and_hold": D(2)})
    assert look(holding, clock, "after").counters["breaks"] == 0
    assert in_order(holding) == []


def test_H10_an_accepted_split_keeps_the_cost_and_scales_the_books(holding, wire, venue, clock):
    split(holding, wire, venue)
    look(holding, clock, "look")
    before = next(row for row in holding.history.positions("book") if row.symbol == "S5")
    holding.breaks.accept(1, "ann", "2 for 1")
    after = next(row for row in holding.history.positions("book") if row.symbol == "S5")
    assert after.quantity == 2 * before.quantity
    assert after.average_price == before.average_price / 2
    assert after.strategies == {"buy_and_hold": after.quantity}
    assert look(holding, clock, "after").counters["breaks"] == 0
    assert in_order(holding) == []


def test_H10_cash_that_came_in_is_accepted_as_what_it_was(holding, venue, clock):
    venue.cash += D(5000)
    look(holding, clock, "look")
    holding.breaks.accept(1, "ann", "salary", NonTrade.DEPOSIT)
    assert look(holding, clock, "after").counters["breaks"] == 0
    venue.cash -= D("0.37")
    record = look(holding, clock, "small")
    assert record.counters["breaks"] == 0
    assert holding.breaks.kept("book", datetime.now(UTC)).cash == holding.broker().account().cash
    assert in_order(holding) == []


def test_a_difference_that_moves_replaces_its_break(holding, venue, clock):
    for number, missing in enumerate(("-1", "-2")):
        venue.moves["S9"] = D(missing)
        look(holding, clock, f"look-{number}")
    (found,) = holding.breaks.breaks()
    assert (found.number, found.quantity) == (2, D(-2))


def test_a_difference_that_goes_by_itself_is_released_by_two_looks(holding, venue, clock):
    venue.moves["S9"] = D(-1)
    look(holding, clock, "there")
    venue.moves.clear()
    look(holding, clock, "gone")
    assert open_breaks(holding)
    look(holding, clock, "still gone")
    assert open_breaks(holding) == []


# --- entries wait, exits pass ----------------------------------------------------------------------------------


# --- unknown is unknown ----------------------------------------------------------------------------------------
