"""Mistakes in a schedule that can be read and would only show on some days of a year."""

from datetime import UTC, datetime

import pytest

from openbell.calendar.lint import lint
from openbell.values.plan import Plan

START = datetime(2025, 11, 21, tzinfo=UTC)


def found(code="XNYS", window=None, **schedule):
    plan = Plan.model_validate(
        {
            "name": "p",
            "universe": ["AAPL"],
            "strategies": [{"use": "buy_and_hold"}],
            "window": {"exchange": code, **(window or {})},
            # What rings all day long takes long to look at and has nothing to find here.
            "schedule": {job: {"enabled": False} for job in ("exits", "orders", "recover", "heartbeat", "notify")}
            | schedule,
        }
    )
    return {(finding.job, finding.code): finding.detail for finding in lint(plan, START)}


def test_X10_a_utc_fixed_snapshot_before_the_winter_close_is_refused():
    seen = found(snapshot={"cron": "5 20 * * 1-5", "zone": "UTC"})
    assert "at 2025-11-21T20:05:00Z the session of 2025-11-21 is open until 2025-11-21T21:00:00Z" in str(seen)
    assert set(seen) == {("snapshot", "EARLY"), ("snapshot", "DRIFTS")}


def test_X10_a_utc_fixed_trade_schedule_is_refused_and_both_zones_are_named():
    seen = found(trade={"cron": "0 15 * * 1-5", "zone": "UTC"})
    assert seen[("trade", "DRIFTS")].endswith("15:00 UTC is 10:00, 11:00 America/New_York in a year")


@pytest.mark.parametrize("code", ["XNYS", "XLON", "XHKG", "24/7"])
def test_the_usual_cadences_are_sound(code):
    assert found(code) == {}


@pytest.mark.parametrize("zone", ["America/New_York", "America/Toronto"])
def test_a_zone_that_changes_its_clock_with_the_exchange_is_sound(zone):
    assert found(trade={"cron": "35 9 * * 1-5", "zone": zone}) == {}


def test_a_schedule_that_never_fires_inside_the_window_is_refused():
    seen = found(trade={"cron": "0 20 * * 1-5", "zone": "America/New_York"})
    assert "all of its" in seen[("trade", "NEVER")]


def test_a_schedule_that_mostly_rings_outside_of_the_window_is_refused():
    seen = found(trade={"cron": "*/15 * * * 1-5", "zone": "America/New_York"})
    assert "instants looked at in a year are outside its hours" in seen[("trade", "IDLE")]
