"""Circuit breakers of the dependencies of a job, by the database's clock (FAULTS 4.7)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from openbell.errors import StoreError
from openbell.ports import Breaker
from openbell.store import logs
from openbell.store.connect import now
from openbell.store.prepared import by
from openbell.store.watch_tables import BREAKER_EVENTS, BREAKERS

#: Opens after this many failures in a row, or this many among the last ``WINDOW`` outcomes.
FAILURES, WINDOW = 10, 20
#: This many good probes in a row close it.
PROBES = 3
FIRST_COOLDOWN, LONGEST_COOLDOWN = timedelta(minutes=5), timedelta(minutes=60)
_OF_JOB = by(BREAKERS, "plan", "job").order_by(BREAKERS.c.dependency)
_BAD, _GOOD = "x", "."
#: The breaker of refused orders, which opens after so many of them within that time.
REJECTS, MOST_REJECTS, REJECT_WINDOW = "rejects", 5, timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class _Standing:
    """A breaker's columns but for its key."""

    open: bool = False
    failures: int = 0
    recent: str = ""
    reason: str = ""
    opened_at: datetime | None = None
    retry_at: datetime | None = None
    probes: int = 0
    cooldown: int = int(FIRST_COOLDOWN.total_seconds())
    latched: bool = False

    def after(self, failure: str, at_once: bool, time: datetime) -> "_Standing":
        """The breaker after one more outcome; an empty ``failure`` is a success."""
        if not self.open:
            return self._counted(failure, at_once, time)
        if self.latched or self.retry_at is None or time < self.retry_at:
            return replace(self, reason=failure or self.reason)
        if failure:
            longer = min(2 * self.cooldown, int(LONGEST_COOLDOWN.total_seconds()))
            return _opened(replace(self, reason=failure, failures=self.failures + 1, cooldown=longer), time)
        probed = replace(self, probes=self.probes + 1)
        return _Standing() if probed.probes >= PROBES else probed

    def rejected(self, reason: str, time: datetime) -> "_Standing":
        """The breaker after one more order was refused."""
        if self.open:
            return self.after(reason, False, time)
        now = int(time.timestamp())
        times = [then for then in self.recent.split() if now - int(then) < REJECT_WINDOW.total_seconds()] + [str(now)]
        counted = replace(self, failures=len(times), recent=" ".join(times), reason=reason)
        return _opened(replace(counted, opened_at=time), time) if len(times) >= MOST_REJECTS else counted

    def _counted(self, failure: str, at_once: bool, time: datetime) -> "_Standing":
        recent = (self.recent + (_BAD if failure else _GOOD))[-WINDOW:]
        if not failure:
            return replace(self, failures=0, recent=recent if _BAD in recent else "")
        counted = replace(self, failures=self.failures + 1, recent=recent, reason=failure)
        full = counted.failures >= FAILURES or recent.count(_BAD) >= FAILURES
        return _opened(replace(counted, opened_at=time), time) if at_once or full else counted


def _opened(standing: _Standing, time: datetime) -> _Standing:
    return replace(standing, open=True, probes=0, retry_at=time + timedelta(seconds=standing.cooldown))


def count(connection: Connection, key: Mapping[str, str], failure: str, at_once: bool) -> Breaker:
    """Count one outcome."""
    return _move(connection, key, lambda before, time: before.after(failure, at_once, time))


def reject(connection: Connection, plan: str, job: str, reason: str) -> None:
    """Count an order that the broker refused."""
    key = {"plan": plan, "job": job, "dependency": REJECTS}
    _move(connection, key, lambda before, time: before.rejected(reason, time))


def latch(connection: Connection, key: Mapping[str, str], reason: str) -> None:
    """Open one until a person resets it."""
    _move(connection, key, lambda before, time: before if before.latched else _latched(before, reason, time))


def _latched(standing: _Standing, reason: str, time: datetime) -> _Standing:
    return replace(standing, open=True, latched=True, failures=1, reason=reason, opened_at=time, retry_at=None)


