"""What a run may spend of its account's requests: entries stop in time for exits to go on."""

from datetime import timedelta

import pytest

from openbell.errors import RequestsSpent
from openbell.jobs import closing, trading
from openbell.values.job import JOBS
from openbell.values.record import Outcome
from tests.orders.desks import states
from tests.orders.venues import UNIVERSE, posts, venue_desk, waits

MOST = 200
ORDINARY = 140


def flood(double, tape):
    """Another process asks until nothing but what is kept is left; returns how many requests there were in all."""
    desk = venue_desk(double, tape, requests=MOST)
    desk.hurry(False)
    desk.patience = timedelta(0)
    with pytest.raises(RequestsSpent):  # noqa: PT012  # the one that finds nothing left
        for _ in range(MOST):
            desk.broker().clock()
    return len(double.requests())


def test_X13_a_trading_run_is_skipped_while_flatten_works(home, double, tape):
    trading.trade(venue_desk(double, tape, requests=MOST), "one")
    assert flood(double, tape) == ORDINARY
    desk = venue_desk(double, tape, requests=MOST, schedule={"trade": {"every": "1m"}})
    desk.patience = timedelta(0)
    record = trading.trade(desk, "two")
    assert (record.outcome, record.code) == (Outcome.SKIPPED, "BROKER_UNAVAILABLE")
    assert "requests are spent" in record.guards[-1].detail
    assert len(double.requests()) == ORDINARY

    done = closing.flatten(venue_desk(double, tape, requests=MOST), "ann", "out", "flatten-1")
    assert done.left == {}
    assert states(desk) == ["filled"] * 2 * len(UNIVERSE)
    assert ORDINARY < len(double.requests()) <= MOST


def test_X13_entries_wait_for_their_turn_and_keep_their_slot(home, double, tape):
    desk = venue_desk(double, tape, requests=20)
    slept = waits(desk)
    assert trading.trade(desk, "one").outcome is Outcome.COMPLETED
    assert len(posts(double)) == len(UNIVERSE)
    assert len(double.requests()) > 14
    assert timedelta(seconds=60) < sum(slept, timedelta(0))


def test_X13_what_protects_is_urgent_and_nothing_else():
    urgent = {job.name for job in JOBS.values() if job.urgent}
    assert urgent == {"exits", "orders", "positions", "recover"}
    assert not any(job.urgent and job.adds_risk for job in JOBS.values())
