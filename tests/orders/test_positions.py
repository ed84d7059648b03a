"""The positions job: what the books missed is repaired, the rest is a break with its cause, and unknown is unknown."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from openbell.errors import BrokerUnavailable
from openbell.jobs import trading
from openbell.jobs.reconciling import positions
from openbell.ports import Level
from openbell.specs import pause
from openbell.store.verify import verify
from openbell.values.account import Position
from openbell.values.breaks import NonTrade
from openbell.values.orders import Fill, OrderState, Side
from openbell.values.record import Outcome
from tests.orders.desks import SYMBOLS, open_desk, states

D = Decimal
OLD = timedelta(minutes=10)


class Venue:
    """What the broker of a wire shows, of which a test makes something else than what is there.

    ``moves`` are signed quantities that positions differ by, ``prices`` their averages, ``cash`` by how much cash does.
    """

    def __init__(self, wire):
        self.moves, self.averages, self.cash, self.extra, self.answers = {}, {}, D(0), [], []
        self.doubled = []
        self._account, self._fills, self._orders = wire.account, wire.fills, wire.open_orders
        wire.account, wire.fills, wire.open_orders = self.account, self.fills, self.open_orders

    def account(self):
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer(self._account())
        real = self._account()
        if not (self.moves or self.averages or self.cash):
            return real
        held = dict(real.positions)
        for symbol in {*self.moves, *self.averages}:
            known = held.get(symbol) or next(iter(held.values()))
            quantity = real.quantity(symbol) + self.moves.get(symbol, D(0))
            average = self.averages.get(symbol, known.average_price)
            held[symbol] = replace(known, symbol=symbol, quantity=quantity, average_price=average)
        return replace(real, positions=held, cash=real.cash + self.cash, reported_equity=None)

    def fills(self, since):
        return (*self._fills(since), *self.extra)

    def open_orders(self):
        return (*self._orders(), *self.doubled)

    def trade_by_hand(self, symbol, quantity, price="100", name="hand-1", client_id="by-hand"):
        """A trade that somebody made on the broker's own page ten minutes ago."""
        side = Side.BUY if D(quantity) > 0 else Side.SELL
        fill = Fill(name, client_id, symbol, side, abs(D(quantity)), D(price), D(0), datetime.now(UTC) - OLD)
        self.extra.append(fill)
        self.moves[symbol] = self.moves.get(symbol, D(0)) + fill.signed
        self.cash -= fill.signed * fill.price
        return fill


def open_breaks(desk):
    return [(found.kind, found.subject) for found in desk.breaks.breaks()]


def in_order(desk):
    return [(check.code, found.row, found.detail) for check in verify(desk.settings.url) for found in check.findings]


@pytest.fixture
def clock():
    """The desk's clock, which a test sets forward: executions of this moment count as settling for 30 seconds."""
    return {"ahead": timedelta(minutes=5)}


@pytest.fixture
def holding(desk, clock):
    """Ten positions, and the first look at them, which the books of cash begin with."""
    trading.trade(desk, "buys")
    desk.clock = lambda: datetime.now(UTC) + clock["ahead"]
    desk.wait = lambda span: None
    assert look(desk, clock, "opening").outcome is Outcome.COMPLETED
    return desk


def look(desk, clock, name):
    """A look five minutes after the one before, in a slot of its own."""
    clock["ahead"] += timedelta(minutes=5)
    return positions(desk, name)


@pytest.fixture
def venue(wire):
    return Venue(wire)


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


@pytest.fixture
def resting(home, wire, clock):
    """Ten orders that rest at the broker: its market has closed since."""
    wire.is_open = False
    wire.clock = lambda: replace(type(wire).clock(wire), is_open=True)
    desk = open_desk(home, wire)
    trading.trade(desk, "buys")
    desk.clock = lambda: datetime.now(UTC) + clock["ahead"]
    desk.wait = lambda span: None
    assert set(states(desk)) == {"acked"}
    return desk


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
        real(), positions={order.symbol: _position(order.symbol)}, cash=real().cash
    )
    record = look(resting, clock, "look")
    assert record.counters["late_fill"] == 1
    assert ("LATE_FILL", "late-1") in open_breaks(resting)
    row = resting.history.order(order.client_id)
    assert (row.state, row.filled) == (OrderState.CANCELED, D(1))


def _position(symbol):
    return Position(symbol, D(0), D(0))


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


def test_I21_entries_in_a_symbol_with_an_open_break_wait(home, wire, venue, clock):
    plan = {"strategies": ({"use": "buy_and_hold", "universe": ("S0", "S1")},)}
    desk = open_desk(home, wire, **plan)
    desk.wait = lambda span: None
    venue.averages["S0"] = D(100)
    desk.journal.activity("demo", "book", datetime.now(UTC), datetime.now(UTC))
    venue._account = lambda real=venue._account: replace(real(), positions={**real().positions, "S0": _position("S0")})
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
    venue._account = lambda real=venue._account: replace(real(), positions={**real().positions, "S0": _position("S0")})
    venue.moves["S0"] = D(3)
    record = trading.trade(desk, "buys")
    ends = {order.symbol: (order.state, order.reason) for order in record.orders}
    assert ends["S0"] == (OrderState.ABANDONED, "UNRECONCILED: 3 S0 at the broker, 0 in the books")
    assert ends["S1"][0] is OrderState.FILLED


# --- unknown is unknown ----------------------------------------------------------------------------------------


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
