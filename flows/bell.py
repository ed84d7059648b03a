"""How a run begins: the scheduled instant, the clock, the slot, the guards."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from time import perf_counter
from typing import Any

from prefect.context import FlowRunContext
from prefect.runtime import flow_run

from blocks.desk import Desk, load_plan, open_desk, wall_clock
from openbell.calendar.exchange import exchange
from openbell.calendar.slots import grace, slot_of
from openbell.calendar.window import decide
from openbell.errors import InputError, OpenbellError
from openbell.ports import Claim
from openbell.stages.fetch import with_history
from openbell.stages.guards import Situation, check
from openbell.stages.judge import account_limits
from openbell.stages.seal import Story
from openbell.values.account import Account
from openbell.values.ring import Ring
from openbell.values.slot import Slot
from openbell.values.time import as_utc, iso, parse_instant
from tasks.run import Run

#: How long a run may go without a sign of life before another may take its slot.
LEASE = timedelta(seconds=330)


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


async def begin(job: str, plan: str, as_of: datetime | None, dry_run: bool) -> Run:
    """Wait for the scheduled instant, read the clock once, claim the slot, judge the guards."""
    planned = await scheduled_instant()
    started = perf_counter()
    instant = None if as_of is None else as_utc(as_of, "as_of")
    desk = open_desk(plan, instant)
    ring, claim = _ring(desk, job, planned, instant, dry_run)
    run = Run(desk, Story(ring, desk.plan, check(_situation(desk, job, ring, claim, planned))), started)
    run.lap("guards")
    return run


def _ring(
    desk: Desk, job: str, planned: datetime | None, as_of: datetime | None, dry_run: bool
) -> tuple[Ring, Claim | None]:
    clock = wall_clock()
    decided_for = as_of or clock
    if decided_for > clock:
        raise InputError(f"as_of {iso(decided_for)} is after the clock, {iso(clock)}")
    slot = slot_of(desk.plan, job, planned or decided_for)
    run_id = str(flow_run.id or f"local-{clock.timestamp():.6f}")
    claim = None if dry_run else desk.journal.claim(slot, run_id, LEASE)
    fencing = claim.fencing if claim and claim.held else 0
    return Ring(slot, run_id, fencing, clock, decided_for, as_of is not None, dry_run), claim


def _situation(desk: Desk, job: str, ring: Ring, claim: Claim | None, planned: datetime | None) -> Situation:
    return Situation(
        plan=desk.plan,
        as_of=ring.as_of,
        switch=desk.journal.switch(),
        breaker=desk.journal.breaker(desk.plan.name, job),
        claim=claim,
        window=decide(desk.plan.window, ring.as_of),
        late_by=None if planned is None else ring.clock - planned,
        grace=grace(desk.plan, job, ring.slot.planned),
        broker=desk.broker,
        simulated=ring.simulated,
        account_limits=partial(_account_limits, desk, ring.slot),
    )


def _account_limits(desk: Desk, slot: Slot, account: Account) -> str:
    return account_limits(desk.resolved, with_history(account, account.reported_equity, desk.journal, slot))


def run_name() -> str:
    """Plan, session and slot in exchange time; whatever the parameters are, there is a name."""
    parameters: dict[str, Any] = flow_run.parameters or {}
    name, given = str(parameters.get("plan", "")), parameters.get("as_of")
    try:
        instant = parse_instant(str(given)) if given else as_utc(flow_run.scheduled_start_time)
        plan = load_plan(name)
        slot = slot_of(plan, flow_run.flow_name or "trade", instant)
    except OpenbellError:
        return f"{name[:40]} {given or flow_run.scheduled_start_time}"
    local = slot.planned.astimezone(exchange(plan.window.exchange).zone)
    return f"{name} {slot.session} {local:%H:%M %Z}" + (" dry run" if parameters.get("dry_run") else "")
