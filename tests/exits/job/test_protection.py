"""Entries wait while nobody looks after what is held; what is held may always be closed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from openbell.jobs import trading
from openbell.ports.exits import Entry, Watch
from openbell.stages.protection import MISSED, open_gap, stale
from openbell.stages.rerun import rerun
from openbell.stages.resolve import resolve
from openbell.values.plan import Plan
from openbell.values.record import Outcome
from tests.exits.job.conftest import THREE
from tests.exits.job.rings import scheduled
from tests.orders.desks import open_desk

#: A Friday, at ten in the morning in New York, and the Monday after it at the open.
NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
MONDAY = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
HELD = (Entry("AAPL", {"sma": Decimal(10)}, NOW - timedelta(days=3)),)


def desk(**parts):
    base = {"name": "demo", "universe": ["AAPL"], "strategies": [{"use": "buy_and_hold"}]}
    return resolve(Plan.model_validate(base | parts))


@pytest.mark.parametrize(
    ("last", "now", "missing"),
    [
        (NOW, NOW, False),
        (NOW, NOW + timedelta(seconds=94), False),
        (NOW, NOW + timedelta(seconds=96), True),
        (NOW, NOW + timedelta(hours=2), True),
        (NOW.replace(hour=20, minute=59, second=30), MONDAY, False),
        (NOW.replace(hour=20, minute=59, second=30), MONDAY + timedelta(seconds=60), False),
        (NOW.replace(hour=20, minute=59, second=30), MONDAY + timedelta(seconds=66), True),
        (None, NOW, True),
    ],
)
def test_S16_entries_wait_from_the_third_missing_look_on(last, now, missing):
    assert bool(stale(desk(), Watch(HELD, last=last), now)) is missing


def test_I20_nothing_held_needs_no_watch():
    assert stale(desk(), Watch((), last=None), NOW) == ""
    assert (
        stale(desk(), Watch((Entry("AAPL", {"flatten": Decimal(3)}, NOW),), last=None), NOW + timedelta(days=1)) == ""
    )


def test_a_position_that_was_only_just_opened_may_wait_for_its_first_look():
    young = (replace(HELD[0], opened=NOW - timedelta(seconds=40)),)
    assert stale(desk(), Watch(young), NOW) == ""


def test_a_plan_that_wants_no_exits_waits_for_none():
    assert stale(desk(exits={"stop_loss": False, "take_profit": False}), Watch(HELD), NOW) == ""
    assert stale(desk(schedule={"exits": {"enabled": False}}), Watch(HELD), NOW) == ""


def test_the_words_name_how_many_looks_are_missing_and_since_when():
    words = stale(desk(), Watch(HELD, last=NOW), NOW + timedelta(minutes=5))
    assert words == "1 positions are not watched: 9 looks of the exits job since 2026-11-20T15:00:00Z are missing"


def test_a_gap_is_counted_from_the_open():
    resolved = desk()
    assert open_gap(resolved, NOW, NOW + timedelta(seconds=91)) == timedelta(seconds=91)
    assert open_gap(resolved, NOW, MONDAY + timedelta(seconds=5)) == timedelta(seconds=5)


# --- in a run ------------------------------------------------------------------------------------------------

#: Half minutes that a plan may be without a look in these tests.
LATE = timedelta(seconds=30 * (MISSED + 1))


@pytest.fixture
def unwatched(desk):
    """Positions that nobody has looked at for two minutes, and a plan that would buy more."""
    trading.trade(desk, "entry")
    watch = desk.exit_marks.read("demo", "book")
    desk.exit_marks.tick("demo", "book", datetime.now(UTC) - LATE, watch.fill, watch.entries)
    return desk


MORE = {"universe": (*THREE, "NEW"), "schedule": {"trade": {"every": "1m"}}}


def again(home, wire, **changes):
    """The same plan a slot later."""
    return open_desk(home, wire, **{**MORE, **changes})


@pytest.fixture(name="desk")
def _desk(open_exits):
    return open_exits(schedule={"trade": {"every": "24h"}})


def test_S16_entries_are_denied_and_a_person_is_told_until_the_exits_job_is_back(
    unwatched, home, wire, tape, open_exits
):
    record = trading.trade(again(home, wire), "more-1")
    assert record.outcome is Outcome.COMPLETED
    assert {verdict.rule for verdict in record.verdicts} == {"protection"}
    assert len(wire.posts) == len(THREE)
    assert record.guards[-1].code == "PROTECTION_STALE"
    assert [alert.kind for alert in unwatched.history.alerts()] == ["PROTECTION_STALE"]
    first = scheduled(open_exits(), "exits-1")
    assert first.counters["looks"] == 2
    assert [alert.kind for alert in unwatched.history.alerts()] == ["EXITS_LATE"]


def test_S16_what_is_held_may_still_be_sold(unwatched, home, wire):
    smaller = {"sizing": {"use": "fixed_cash", "params": {"notional": 200}}}
    record = trading.trade(again(home, wire, **smaller), "less")
    assert {v.symbol for v in record.verdicts if v.decision.value == "denied"} == {"NEW"}
    assert {verdict.symbol for verdict in record.verdicts} >= set(THREE)


def test_I18_a_run_whose_entries_waited_is_decided_the_same_once_more(unwatched, home, wire):
    record = trading.trade(again(home, wire), "more-1")
    bars = unwatched.history.bars(record.data.digest)
    assert rerun(record, bars).gated.verdicts == record.verdicts


def test_after_a_look_entries_are_let_through(unwatched, home, wire, open_exits):
    scheduled(open_exits(), "exits-1")
    record = trading.trade(again(home, wire), "more-1")
    assert {verdict.decision.value for verdict in record.verdicts} == {"approved"}
