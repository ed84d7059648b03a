"""Clocks that turn: midnight of a market that never closes, and a system clock that is set back during a run."""

from datetime import UTC, datetime, timedelta

import pytest

from openbell.jobs import trading
from openbell.values.orders import OrderState
from openbell.values.record import Outcome
from openbell.values.verdict import Decision
from tests.orders.desks import SYMBOLS, open_desk

MIDNIGHT = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
TICK = timedelta(milliseconds=100)
ROUND_THE_CLOCK = {"window": {"exchange": "24/7", "grace": "10m"}, "schedule": {"trade": {"every": "1m"}}}


def one(name, symbol):
    return {"use": "buy_and_hold", "name": name, "universe": (symbol,)}


def run_at(home, wire, instant, names):
    """A run whose clock shows an instant; each strategy named wants one symbol of its own."""
    parts = tuple(one(name, SYMBOLS[number]) for number, name in enumerate(names))
    terms = ROUND_THE_CLOCK | {"strategies": parts, "risk": {"max_orders_per_run": 1, "max_orders_per_day": 1}}
    desk = open_desk(home, wire, **terms)
    desk.now = desk.clock = wire.paper._now = lambda: instant
    return desk, trading.trade(desk, f"at-{instant:%H%M%S%f}")


def test_K09_orders_just_before_and_after_midnight_count_for_their_own_day(home, wire):
    _, before = run_at(home, wire, MIDNIGHT - TICK, ["a"])
    assert [order.state for order in before.orders] == [OrderState.FILLED]
    desk, again = run_at(home, wire, MIDNIGHT - TICK + timedelta(minutes=-1), ["a", "b"])
    assert {verdict.rule for verdict in again.verdicts if verdict.decision is Decision.DENIED} == {"max_orders_per_day"}
    desk.journal.reset_breaker("demo", "trade", "ann", "looked at it")
    _, after = run_at(home, wire, MIDNIGHT + TICK, ["a", "b"])
    assert (before.session, after.session) == ((MIDNIGHT - TICK).date(), MIDNIGHT.date())
    assert [order.state for order in after.orders] == [OrderState.FILLED]


class Turned:
    """A wall clock that somebody sets back once a run has begun."""

    def __init__(self):
        self.back = timedelta(0)

    def __call__(self):
        return datetime.now(UTC) - self.back


@pytest.fixture
def turned():
    return Turned()


def test_K13_a_clock_set_back_during_a_run_makes_no_second_slot_and_no_old_price_new(home, wire, turned):
    desk = open_desk(home, wire, strategies=(one("a", SYMBOLS[0]), one("b", SYMBOLS[1])))
    desk.now = desk.clock = turned
    wire.before_post = lambda number: setattr(turned, "back", timedelta(seconds=90)) if number == 1 else None
    record = trading.trade(desk, "one")
    assert record.finished >= record.clock  # durations are counted, not read off the wall
    first, second = sorted(record.orders, key=lambda order: order.client_id not in wire.accepted)
    assert first.state is OrderState.FILLED
    # A quote that is younger than the clock has no age: what cannot be dated is not traded on.
    assert (second.state, "age of the price" in second.reason) == (OrderState.ABANDONED, True)
    again = trading.trade(open_desk(home, wire), "two")
    assert (again.outcome, again.code) == (Outcome.SKIPPED, "DUPLICATE_RUN")
    assert len(wire.accepted) == 1
