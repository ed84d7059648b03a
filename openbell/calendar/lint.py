"""What is wrong with a schedule although it can be read: found by looking at a year of it.

A schedule that never works, rings before what it waits for, or keeps a wall time of a zone that does not change its
clock when the exchange does, is a mistake that shows only twice a year.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from openbell.calendar.exchange import Exchange, exchange
from openbell.calendar.slots import grid_of
from openbell.calendar.window import decide_for, window_zone
from openbell.values.job import JOBS, SNAPSHOT
from openbell.values.plan import Plan
from openbell.values.schedule import CADENCE
from openbell.values.time import as_utc, iso, later

#: How far ahead a schedule is looked at.
AHEAD = timedelta(days=366)
#: A schedule of which a larger share rings for nothing is a mistake; holidays and half days are not.
IDLE = 0.5
#: So many instants, evenly spread, tell how large that share is.
ENOUGH = 500
#: A snapshot waits for a close that is no older than this.
SINCE_CLOSE = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake: which job, a code, and words that name the instant and the bound."""

    job: str
    code: str
    detail: str


def lint(plan: Plan, start: datetime) -> tuple[Finding, ...]:
    """The mistakes of all enabled jobs of a plan over a year; one that may run in any minute cannot be wrong."""
    jobs = [job for job in CADENCE if plan.rings(job).enabled and not JOBS[job].any_minute]
    return tuple(finding for job in jobs for finding in _job(plan, job, as_utc(start)))


def _job(plan: Plan, job: str, start: datetime) -> Iterator[Finding]:
    market = exchange(plan.window.exchange)
    end = min(later(start, AHEAD, "start"), datetime.combine(market.last, time(), UTC))
    instants = grid_of(plan, job).between(start, end)
    looked = instants[:: max(1, len(instants) // ENOUGH)]
    working = _working(plan, job, looked) or _working(plan, job, instants)
    if not working:
        why = "it never rings" if not instants else f"all of its {len(instants)} instants are outside its hours"
        yield Finding(job, "NEVER", f"{why} until {end:%Y-%m-%d}")
        return
    yield from _idle(job, looked, working)
    if plan.rings(job).cron:
        yield from _drifts(plan, job, instants, market)
    yield from _early(job, instants, market)


def _working(plan: Plan, job: str, instants: list[datetime]) -> list[datetime]:
    return [at for at in instants if decide_for(JOBS[job].hours, plan.window, at).open]


def _idle(job: str, instants: list[datetime], working: list[datetime]) -> Iterator[Finding]:
    idle = len(instants) - len(working)
    if idle > IDLE * len(instants):
        yield Finding(job, "IDLE", f"{idle} of {len(instants)} instants looked at in a year are outside its hours")


def _drifts(plan: Plan, job: str, instants: list[datetime], market: Exchange) -> Iterator[Finding]:
    """A cron must stand at the same times of the exchange's day all year."""
    zone = ZoneInfo(plan.rings(job).zone or window_zone(plan.window).key)
    there = {f"{at.astimezone(market.zone):%H:%M}" for at in instants}
    here = {f"{at.astimezone(zone):%H:%M}" for at in instants}
    if len(there) > len(here):
        shown = f"{_listed(here)} {zone.key} is {_listed(there)} {market.zone.key}"
        yield Finding(job, "DRIFTS", f"the clocks of two zones change apart: {shown} in a year")


def _early(job: str, instants: list[datetime], market: Exchange) -> Iterator[Finding]:
    """A snapshot is of a session that has just closed."""
    for at in instants if job == SNAPSHOT.name else ():
        hours = market.hours(market.session_of(at))
        if hours and hours.opens <= at < hours.closes and at - _last_close(market, hours.session) > SINCE_CLOSE:
            yield Finding(
                job, "EARLY", f"at {iso(at)} the session of {hours.session} is open until {iso(hours.closes)}"
            )
            return


def _last_close(market: Exchange, session: date) -> datetime:
    before = market.hours(market.offset(session, -1))
    return before.closes if before else datetime.min.replace(tzinfo=UTC)


def _listed(walls: set[str]) -> str:
    return ", ".join(sorted(walls)[:4]) + (" ..." if len(walls) > 4 else "")
