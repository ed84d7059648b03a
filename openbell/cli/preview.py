"""Each coming run of a plan and what will happen."""

from datetime import UTC, datetime

import click

from openbell import planfiles
from openbell.calendar.lint import lint
from openbell.calendar.preview import Coming, upcoming
from openbell.cli.checking import require
from openbell.cli.output import emit, machine, say, table
from openbell.errors import InputError
from openbell.plugins import nearest
from openbell.settings import load_settings
from openbell.stages.wording import when
from openbell.values.plan import Plan
from openbell.values.schedule import CADENCE
from openbell.values.time import parse_instant

ALL = "all"
COLUMNS = ("session", "local time", "UTC", "what", "code", "why")
OF_JOBS = ("job", "rings", "next", ">runs", ">skips", "skipped for")


@click.command(epilog="Example: openbell preview demo --job snapshot --days 7")
@click.argument("plan")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 366), help="How far to look ahead.")
@click.option("--job", default="trade", show_default=True, help="Which of the plan's jobs; `all` for a line of each.")
@click.option("--start", default=None, help="Look from this instant on (ISO 8601 with a zone); default now.")
@click.option("--lint", "only_lint", is_flag=True, help="Look for mistakes in a year of all schedules; exit 1 if any.")
@machine
def preview(plan: str, days: int, job: str, start: str | None, only_lint: bool, as_json: bool) -> None:
    """List each coming slot with its local time and what will happen: run, or skip and why."""
    loaded = require(planfiles.find(plan, planfiles.plans_folder(load_settings())))
    begin = parse_instant(start, "start") if start else datetime.now(UTC)
    if only_lint:
        _lint(loaded, begin, as_json)
    elif job == ALL:
        _jobs(loaded, begin, days, as_json)
    else:
        _slots(loaded, job, begin, days, as_json)
    if not as_json and not loaded.enabled:
        say("The plan is not enabled: every one of these will be a skip.")


def _slots(plan: Plan, job: str, start: datetime, days: int, as_json: bool) -> None:
    slots = coming(plan, job, start, days)
    if as_json:
        emit([_machine(slot) for slot in slots])
        return
    if not slots:
        say(f"no slot of {job} of {plan.name} within {days} days")
        return
    runs = sum(slot.runs for slot in slots)
    table(f"{job} of {plan.name}: {days} days", COLUMNS, map(_row, slots))
    say(f"{runs} runs, {len(slots) - runs} skips.")


def _jobs(plan: Plan, start: datetime, days: int, as_json: bool) -> None:
    found = {job: coming(plan, job, start, days) for job in CADENCE if plan.rings(job).enabled}
    if as_json:
        emit({job: [_machine(slot) for slot in slots] for job, slots in found.items()})
        return
    table(f"{plan.name}: {days} days", OF_JOBS, (_summary(plan, job, slots) for job, slots in found.items()))


def _summary(plan: Plan, job: str, slots: tuple[Coming, ...]) -> tuple[object, ...]:
    running = [slot for slot in slots if slot.runs]
    why = ", ".join(sorted({slot.code for slot in slots if not slot.runs}))
    ahead = when(running[0].slot.planned, running[0].local.tzinfo or UTC) if running else "-"
    return job, plan.rings(job).words, ahead, len(running), len(slots) - len(running), why


def _lint(plan: Plan, start: datetime, as_json: bool) -> None:
    found = lint(plan, start)
    if as_json:
        emit([{"job": finding.job, "code": finding.code, "detail": finding.detail} for finding in found])
    elif found:
        table(f"schedules of {plan.name}", ("job", "code", "what is wrong"), ((f.job, f.code, f.detail) for f in found))
    else:
        say(f"the schedules of {plan.name} are sound for a year")
    if found:
        raise SystemExit(1)


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
