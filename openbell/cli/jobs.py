"""The jobs of the plans: when they ring, how they did, and what holds them back."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import click

from openbell import planfiles, store
from openbell.calendar.preview import upcoming
from openbell.cli.checking import check_file, require
from openbell.cli.output import emit, machine, say, table
from openbell.cli.place import reading
from openbell.cli.zones import zone_of
from openbell.errors import CalendarError
from openbell.ports import Breaker, History, Journal, RunSummary
from openbell.ports.permits import Standing
from openbell.settings import load_settings
from openbell.stages.job_stats import JobStats, job_stats
from openbell.stages.permits import switched_off, unarmed
from openbell.stages.wording import when
from openbell.values.job import JOBS
from openbell.values.plan import Plan
from openbell.values.schedule import CADENCE

#: A coming run is looked for so far ahead.
AHEAD_DAYS = 7
COLUMNS = ("plan", "job", "state", "rings", "last run", "outcome", ">failures", "breaker", "next run")
OF_STATS = ("plan", "job", ">runs", "outcomes", ">failed", ">in a row", ">average s", ">longest s", "counted")


@dataclass(frozen=True, slots=True)
class JobLine:
    """One job of one plan: ``state`` is enabled, disabled, not armed or error (its breaker is open).

    ``why`` says who switched it off, or what is missing until a live plan may send.
    """

    plan: str
    job: str
    state: str
    rings: str
    last: RunSummary | None
    consecutive_failures: int
    breaker: Breaker
    next: datetime | None
    why: str = ""


@click.command(epilog="Example: openbell jobs demo")
@click.argument("plan", required=False)
@machine
def jobs(plan: str | None, as_json: bool) -> None:
    """List the jobs of all plans or of one: schedule, last and next run, breaker; times in the exchange's zone."""
    history, journal = reading(), _journal()
    permits = store.open_permits(load_settings().url)
    lines = [line for of in _plans(plan) for line in _lines(of, history, journal, permits.standing(of.name))]
    if as_json:
        emit(lines)
        return
    table("Jobs", COLUMNS, map(_row, lines))
    for why in dict.fromkeys(line.why for line in lines if line.why):
        say(why)
    say("`openbell stats` tells how they did, `openbell preview PLAN --job JOB` what is coming.")


@click.command(epilog="Example: openbell stats demo --runs 200")
@click.argument("plan", required=False)
@click.option("--runs", default=50, show_default=True, type=click.IntRange(1, 1000), help="Newest runs of each job.")
@machine
def stats(plan: str | None, runs: int, as_json: bool) -> None:
    """Durations (newest weigh most), failure rate and work counters of each job over its newest runs."""
    history = reading()
    found = [_stats(history, of.name, job, runs) for of in _plans(plan) for job in JOBS]
    worked = [line for line in found if line.runs]
    if as_json:
        emit(worked)
    elif worked:
        table(f"The newest {runs} runs of each job", OF_STATS, map(_stats_row, worked))
    else:
        say("no job has run yet")


def _plans(name: str | None) -> list[Plan]:
    folder = planfiles.plans_folder(load_settings())
    if name is not None:
        return [require(planfiles.find(name, folder))]
    checked = [check_file(path) for path in planfiles.plan_paths(folder).values()]
    return [file.runnable for file in checked if file.runnable]


def _journal() -> Journal:
    settings = load_settings()
    return store.open_journal(settings.url, settings.halt_file)


def _stats(history: History, plan: str, job: str, runs: int) -> JobStats:
    return job_stats(plan, job, history.runs(plan=plan, job=job, limit=runs))


def _lines(plan: Plan, history: History, journal: Journal, standing: Standing) -> Iterator[JobLine]:
    for job in CADENCE:
        newest = history.runs(plan=plan.name, job=job, limit=20)
        breaker = journal.breaker(plan.name, job)
        failures = job_stats(plan.name, job, newest).consecutive_failures
        last = newest[0] if newest else None
        state, why = _state(plan, job, breaker, standing)
        ahead = None if state == "disabled" else _next(plan, job)
        rings = plan.rings(job).words
        yield JobLine(plan.name, job, state, rings, last, failures, breaker, ahead, why)


def _state(plan: Plan, job: str, breaker: Breaker, standing: Standing) -> tuple[str, str]:
    if not (plan.enabled and plan.rings(job).enabled):
        return "disabled", ""
    if off := switched_off(plan.name, job, standing):
        return "disabled", off[1]
    if JOBS[job].sends and (why := unarmed(plan, standing, datetime.now(UTC))):
        return "not armed", why
    return ("error" if breaker.open else "enabled"), ""


def _next(plan: Plan, job: str) -> datetime | None:
    """The next instant at which the job will work; None when there is none within a week."""
    if not (plan.enabled and plan.rings(job).enabled):
        return None
    now = datetime.now(UTC)
    for days in (1, AHEAD_DAYS):
        try:
            coming = upcoming(plan, job, now + timedelta(microseconds=1), days)
        except CalendarError:
            return None
        if running := next((slot.slot.planned for slot in coming if slot.runs), None):
            return running
    return None


def _row(line: JobLine) -> tuple[object, ...]:
    zone = zone_of(require(planfiles.find(line.plan, planfiles.plans_folder(load_settings()))).window)
    last = (when(line.last.planned, zone), line.last.outcome.value) if line.last else ("never", "")
    breaker = f"open: {line.breaker.reason}" if line.breaker.open else "closed"
    ahead = when(line.next, zone) if line.next else "-"
    return line.plan, line.job, line.state, line.rings, *last, line.consecutive_failures, breaker, ahead


def _stats_row(line: JobStats) -> tuple[object, ...]:
    outcomes = ", ".join(f"{number} {name}" for name, number in line.outcomes.items())
    counted = ", ".join(f"{number} {name}" for name, number in line.counters.items())
    rate = "-" if line.failure_rate is None else f"{line.failure_rate:.0%}"
    seconds = [("-" if value is None else f"{value:.2f}") for value in (line.average_seconds, line.longest_seconds)]
    return line.plan, line.job, line.runs, outcomes, rate, line.consecutive_failures, *seconds, counted
