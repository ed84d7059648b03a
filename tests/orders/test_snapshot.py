"""The snapshot job: one row for each session, exact to the cent, and none where a price is not known."""

import os
import signal
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from openbell import store
from openbell.brokers.paper import Paper
from openbell.calendar.slots import slot_for
from openbell.crashpoints import SWITCH
from openbell.desk import Desk
from openbell.jobs import trading
from openbell.jobs.reconciling import positions
from openbell.jobs.run import begin
from openbell.jobs.snapshotting import snapshot, take_snapshot
from openbell.ports import MarketFeed
from openbell.settings import load_settings
from openbell.specs import FeedSpec, Surroundings
from openbell.stages.resolve import resolve
from openbell.values.breaks import NonTrade
from openbell.values.job import SNAPSHOT
from openbell.values.money import cents
from openbell.values.record import Outcome
from tests.orders.desks import Tape, open_desk, outlive_lease, plan_of
from tests.orders.positions.venue import Venue, in_order

D = Decimal
DAILY = {"schedule": {"trade": {"every": "24h"}, "snapshot": {"every": "24h"}, "positions": {"every": "5m"}}}


@pytest.fixture
def holding(home, wire):
    """Ten positions on a desk whose clock a test sets forward."""
    desk = open_desk(home, wire, **DAILY)
    trading.trade(desk, "buys")
    desk.wait = lambda span: None
    return desk


def days_on(desk, days):
    desk.clock = lambda: datetime.now(UTC) + timedelta(days=days, minutes=5)


def test_I12_the_total_is_cash_and_positions_to_the_cent(holding, tape):
    tape.price = D("110.37")
    record = snapshot(holding, "first")
    (taken,) = holding.snapshots.snapshots("book")
    account = holding.broker().account()
    held = sum(p.quantity * D("110.375") for p in account.positions.values())
    assert (taken.total, taken.value, taken.cash) == (cents(account.cash + held), held, account.cash)
    assert (taken.daily, taken.gain) == (None, D(0))
    assert taken.difference == taken.total - cents(taken.broker_equity)
    assert record.counters["taken"] == 1
    assert record.equity == taken.total
    assert in_order(holding) == []


def test_H04_the_day_is_what_the_total_moved_by(holding, tape):
    snapshot(holding, "first")
    tape.price = D(120)
    days_on(holding, 1)
    snapshot(holding, "second")
    first, second = holding.snapshots.snapshots("book")
    assert second.daily == second.total - first.total == second.gain
    assert second.daily > 0
    assert in_order(holding) == []


def test_H10_a_deposit_is_no_profit_before_and_after_it_is_accepted(holding, wire):
    venue = Venue(wire)
    positions(holding, "opening")
    snapshot(holding, "first")
    venue.cash = D(5000)
    days_on(holding, 1)
    positions(holding, "sees it")
    snapshot(holding, "second")
    holding.breaks.accept(1, "ann", "salary", NonTrade.DEPOSIT)
    days_on(holding, 2)
    snapshot(holding, "third")
    first, second, third = holding.snapshots.snapshots("book")
    assert second.total - first.total == D(5000)
    assert (second.daily, third.daily) == (D(0), D(0))
    assert (second.unexplained, third.unexplained, third.activity) == (D(5000), D(0), D(5000))
    assert in_order(holding) == []


def test_H10_a_dividend_is_profit_once_it_is_accepted(holding, wire):
    venue = Venue(wire)
    positions(holding, "opening")
    snapshot(holding, "first")
    venue.cash = D("12.34")
    days_on(holding, 1)
    positions(holding, "sees it")
    holding.breaks.accept(1, "ann", "dividend of S1", NonTrade.DIVIDEND)
    snapshot(holding, "second")
    assert holding.snapshots.snapshots("book")[-1].daily == D("12.34")


