"""How a run begins: the scheduled instant, then the slot and the guards."""

import asyncio
from datetime import datetime

from prefect.context import FlowRunContext
from prefect.runtime import flow_run

import openbell.jobs.run
from blocks.desk import load_plan, open_desk, wall_clock
from flows.asked import asked
from flows.logs import log_as_asked
from flows.supervised import end_with_parent
from openbell.calendar.exchange import exchange
from openbell.calendar.slots import slot_for
from openbell.errors import OpenbellError
from openbell.jobs.run import Run
from openbell.values.job import JOBS, Job
from openbell.values.time import as_utc


async def scheduled_instant() -> datetime | None:
    """When the schedule wanted this run, None for a run started by hand; never returns before that instant.

    Prefect may start a process up to half a second early.
    """
    context = FlowRunContext.get()
    started = context.flow_run if context else None
    if started is None or started.expected_start_time is None:
        return None
    planned = as_utc(started.expected_start_time, "expected start")
    while (early := (planned - wall_clock()).total_seconds()) > 0:
        await asyncio.sleep(early)
    return planned if started.auto_scheduled else None


async def begin(job: Job, plan: str, as_of: datetime | None = None, dry_run: bool = False) -> Run:
    """Wait for the scheduled instant, then claim the slot and judge the guards."""
    log_as_asked()
    end_with_parent()
    planned = await scheduled_instant()
    wish = asked({"plan": plan, "as_of": as_of, "dry_run": dry_run})
    return openbell.jobs.run.begin(open_desk(wish.plan, wish.as_of), job, run_id(), planned, wish.as_of, wish.dry_run)


def run_id() -> str:
    """The flow run's id; a repeated attempt has its own, since a record is sealed once."""
    attempt = int(flow_run.run_count or 1)
    name = str(flow_run.id or f"local-{wall_clock().timestamp():.6f}")
    return name if attempt <= 1 else f"{name}-{attempt}"


def run_name() -> str:
    """Plan, session and slot in exchange time; whatever the parameters are, there is a name."""
    given, scheduled = flow_run.parameters or {}, flow_run.scheduled_start_time
    try:
        wish = asked(given)
        plan, instant = load_plan(wish.plan), wish.as_of or as_utc(scheduled)
        slot = slot_for(plan, JOBS[flow_run.flow_name or "trade"], instant)
    except (OpenbellError, KeyError):
        return f"{str(given.get('plan', ''))[:40]} {given.get('as_of') or scheduled}"
    local = slot.planned.astimezone(exchange(plan.window.exchange).zone)
    return f"{wish.plan} {slot.session} {local:%H:%M %Z}" + (" dry run" if wish.dry_run else "")
