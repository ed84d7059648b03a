"""What the coming slots of a job will do."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from openbell.calendar.exchange import exchange
from openbell.calendar.slots import grid_of, slot_at
from openbell.calendar.window import decide_for
from openbell.values.job import JOBS
from openbell.values.plan import Plan
from openbell.values.slot import Slot
from openbell.values.time import as_utc, later


@dataclass(frozen=True, slots=True)
class Coming:
    """One slot ahead: its wall time in the exchange's zone, whether the window lets it run, and why."""

    slot: Slot
    local: datetime
    runs: bool
    code: str
    detail: str


def upcoming(plan: Plan, job: str, start: datetime, days: int) -> list[Coming]:
    """Slots from ``start`` for a number of days; beyond the calendar's last date it is a CalendarError."""
    start = as_utc(start, "start")
    end = later(start, timedelta(days=days), "start")
    return [_coming(plan, job, planned) for planned in grid_of(plan, job).between(start, end)]


def _coming(plan: Plan, job: str, planned: datetime) -> Coming:
    decision = decide_for(JOBS[job].hours, plan.window, planned)
    local = planned.astimezone(exchange(plan.window.exchange).zone)
    return Coming(slot_at(plan, job, planned), local, decision.open, decision.code, decision.detail)