def _move(connection: Connection, key: Mapping[str, str], moved: Callable[[_Standing, datetime], _Standing]) -> Breaker:
    row = connection.execute(by(BREAKERS, "plan", "job", "dependency"), key).first()
    before, time = _standing(row), now(connection)
    after = moved(before, time)
    if row is None:
        connection.execute(insert(BREAKERS), {**key, **asdict(after)})
    else:
        connection.execute(update(BREAKERS).filter_by(**key).values(asdict(after)))
    if after.open != before.open:
        what = "opened" if after.open else "closed"
        _tell(connection, key, what, "openbell", after.reason or f"{PROBES} good probes", time)
    return _breaker(key["dependency"], after)


def succeed(connection: Connection, plan: str, job: str, dependencies: Sequence[str]) -> None:
    """Count a success of each; where nothing failed lately nothing is written."""
    if not dependencies:
        return
    rows = {row.dependency: row for row in connection.execute(_OF_JOB, {"plan": plan, "job": job})}
    for dependency in dependencies:
        if not _clean(_standing(rows.get(dependency))):
            count(connection, {"plan": plan, "job": job, "dependency": dependency}, "", at_once=False)


def _clean(standing: _Standing) -> bool:
    return not (standing.open or standing.failures or standing.recent)


def untouched(connection: Connection, key: Mapping[str, str]) -> Breaker | None:
    """The breaker when one more success would change nothing: most outcomes need no write."""
    standing = _standing(connection.execute(by(BREAKERS, "plan", "job", "dependency"), key).first())
    return _breaker(key["dependency"], standing) if _clean(standing) else None


def reset(connection: Connection, plan: str, job: str, actor: str, reason: str) -> None:
    """Forget what the breakers of a job counted."""
    if not (actor.strip() and reason.strip()):
        raise StoreError(f"to reset the breakers of {plan}/{job} needs an actor and a reason")
    time = now(connection)
    for row in connection.execute(select(BREAKERS).filter_by(plan=plan, job=job)).all():
        _tell(connection, {"plan": plan, "job": job, "dependency": row.dependency}, "reset", actor, reason, time)
    connection.execute(delete(BREAKERS).filter_by(plan=plan, job=job))


def _tell(connection: Connection, key: Mapping[str, str], what: str, actor: str, reason: str, time: datetime) -> None:
    logs.add(connection, BREAKER_EVENTS, {**key, "what": what, "actor": actor, "reason": reason, "time": time})


def most_pressing(connection: Connection, plan: str, job: str) -> Breaker:
    """The breaker of a job that opens last again, else the one nearest to opening."""
    rows = connection.execute(_OF_JOB, {"plan": plan, "job": job}).all()
    if not rows:
        return Breaker(False, 0)
    row = max(rows, key=lambda row: (row.open, row.latched, row.retry_at or _NEVER, _nearness(row)))
    return _breaker(row.dependency, _standing(row))


_NEVER = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _nearness(row: Row[Any]) -> int:
    return max(int(row.failures), str(row.recent).count(_BAD))


def every(connection: Connection) -> tuple[tuple[str, str, Breaker], ...]:
    """Every breaker with plan and job."""
    columns = BREAKERS.c
    rows = connection.execute(select(BREAKERS).order_by(columns.plan, columns.job, columns.dependency))
    return tuple((row.plan, row.job, _breaker(row.dependency, _standing(row))) for row in rows)


def _standing(row: Row[Any] | None) -> _Standing:
    if row is None:
        return _Standing()
    recent = (row.open, row.failures, row.recent, row.reason, row.opened_at, row.retry_at)
    return _Standing(*recent, row.probes, row.cooldown, row.latched)


def _breaker(dependency: str, standing: _Standing) -> Breaker:
    return Breaker(
        open=standing.open,
        failures=standing.failures,
        reason=standing.reason,
        dependency=dependency,
        opened_at=standing.opened_at,
        retry_at=standing.retry_at,
        probes=standing.probes,
        latched=standing.latched,
    )
