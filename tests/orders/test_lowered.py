"""The last gate may send less than was judged; it never sends more, and a second attempt goes as the first went."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openbell.jobs import closing, trading
from openbell.ports import Exposure, Forbidden, Reduced
from openbell.stages.evaluate import Evaluation
from openbell.stages.lastgate import Asked, last_gate
from openbell.stages.resolve import resolve
from openbell.store.verify import verify
from openbell.values.bars import Timeframe
from openbell.values.market import Activity, Checked, Market
from openbell.values.orders import OrderIntent, OrderState, Purpose, Side
from openbell.values.quote import Quote
from openbell.values.record import Outcome
from tests.orders.desks import SYMBOLS, PowerCut, Tape, Wire, open_desk, outlive_lease, plan_of, states

TEN, CENT = len(SYMBOLS), Decimal("0.01")
LIMITS = {"max_positions": 20, "max_orders_per_run": 20, "max_gross_exposure": 1}
SIZING = {"use": "fixed_cash", "params": {"notional": 10_000}, "max_trade": 20_000}


@pytest.fixture
def wire(tape):
    return Wire(tape, fractions=False)


def decided(desk, wire, price):
    """A run that has decided, and whose market then moves to ``price`` before anything is sent."""
    run = trading.begin(desk, trading.TRADE, "one")
    market = trading.fetch_market(run)
    gated = trading.gate(run, market, trading.evaluate_market(run, market))
    wire.tape.price = Decimal(price)
    desk.now = lambda: datetime.now(UTC) + timedelta(seconds=5)
    return run, market, gated


def clipped_desk(home, wire, **changes):
    """A hundred shares at 100 are wanted and 9050 is the limit: the first gate leaves 90, at the very edge."""
    terms = {"risk": {**LIMITS, "max_order_notional": 9050}, "sizing": SIZING}
    return open_desk(home, wire, **terms | changes)


def test_I7_an_order_at_the_edge_of_a_limit_goes_with_less_when_its_price_has_moved(home, wire):
    desk = clipped_desk(home, wire)
    run, market, gated = decided(desk, wire, "101")
    assert {verdict.quantity for verdict in gated.verdicts} == {Decimal(90)}
    executed = trading.send_orders(run, market, gated)
    assert {order.quantity for order in executed.orders} == {Decimal(89)}
    assert {order.state for order in executed.orders} == {OrderState.FILLED}
    assert all(order.reason.startswith("89 of 90 by max_order_notional: ") for order in executed.orders)
    assert {wire.paper.order(key).quantity for _, key in wire.posts} == {Decimal(89)}
    assert {(o.quantity, o.filled) for o in desk.history.orders()} == {(Decimal(89), Decimal(89))}
    assert sum(desk.journal.activity("demo", "book", *[datetime.now(UTC)] * 2).books.values()) == 89 * TEN
    trading.finish(run, market, Evaluation(()), gated, executed)
    assert {order.quantity for order in desk.history.run("one").orders} == {Decimal(89)}
    assert broken(desk) == []


def broken(desk):
    return [(check.code, found.row, found.detail) for check in verify(desk.settings.url) for found in check.findings]


@pytest.mark.parametrize(("least", "state"), [(8989, "filled"), (8990, "abandoned")])
def test_what_is_left_below_the_minimum_trade_is_abandoned(home, wire, least, state):
    desk = clipped_desk(home, wire, sizing=SIZING | {"min_trade": least})
    trading.send_orders(*decided(desk, wire, "101"))
    assert set(states(desk)) == {state}
    words = "89 of 90 by" if state == "filled" else "which leaves 89 of 90"
    assert all(words in order.detail for order in desk.history.orders())


def test_B02_a_lowered_order_is_sent_again_with_the_very_quantity_that_was_sent_first(home, wire):
    desk = clipped_desk(home, wire)
    wire.faults[1] = "lost"
    quantities = []
    submit = wire.paper.submit

    def noting(intent):
        quantities.append((intent.id, intent.quantity))
        return submit(intent)

    wire.paper.submit = noting
    wire.before_post = lambda number: setattr(wire.tape, "price", Decimal(100)) if number == 2 else None
    executed = trading.send_orders(*decided(desk, wire, "101"))
    lost = wire.posts[0][1]
    assert dict(quantities)[lost] == 89
    assert {order.quantity for order in executed.orders if order.client_id == lost} == {Decimal(89)}
    assert {order.state for order in executed.orders} == {OrderState.FILLED}


def test_B02_a_lowered_order_that_would_have_to_be_lowered_again_is_abandoned(home, wire):
    desk = clipped_desk(home, wire)
    wire.faults[1] = "lost"
    wire.before_post = lambda number: setattr(wire.tape, "price", Decimal("102.9")) if number == TEN else None
    shift = timedelta(seconds=5)
    run, market, gated = decided(desk, wire, "101")
    desk.now = lambda: datetime.now(UTC) + shift + len(wire.posts) * timedelta(seconds=3)
    trading.send_orders(run, market, gated)
    lost = next(order for order in desk.history.orders() if order.client_id == wire.posts[0][1])
    assert lost.state is OrderState.ABANDONED
    assert "which leaves 87 of 89" in lost.detail
    assert [key for _, key in wire.posts].count(lost.client_id) == 1
    assert ("ABANDONED", lost.client_id) in {(alert.kind, alert.subject) for alert in desk.history.alerts()}


@pytest.mark.parametrize("fault", ["cut before", "cut after"])
def test_C09_C10_a_lowered_order_keeps_its_quantity_over_a_death(home, wire, fault):
    desk = clipped_desk(home, wire)
    wire.faults[3] = fault
    with pytest.raises(PowerCut):
        trading.send_orders(*decided(desk, wire, "101"))
    outlive_lease(desk)
    wire.tape.price = Decimal(100)
    record = trading.trade(clipped_desk(home, wire), "second")
    assert record.outcome is Outcome.COMPLETED
    sent = [wire.paper.order(key).quantity for key in dict.fromkeys(key for _, key in wire.posts)]
    assert sent == [Decimal(89)] * 3 + [Decimal(90)] * (TEN - 3)
    assert sorted(order.quantity for order in record.orders) == sorted(sent)
    assert broken(desk) == []


def test_H05_an_exit_is_lowered_to_what_is_still_held(desk, wire):
    trading.trade(desk, "one")
    by_hand = OrderIntent("by-hand", "x", 0, "S9", Side.SELL, Decimal(4), Purpose.EXIT, Decimal(100))
    wire.before_post = lambda number: wire.paper.submit(by_hand) if number == TEN + 1 else None
    done = closing.flatten(desk, "test", "out", "flatten-1")
    assert done.flat
    assert {order.symbol: order.quantity for order in done.orders}["S9"] == Decimal(5)
    assert wire.paper.account().positions == {}


@settings(max_examples=60, deadline=None)
@given(
    price=st.decimals("98", "102", places=2),
    limit=st.integers(50, 1100),
    least=st.sampled_from([0, 100, 500]),
)
def test_I7_what_goes_is_never_more_than_was_judged_and_within_the_limit(price, limit, least):
    resolved = resolve(plan_of(risk={**LIMITS, "max_order_notional": limit}, sizing=SIZING | {"min_trade": least}))
    intent = OrderIntent("ob-1", "s", 0, "S0", Side.BUY, Decimal(10), Purpose.ENTRY, Decimal(100))
    wire = Wire(Tape(str(price)), fractions=False)
    asked = Asked(seen_of(wire, price), intent, wire.capabilities)
    said = last_gate(resolved, asked, lambda: None)(Exposure({}, (), 0))
    worst = max(price, Decimal(100))
    if said is None:
        assert 10 * worst <= limit
    elif isinstance(said, Reduced):
        assert 0 < said.quantity < 10
        assert said.quantity * worst <= limit < (said.quantity + 1) * worst
        assert said.quantity * price >= least
        again = replace(asked, intent=replace(intent, quantity=said.quantity))
        assert last_gate(resolved, again, lambda: None)(Exposure({}, (), 0)) is None
        marked = last_gate(resolved, replace(asked, again=True), lambda: None)(Exposure({}, (), 0))
        assert isinstance(marked, Forbidden)
    else:
        whole = limit // worst
        assert whole == 0 or whole * price < least


def seen_of(wire, price):
    now = datetime.now(UTC)
    quotes = {"S0": Quote("S0", price - CENT, price + CENT, price, now)}
    return Market(now, Checked(wire.tape.bars(["S0"], Timeframe("1d"), 2, now).bars), quotes, *facts(wire))


def facts(wire):
    account = replace(wire.account(), equity_at_open=Decimal(1_000_000), peak_equity=Decimal(1_000_000))
    return account, (), wire.instruments(["S0"]), Activity({}, 0, frozenset())
