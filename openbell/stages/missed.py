"""heartbeat: which slots of a plan's jobs should have been worked on by now, and were not."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from openbell.calendar.slots import slot_at
from openbell.calendar.window import decide_for
from openbell.stages.resolve import Resolved
from openbell.values.job import JOBS
from openbell.values.slot import Slot

#: A slot that nobody has taken after so many intervals of its job has been missed.
INTERVALS = 2
#: How far back a gap is written down slot by slot; an outage that lasts longer is told from here on.
LOOK_BACK = timedelta(days=1)
#: Slots of one job that one heartbeat writes down; the next one goes on with the rest.
AT_ONCE = 100
#: The interval of a job that rings once a session is a day; it is told sooner than after two of those.
LONGEST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Missed:
    """A slot without an outcome. ``works`` says whether there was something to do at that instant, ``why`` if not.

    The newest slot of a job that protects is ``open``: it is told, but stays free, since such a job runs once however
    late. The slot is closed as missed when the next one has come.
    """

    slot: Slot
    works: bool
    why: str
    open: bool


def missed(
    desk: Resolved, known: Mapping[str, Iterable[datetime]], since: datetime, now: datetime
) -> tuple[Missed, ...]:
    """The slots since ``since`` that nobody has taken, oldest first by job.

    ``known`` has the planned instants of the slots that somebody has taken, by job. What rings several times in a
    minute is one run, so one slot of a minute is enough. A job that may run in any minute has no slot to miss.
    """
    jobs = [job for job in JOBS if desk.plan.rings(job).enabled and not JOBS[job].any_minute]
    start = max(since, now - LOOK_BACK)
    return tuple(found for job in jobs for found in _of_job(desk, job, known.get(job, ()), start, now))


def _of_job(desk: Resolved, job: str, known: Iterable[datetime], start: datetime, now: datetime) -> Iterator[Missed]:
    grid = desk.grids[job]
    taken = {_minute(planned) for planned in known}
    due = now - INTERVALS * min(grid.interval_at(now), LONGEST)
    left, newest = AT_ONCE, None if JOBS[job].adds_risk else grid.floor(now)
    for planned in grid.between(start, due) if start < due else ():
        if _minute(planned) in taken:
            continue
        taken.add(_minute(planned))
        yield _missed(desk, job, planned, newest)
        if not (left := left - 1):
            return


def _missed(desk: Resolved, job: str, planned: datetime, newest: datetime | None) -> Missed:
    decision = decide_for(JOBS[job].hours, desk.plan.window, planned)
    why = "" if decision.open else decision.code
    return Missed(slot_at(desk.plan, job, planned), decision.open, why, newest is not None and planned == newest)


def _minute(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)
