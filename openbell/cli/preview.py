"""Each coming run of a plan and what will happen."""

from datetime import UTC, datetime

import click

from openbell import planfiles
from openbell.calendar.preview import Coming, upcoming
from openbell.cli.checking import require
from openbell.cli.output import emit, machine, say, table
from openbell.errors import InputError
from openbell.plugins import nearest
from openbell.settings import load_settings
from openbell.stages.wording import when
from openbell.values.plan import CADENCE, Plan
from openbell.values.time import parse_instant


@click.command(epilog="Example: openbell preview demo --days 30")
@click.argument("plan")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 366), help="How far to look ahead.")
@click.option("--job", default="trade", show_default=True, help="Which of the plan's jobs.")
@click.option("--start", default=None, help="Look from this instant on (ISO 8601 with a zone); default now.")
@machine
def preview(plan: str, days: int, job: str, start: str | None, as_json: bool) -> None:
    """List each coming slot with its local time and what will happen: run, or skip and why."""
    loaded = require(planfiles.find(plan, planfiles.plans_folder(load_settings())))
    begin = parse_instant(start, "start") if start else datetime.now(UTC)
    slots = coming(loaded, job, begin, days)
    if as_json:
        emit([_machine(slot) for slot in slots])
        return
    if not slots:
        say(f"no slot of {job} of {plan} within {days} days")
        return
    runs = sum(slot.runs for slot in slots)
    table(f"{job} of {plan}: {days} days", ("session", "local time", "UTC", "what", "code", "why"), map(_row, slots))
    say(f"{runs} runs, {len(slots) - runs} skips.")
    if not loaded.enabled:
        say("The plan is not enabled: every one of these will be a skip.")


def coming(plan: Plan, job: str, start: datetime, days: int) -> tuple[Coming, ...]:
    """Coming slots of one job; an unknown job is an InputError that names the nearest one."""
    if job not in CADENCE:
        raise InputError(f"plan {plan.name} has no job {job[:40]!r}{nearest(job, CADENCE)}")
    return tuple(upcoming(plan, job, start, days))


def _machine(slot: Coming) -> dict[str, object]:
    what = {"runs": slot.runs, "code": slot.code, "detail": slot.detail}
    return {"slot": slot.slot.key, "planned": slot.slot.planned, "session": slot.slot.session, **what}


def _row(slot: Coming) -> tuple[object, ...]:
    planned = slot.slot.planned
    weekday = f"{slot.local:%a} "
    local = weekday + when(planned, slot.local.tzinfo or UTC)
    return slot.slot.session, local, f"{planned:%H:%M}", "run" if slot.runs else "skip", slot.code, slot.detail
