"""A run of the exits job that is killed at any point of its way: the next ones sell what is held, once."""

import os
import signal
import sys
import traceback
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from openbell import store
from openbell.brokers.paper import Paper
from openbell.crashpoints import SWITCH
from openbell.desk import Desk
from openbell.jobs import sweeps, trading
from openbell.ports import MarketFeed
from openbell.settings import load_settings
from openbell.specs import FeedSpec, Surroundings
from openbell.stages.resolve import resolve
from openbell.store.connect import open_store
from tests.exits.job.conftest import THREE
from tests.orders.desks import Tape, outlive_lease, plan_of

# Each trial forks processes that write to disk.
pytestmark = pytest.mark.xdist_group("heavy")

POINTS = (
    "after-claim",
    "before-freeze",
    "inside-freeze",
    "after-freeze",
    "before-send:2",
    "inside-send-transaction:2",
    "after-sending:2",
    "after-post:2",
    "inside-record:2",
    "after-record:2",
    "between-orders:2",
    "before-seal",
    "inside-seal",
    "after-seal",
)


#: Where a look with stops at the broker dies: while it places them, and while it takes them back to close.
PLACING = ("after-freeze", "before-send:2", "after-sending:2", "after-post:2", "inside-record:2", "after-seal")
CLOSING = ("before-cancel:2", "during-cancel:2", "before-freeze", "after-freeze", "after-sending:2", "after-post:2")


def desk_at(price, **changes) -> Desk:
    """A desk whose account is in the store, so that it outlives the process."""

    class TapeSpec(FeedSpec):
        def open(self, around: Surroundings) -> MarketFeed:
            return Tape(price)

    account = Paper(cash=Decimal(1_000_000), slippage_bps=Decimal(0))
    desk = Desk(resolve(plan_of(universe=THREE, **changes)), load_settings(), None, TapeSpec(), account)
    desk.quiet = timedelta(milliseconds=60)
    return desk


def killed_at(point, price="89", **changes) -> int:
    """The signal that ended a process which ran the exits job and was to die at the point."""
    child = os.fork()
    if child == 0:
        try:
            os.environ[SWITCH] = point
            desk = desk_at(price, **changes)
            desk.now = desk.clock = half_minutes(1 if changes else 0)
            sweeps.exits(desk, f"killed-{os.getpid()}")
        except BaseException:  # noqa: BLE001  # the child must not go on as its parent
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(3)
    return -os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("point", POINTS)
def test_G1_killed_at_a_named_point_an_exit_is_sent_once(home, point):
    assert trading.trade(desk_at("100"), "entry").counters["filled"] == len(THREE)
    store.close(load_settings().url)
    assert killed_at(point) == signal.SIGKILL
    desk = desk_at("89")
    for number in range(4):
        outlive_lease(desk)
        sweeps.exits(desk, f"after-{number}")
        desk.recovery(f"recovery-{number}", passes=2).recover()
        forget_empty_slots(desk)
    sold = [fill for fill in desk.history.fills("book", limit=100) if fill.side == "sell"]
    assert sorted(fill.symbol for fill in sold) == sorted(THREE)
    assert not any(position.quantity for position in desk.broker().account().positions.values())
    assert desk.journal.unsettled() == ()


RESTING = {
    "exits": {"stop_loss": {"resting": "always"}},
    "sizing": {"use": "fixed_quantity", "params": {"quantity": 8}},
}


def looks(desk, times=4):
    """What is left to looks and recoveries after a death."""
    for number in range(times):
        desk.now = desk.clock = half_minutes(number + 2)
        outlive_lease(desk)
        desk.recovery(f"recovery-{number}", passes=3).recover()
        sweeps.exits(desk, f"after-{number}")


def half_minutes(number):
    """A clock that is ahead by so many looks, so that each has a slot of its own."""
    return lambda: datetime.now(UTC) + number * timedelta(seconds=30)


@pytest.mark.parametrize("point", PLACING)
def test_G1_I20_killed_at_a_named_point_each_position_ends_with_one_stop(home, point):
    assert trading.trade(desk_at("100", **RESTING), "entry").counters["filled"] == len(THREE)
    store.close(load_settings().url)
    assert killed_at(point, "100", **RESTING) == signal.SIGKILL
    desk = desk_at("100", **RESTING)
    looks(desk)
    resting = desk.broker().open_orders()
    assert sorted((order.symbol, order.remaining) for order in resting) == [(symbol, 8) for symbol in THREE]
    assert {order.intent.id for order in desk.journal.unsettled()} == {order.client_id for order in resting}


@pytest.mark.parametrize("point", CLOSING)
def test_G1_B37_killed_at_a_named_point_a_position_is_sold_once_beside_its_stop(home, point):
    desk = desk_at("100", **RESTING)
    assert trading.trade(desk, "entry").counters["filled"] == len(THREE)
    assert sweeps.exits(desk, "stops").counters["stops"] == len(THREE)
    store.close(load_settings().url)
    assert killed_at(point, "121", **RESTING) == signal.SIGKILL
    desk = desk_at("121", **RESTING)
    looks(desk)
    sold = [fill for fill in desk.history.fills("book", limit=100) if fill.side == "sell"]
    assert sorted((fill.symbol, fill.quantity) for fill in sold) == [(symbol, 8) for symbol in THREE]
    assert desk.broker().open_orders() == ()
    assert desk.journal.unsettled() == ()


def forget_empty_slots(desk):
    """Free the half minute for another run, where nothing was frozen under it."""
    with open_store(desk.settings.url).writing() as connection:
        connection.execute(text("DELETE FROM slots WHERE job = 'exits' AND frozen_at IS NULL"))
