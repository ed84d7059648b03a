"""A desk with ten positions, or with ten orders that rest at the broker."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from openbell.jobs import trading
from openbell.values.record import Outcome
from tests.orders.desks import open_desk, states
from tests.orders.positions.venue import Venue, look


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


@pytest.fixture
def venue(wire):
    return Venue(wire)


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
