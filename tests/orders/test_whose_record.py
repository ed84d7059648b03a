"""Records of a slot that are not of the run that died in it: none of them stands in the way of its restart."""

from datetime import UTC, datetime, timedelta

import pytest

from openbell.calendar.slots import slot_for
from openbell.errors import DataError, StoreError
from openbell.jobs import trading
from openbell.jobs.perform import perform
from openbell.jobs.run import begin, fail
from openbell.ports import Level
from openbell.store.verify import verify
from openbell.values.job import TRADE
from openbell.values.record import Outcome
from tests.orders.desks import SYMBOLS, cut, open_desk, outlive_lease, states

TEN = len(SYMBOLS)


def restarted(home, wire):
    """A restart in time, once the lease of the dead run is over."""
    desk = open_desk(home, wire)
    outlive_lease(desk)
    return trading.trade(desk, "restart")


def looked_before(home, wire):
    trading.trade(open_desk(home, wire), "preview", dry_run=True)
    died(home, wire)


def looked_after(home, wire):
    died(home, wire)
    trading.trade(open_desk(home, wire), "preview", dry_run=True)


def stopped_by_a_guard(home, wire):
    died(home, wire)
    journal = open_desk(home, wire).journal
    journal.set_switch(Level.HALTED, "kim", "look")
    assert trading.trade(open_desk(home, wire), "second").code == "HALTED"
    journal.set_switch(Level.ACTIVE, "kim", "go on", journal.switch().epoch)


def failed_after_its_lease(home, wire):
    stale = begin(open_desk(home, wire), TRADE, "stale")
    outlive_lease(stale.desk)
    died(home, wire)
    with pytest.raises(StoreError, match="the feed gave no answer; and the end of the run could not be written"):
        fail(stale, DataError("the feed gave no answer"))


def died(home, wire):
    wire.faults[3] = "cut after"
    cut(open_desk(home, wire), "dead")


@pytest.mark.parametrize("left", [looked_before, looked_after, stopped_by_a_guard, failed_after_its_lease])
def test_C02_a_restart_in_time_sends_the_rest_whoever_left_a_record_of_the_slot(home, wire, left):
    left(home, wire)
    record = restarted(home, wire)
    assert (record.outcome, record.code) == (Outcome.COMPLETED, "")
    assert len({order for _, order in wire.posts}) == len(wire.posts) == TEN
    assert states(open_desk(home, wire)) == ["filled"] * TEN


def test_a_run_that_claimed_and_died_is_decided_anew_although_a_dry_run_was_sealed(home, wire):
    trading.trade(open_desk(home, wire), "preview", dry_run=True)
    begin(open_desk(home, wire), TRADE, "dead")
    assert restarted(home, wire).outcome is Outcome.COMPLETED
    assert len(wire.posts) == TEN


def test_S06_a_run_that_died_is_closed_as_interrupted_although_a_dry_run_was_sealed(home, wire):
    looked_before(home, wire)
    late = open_desk(home, wire, window={"exchange": "24/7", "grace": "1s"})
    outlive_lease(late)
    perform(late, "recover", "recovery")
    assert late.history.run("dead").outcome is Outcome.INTERRUPTED
    taken = late.journal.slots("demo", datetime.now(UTC) - timedelta(days=2))["trade"]
    assert list(taken.values()) == ["interrupted"]


def test_attempts_whose_ids_begin_alike_do_not_hide_the_one_that_died(home, wire):
    name = "0f8fad5b-d9cb-469f-a165-70867728950e"
    wire.faults[3] = "cut after"
    cut(open_desk(home, wire), name)
    for attempt in (2, 3):
        assert trading.trade(open_desk(home, wire), f"{name}-{attempt}").code == "OVERLAP"
    assert restarted(home, wire).outcome is Outcome.COMPLETED
    assert len(wire.posts) == TEN


def test_C24_a_run_frozen_past_its_lease_does_not_complete_the_slot_by_what_it_was_denied(home, wire, tape):
    tape.stopped = datetime.now(UTC) - timedelta(minutes=3)
    run = begin(open_desk(home, wire), TRADE, "frozen")
    market = trading.fetch_market(run)
    evaluation = trading.evaluate_market(run, market)
    gated = trading.gate(run, market, evaluation)
    executed = trading.send_orders(run, market, gated)
    outlive_lease(run.desk)
    tape.stopped = None
    died(home, wire)
    with pytest.raises(StoreError, match="is stale"):
        trading.finish(run, market, evaluation, gated, executed)
    assert run.desk.history.run("frozen") is None
    with pytest.raises(StoreError, match="the end of the run could not be written"):
        fail(run, StoreError("the claim is stale"))
    assert run.desk.history.run("frozen").outcome is Outcome.FAILED
    assert restarted(home, wire).outcome is Outcome.COMPLETED
    assert len(wire.posts) == TEN
    assert not [finding for check in verify(run.desk.settings.url) for finding in check.findings]


def test_a_recovery_that_died_with_several_slots_is_recovered_each_with_a_record_of_its_own(home, wire):
    hourly = {"schedule": {"trade": {"every": "1h"}}, "window": {"exchange": "24/7", "grace": "1s"}}
    desk = open_desk(home, wire, **hourly)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for hours in (3, 2):
        slot = slot_for(desk.plan, TRADE, hour - timedelta(hours=hours))
        desk.journal.claim(slot, f"dead-{hours}", desk.lease)
        outlive_lease(desk)
        desk.journal.claim(slot, "recovery-that-died", desk.lease)
    outlive_lease(desk)
    assert "2 runs closed as interrupted" in perform(desk, "recover", "recovery").message
    outcomes = desk.journal.slots("demo", hour - timedelta(days=1))["trade"]
    assert set(outcomes.values()) == {"interrupted"}
    runs = [run.id for run in desk.history.runs(limit=20) if run.outcome is Outcome.INTERRUPTED]
    assert len(set(runs)) == 2