def test_H03_a_second_run_of_the_session_leaves_the_first_as_it_is(holding, tape):
    snapshot(holding, "first")
    (before,) = holding.snapshots.snapshots("book")
    tape.price = D(150)
    assert snapshot(holding, "again").code == "DUPLICATE_RUN"
    assert holding.snapshots.snapshots("book") == (before,)
    assert (
        holding.snapshots.keep(replace(before, total=D(1)), holding.snapshots.figures("book", before.session)) == before
    )


def test_D18_a_missing_price_takes_no_snapshot_and_a_later_run_of_the_slot_does(holding, wire):
    quotes = wire.tape.quotes
    wire.tape.quotes = lambda symbols, as_of: {s: q for s, q in quotes(symbols, as_of).items() if s != "S3"}
    record = snapshot(holding, "blind")
    assert (record.outcome, record.code, record.counters["unknown"]) == (Outcome.FAILED, "MARKS_UNKNOWN", 1)
    assert holding.snapshots.snapshots("book") == ()
    assert "S3: no quote" in record.message
    wire.tape.quotes = quotes
    assert snapshot(holding, "seeing").outcome is Outcome.COMPLETED
    assert len(holding.snapshots.snapshots("book")) == 1
    assert in_order(holding) == []


def killed_at(point, price):
    """The signal that ended a process which took a snapshot and was to die at the point."""
    child = os.fork()
    if child == 0:
        try:
            os.environ[SWITCH] = point
            snapshot(kept_desk(price), "killed")
        finally:
            os._exit(3)
    return -os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kept_desk(price) -> Desk:
    """A desk whose account is in the store, so that it outlives the process."""

    class TapeSpec(FeedSpec):
        def open(self, around: Surroundings) -> MarketFeed:
            return Tape(price)

    account = Paper(cash=D(1_000_000), slippage_bps=D(0))
    return Desk(resolve(plan_of(**DAILY)), load_settings(), None, TapeSpec(), account)


@pytest.mark.xdist_group("heavy")
@pytest.mark.parametrize(
    ("point", "first"),
    [("after-claim", "goes on"), ("after-guards", "goes on"), ("before-seal", "killed"), ("inside-seal", "killed")],
)
def test_C20_two_attempts_make_one_snapshot(home, point, first):
    trading.trade(kept_desk("100"), "buys")
    store.close(load_settings().url)
    assert killed_at(point, "110") == signal.SIGKILL
    desk = kept_desk("115")
    outlive_lease(desk)
    snapshot(desk, "goes on")
    (taken,) = desk.snapshots.snapshots("book")
    assert taken.run_id == first
    assert taken.total == cents(taken.cash + sum(held.quantity * held.mark for held in taken.holdings))
    assert in_order(desk) == []


# --- when ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("session", "planned"),
    [
        (date(2026, 11, 25), (16, 5)),
        (date(2026, 11, 27), (13, 5)),
        (date(2026, 12, 24), (13, 5)),
        (date(2026, 3, 6), (16, 5)),
        (date(2026, 3, 9), (16, 5)),
    ],
)
def test_K02_B05_the_slot_is_five_minutes_after_the_real_close(session, planned):
    plan = plan_of(window={"exchange": "XNYS"}, schedule={})
    local = datetime(*session.timetuple()[:3], 23, 0, tzinfo=ZoneInfo("America/New_York"))
    slot = slot_for(plan, SNAPSHOT, local.astimezone(UTC))
    there = slot.planned.astimezone(ZoneInfo("America/New_York"))
    assert (slot.session, (there.hour, there.minute)) == (session, planned)


def test_a_snapshot_is_not_taken_at_the_prices_of_another_session(home, wire):
    desk = open_desk(home, wire, **DAILY)
    desk.clock = lambda: datetime.now(UTC)
    run = begin(desk, SNAPSHOT, "late")
    late = replace(run.ring, slot=replace(run.ring.slot, session=run.ring.slot.session - timedelta(days=1)))
    run.story.ring = late
    assert take_snapshot(run).code == "SNAPSHOT_LATE"
