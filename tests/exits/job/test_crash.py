"""A run of the exits job that is killed at any point of its way: the next ones sell what is held, once."""

import os
import signal
import sys
import traceback
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from openbell import runs, store, sweeps
from openbell.brokers.paper import Paper
from openbell.crashpoints import SWITCH
from openbell.desk import Desk
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
    "after-seal",
    "after-release",
)


def desk_at(price) -> Desk:
    """A desk whose account is in the store, so that it outlives the process."""

    class TapeSpec(FeedSpec):
        def open(self, around: Surroundings) -> MarketFeed:
            return Tape(price)

    account = Paper(cash=Decimal(1_000_000), slippage_bps=Decimal(0))
    desk = Desk(resolve(plan_of(universe=THREE)), load_settings(), None, TapeSpec(), account)
    desk.quiet = timedelta(milliseconds=60)
    return desk


def killed_at(point) -> int:
    """The signal that ended a process which ran the exits job and was to die at the point."""
    child = os.fork()
    if child == 0:
        try:
            os.environ[SWITCH] = point
            sweeps.exits(desk_at("89"), f"killed-{os.getpid()}")
        except BaseException:  # noqa: BLE001  # the child must not go on as its parent
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(3)
    return -os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("point", POINTS)
def test_G1_killed_at_a_named_point_an_exit_is_sent_once(home, point):
    assert runs.trade(desk_at("100"), "entry").counters["filled"] == len(THREE)
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


def forget_empty_slots(desk):
    """Free the half minute for another run, where nothing was frozen under it."""
    with open_store(desk.settings.url).writing() as connection:
        connection.execute(text("DELETE FROM slots WHERE job = 'exits' AND frozen_at IS NULL"))
