import time

import pytest

from openbell.jobs import trading
from tests.orders.conftest import home, tape, wire  # noqa: F401
from tests.orders.desks import QUIET, SYMBOLS, open_desk

#: As few as there may be for a basket to be cut in the middle.
THREE = SYMBOLS[:3]


@pytest.fixture
def open_exits(home, wire):  # noqa: F811
    """A desk of the plan as another process would open it; ``hook`` stands for the half minute between two looks."""

    def opened(hook=lambda: None, **changes):
        desk = open_desk(home, wire, **{"universe": THREE, **changes})
        desk.wait = lambda span: time.sleep(span.total_seconds()) if span == QUIET else hook()
        return desk

    return opened


@pytest.fixture
def desk(open_exits):
    return open_exits()


@pytest.fixture
def held(desk):
    """Three positions of ten, bought at 100."""
    assert trading.trade(desk, "entry").counters["filled"] == len(THREE)
    return desk
