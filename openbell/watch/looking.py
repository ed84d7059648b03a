"""How everything stands at one moment: what the store has, and how each job of each enabled plan did."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from openbell import planfiles, store
from openbell.errors import OpenbellError
from openbell.ports import Breaker, History, Journal, RunSummary
from openbell.ports.health import StoreLook
from openbell.settings import Settings
from openbell.stages.job_stats import JobStats, job_stats
from openbell.stages.missed import LOOK_BACK, missed
from openbell.stages.resolve import Resolved, resolve
from openbell.store.connect import exists
from openbell.values.job import HEARTBEAT, JOBS
from openbell.values.plan import Plan

#: Newest runs of a job behind its averages.
RUNS = 20
#: Slots and outcomes are counted over so long.
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class JobLook:
    """One enabled job: its newest run, its statistics, its breaker, and the slots that nobody started.

    ``missing`` counts slots with work to do that are two intervals old and have no outcome, ``missing_since`` is the
    oldest of them.
    """

    plan: str
    job: str
    last: RunSummary | None
    stats: JobStats
    breaker: Breaker
    missing: int = 0
    missing_since: datetime | None = None

    @property
    def lag(self) -> float | None:
        """Seconds from the planned instant of the newest run to its first line; None where nobody knows."""
        seconds = self.last.seconds if self.last else None
        if self.last is None or self.last.clock is None or seconds is None:
            return None
        return max(0.0, (self.last.clock - self.last.planned).total_seconds())


@dataclass(frozen=True, slots=True)
class Looked:
    """Everything at ``time``. ``store`` is None where it cannot be read, and ``error`` says why.

    ``plans`` are the enabled ones that can run, ``problems`` says of the others why they cannot.
    """

    time: datetime
    store: StoreLook | None = None
    error: str = ""
    plans: tuple[Plan, ...] = ()
    jobs: tuple[JobLook, ...] = ()
    problems: tuple[str, ...] = ()


def enabled_plans(settings: Settings, names: Sequence[str] = ()) -> tuple[tuple[Resolved, ...], tuple[str, ...]]:
    """The enabled plans that can run, and what is wrong with the others; an unknown name is an InputError."""
    folder = planfiles.plans_folder(settings)
    paths = [planfiles.find(name, folder) for name in names] or list(planfiles.plan_paths(folder).values())
    found: list[Resolved] = []
    problems: list[str] = []
    for path in paths:
        try:
            plan = planfiles.load(path)
            found += [resolve(plan)] if plan.enabled else []
        except OpenbellError as error:
            problems += str(error).splitlines()
    return tuple(found), tuple(problems)


def look(settings: Settings, names: Sequence[str], now: datetime) -> Looked:
    """Look at everything; nothing is made or changed, and no broker, feed or Prefect is asked."""
    desks, problems = enabled_plans(settings, names)
    plans = tuple(desk.plan for desk in desks)
    try:
        if not exists(settings.url):
            return Looked(now, None, "there is no store yet: `openbell migrate` makes one", plans, (), problems)
        seen = store.open_health(settings.url, settings.halt_file).look(now - DAY)
        journal, history = store.open_journal(settings.url, settings.halt_file), store.open_history(settings.url)
        jobs = tuple(job for desk in desks for job in _jobs(desk, journal, history, now))
    except OpenbellError as error:
        return Looked(now, None, str(error), plans, (), problems)
    return Looked(now, seen, "", plans, jobs, problems)


def _jobs(desk: Resolved, journal: Journal, history: History, now: datetime) -> Iterator[JobLook]:
    plan = desk.plan
    first = journal.first_slot(plan.name, HEARTBEAT.name)
    known = journal.slots(plan.name, now - LOOK_BACK)
    found = missed(desk, known, first or now, now)
    for job in JOBS:
        if not plan.rings(job).enabled:
            continue
        newest = history.runs(plan=plan.name, job=job, limit=RUNS)
        absent = [one.slot.planned for one in found if one.slot.job == job and one.works]
        yield JobLook(
            plan=plan.name,
            job=job,
            last=newest[0] if newest else None,
            stats=job_stats(plan.name, job, newest),
            breaker=journal.breaker(plan.name, job),
            missing=len(absent),
            missing_since=min(absent, default=None),
        )
