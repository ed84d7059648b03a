"""From an instant to the slot that it belongs to."""

from datetime import datetime, timedelta

from openbell.calendar.exchange import exchange
from openbell.calendar.schedule import Grid
from openbell.errors import CalendarError, PlanError
from openbell.plugins import nearest
from openbell.values.job import Job
from openbell.values.plan import Plan
from openbell.values.schedule import CADENCE
from openbell.values.slot import Slot
from openbell.values.time import as_utc, iso

#: Longest grace that a plan gets without asking.
DEFAULT_GRACE = timedelta(seconds=60)


def grid_of(plan: Plan, job: str) -> Grid:
    """The grid of a job; an unknown job is a PlanError that names those there are."""
    if job not in CADENCE:
        raise PlanError(f"{job[:40]!r} is not a job{nearest(job, CADENCE)}; jobs are {', '.join(CADENCE)}")
    try:
        return Grid.of(plan.rings(job), plan.window)
    except PlanError as error:
        raise PlanError(f"schedule.{job}: {error}") from None


def slot_of(plan: Plan, job: str, instant: datetime) -> Slot:
    """The slot at or before an instant: everything up to the next planned instant belongs to it."""
    planned = grid_of(plan, job).floor(instant)
    if planned is None:
        raise CalendarError(f"job {job} of plan {plan.name} has no slot at or before {iso(instant)}")
    return slot_at(plan, job, planned)


def slot_for(plan: Plan, job: Job, instant: datetime) -> Slot:
    """The slot that a run of the job answers to: of its grid, or the minute of the instant for ``any_minute``."""
    if not job.any_minute:
        return slot_of(plan, job.name, instant)
    instant = as_utc(instant)
    return slot_at(plan, job.name, instant - timedelta(seconds=instant.second, microseconds=instant.microsecond))


def slot_at(plan: Plan, job: str, planned: datetime) -> Slot:
    """The slot of an instant that is known to be planned."""
    return Slot(plan.name, job, planned, exchange(plan.window.exchange).session_of(planned))


def grace(plan: Plan, job: str, planned: datetime) -> timedelta:
    """How late a run may start: the window's grace, else half the interval, at most 60 s."""
    if plan.window.grace is not None:
        return plan.window.grace
    return min(grid_of(plan, job).interval_at(planned) / 2, DEFAULT_GRACE)


def lateness(planned: datetime, clock: datetime) -> timedelta:
    """How long after its planned instant the clock stands; negative before it."""
    return as_utc(clock, "clock") - as_utc(planned, "planned")
