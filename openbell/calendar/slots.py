"""From an instant to the slot that it belongs to."""

from datetime import datetime, timedelta

from openbell.calendar.exchange import exchange
from openbell.calendar.schedule import MINUTE, Grid
from openbell.errors import CalendarError, PlanError
from openbell.plugins import nearest
from openbell.values.job import EXITS, Job
from openbell.values.plan import Plan
from openbell.values.schedule import CADENCE
from openbell.values.slot import Slot
from openbell.values.time import as_utc, duration_text, iso

#: Longest grace that a plan gets without asking.
DEFAULT_GRACE = timedelta(seconds=60)
#: The one interval of seconds that there is, of the job exits.
HALF_A_MINUTE = timedelta(seconds=30)


def grid_of(plan: Plan, job: str) -> Grid:
    """The grid of a job; an unknown job is a PlanError that names those there are."""
    if job not in CADENCE:
        raise PlanError(f"{job[:40]!r} is not a job{nearest(job, CADENCE)}; jobs are {', '.join(CADENCE)}")
    try:
        _check_on_the_minute(job, plan.rings(job).every)
        return Grid.of(plan.rings(job), plan.window)
    except PlanError as error:
        raise PlanError(f"schedule.{job}: {error}") from None


def _check_on_the_minute(job: str, every: timedelta | None) -> None:
    """Bells are cron lines; a run of exits looks again within its minute."""
    if every is None or not every % MINUTE or (job == EXITS.name and every == HALF_A_MINUTE):
        return
    bound = f"{duration_text(HALF_A_MINUTE)} or whole minutes" if job == EXITS.name else "whole minutes"
    raise PlanError(f"every {duration_text(every)} is not {bound}: bells ring on the minute")


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
