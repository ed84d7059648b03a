"""The cron lines of a job ring for every instant of its grid, and for little else."""

from datetime import UTC, datetime, timedelta

import pytest

from openbell.calendar.bells import AHEAD, Bell, bells, lasting
from openbell.calendar.exchange import exchange
from openbell.calendar.schedule import Grid
from openbell.calendar.slots import grid_of
from openbell.values.plan import Plan
from openbell.values.schedule import Schedule

START = datetime(2025, 11, 1, tzinfo=UTC)


def plan(code="XNYS", **schedule):
    return Plan.model_validate(
        {
            "name": "p",
            "universe": ["AAPL"],
            "strategies": [{"use": "buy_and_hold"}],
            "window": {"exchange": code},
            "schedule": schedule,
        }
    )


def rung(lines, of, end=START + AHEAD):
    grids = (Grid.of(Schedule(cron=line.cron, zone=line.zone), of.window) for line in lines)
    return {instant for grid in grids for instant in grid.between(START, end)}


def minute(instant):
    return instant.replace(second=0)


@pytest.mark.parametrize("code", ["XNYS", "XLON", "XHKG", "24/7"])
@pytest.mark.parametrize("job", ["exits", "trade", "snapshot"])
def test_no_instant_of_a_year_is_missed_and_few_are_rung_for_nothing(code, job):
    made, end = plan(code), START + (timedelta(days=90) if job == "exits" else AHEAD)
    wanted = {minute(instant) for instant in grid_of(made, job).between(START, end)}
    lines = bells(made, job, START)
    found = rung(lines, made, end)
    assert wanted <= found
    holidays = len(found - wanted) / len(found)
    assert holidays < 0.08  # in Hong Kong one weekday in eighteen is a holiday
    assert len(lines) <= 12


def test_A02_a_snapshot_rings_after_early_closes_too():
    made = plan()
    lines = bells(made, "snapshot", START)
    assert lines[0] == Bell("5 16 * * 1-5", "America/New_York")
    assert {line.cron for line in lines[1:]} == {"5 13 28 11 *", "5 13 24 12 *"}


def test_K12_a_session_job_rings_at_the_same_wall_time_all_year():
    made = plan(trade={"at": ["open+5m", "close-10m"]})
    lines = bells(made, "trade", START)
    zone = exchange("XNYS").zone
    walls = {instant.astimezone(zone).strftime("%H:%M") for instant in rung(lines, made)}
    assert {"09:35", "15:50"} <= walls <= {"09:35", "15:50", "12:50"}


def test_a_cadence_of_half_a_minute_rings_once_a_minute():
    lines = bells(plan(), "exits", START)
    assert {line.cron for line in lines} == {"30-59 9 * * 1-5", "* 10-15 * * 1-5"}


def test_a_cron_of_the_plan_stays_as_it_is():
    made = plan(trade={"cron": "35 9,15 * * 1-5", "zone": "America/Chicago"})
    assert bells(made, "trade", START) == (Bell("35 9,15 * * 1-5", "America/Chicago"),)


def test_every_line_can_be_read_by_the_grid_and_holds_for_a_year():
    made = plan(trade={"every": "7m"})
    wanted = {minute(instant) for instant in grid_of(made, "trade").between(START, START + timedelta(days=30))}
    assert wanted <= rung(bells(made, "trade", START), made)


@pytest.mark.parametrize("year", [2024, 2025, 2026])
def test_the_lines_of_a_deployment_are_the_same_whatever_the_year_it_is_published_in(year):
    lines = lasting(plan(), "snapshot", datetime(year, 11, 1, tzinfo=UTC))
    assert [line.cron for line in lines] == ["5 16 * * 1-5", "5 13 3 7 *", "5 13 23-29 11 *", "5 13 24 12 *"]


@pytest.mark.parametrize("code", ["XNYS", "XLON", "XHKG", "24/7"])
def test_lasting_lines_ring_for_every_instant_and_little_else(code):
    made = plan(code)
    wanted = {minute(instant) for instant in grid_of(made, "snapshot").between(START, START + AHEAD)}
    found = rung(lasting(made, "snapshot", START), made)
    assert wanted <= found
    assert len(found - wanted) < 0.12 * len(found)


def test_a_job_without_instants_of_its_own_has_no_other_lasting_lines():
    assert lasting(plan(), "exits", START) == bells(plan(), "exits", START)
