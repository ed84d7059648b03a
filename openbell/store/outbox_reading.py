"""What the store's logs say that was not read for a plan yet: the logs themselves are the list of what to tell."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Row, Select, Table, insert, select, update

from openbell.store.logs import key_of
from openbell.store.outbox_tables import READ_MARKS
from openbell.store.run_tables import RUNS
from openbell.store.watch_tables import ALERTS, BREAKER_EVENTS, BREAKS, SWITCHES
from openbell.values.message import Noted

#: Rows of one log that are read at once.
AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class _Log:
    """A log, the columns that are read of it, and what one of its rows says."""

    table: Table
    time: str
    columns: tuple[str, ...]
    noted: Callable[[Row[Any]], Mapping[str, Any]]
    of_plan: bool = False

    @property
    def key(self) -> Column[Any]:
        return self.table.c[key_of(self.table)]

    def query(self, plan: str) -> Select[Any]:
        columns = (self.table.c[name] for name in dict.fromkeys((self.key.name, self.time, *self.columns)))
        found = select(*columns)
        return found.where(self.table.c.plan == plan) if self.of_plan else found


def _run(row: Row[Any]) -> Mapping[str, Any]:
    counters = json.loads(row.counters)
    said = {"kind": row.job, "subject": row.id, "detail": row.message, "code": row.outcome}
    return {"plan": row.plan, "counters": counters, **said}


def _alert(row: Row[Any]) -> Mapping[str, Any]:
    return {"kind": row.kind, "subject": row.subject, "detail": row.detail}


def _switch(row: Row[Any]) -> Mapping[str, Any]:
    return {"kind": row.level, "subject": "kill switch", "detail": row.reason, "actor": row.actor}


def _breaker(row: Row[Any]) -> Mapping[str, Any]:
    subject = f"{row.dependency} breaker of {row.job}"
    return {"plan": row.plan, "kind": row.what, "subject": subject, "detail": row.reason, "actor": row.actor}


_LOGS = (
    _Log(RUNS, "finished", ("id", "plan", "job", "outcome", "message", "counters"), _run, of_plan=True),
    _Log(ALERTS, "time", ("kind", "subject", "detail"), _alert),
    _Log(BREAKS, "time", ("kind", "subject", "detail"), _alert),
    _Log(SWITCHES, "time", ("level", "actor", "reason"), _switch),
    _Log(BREAKER_EVENTS, "time", ("plan", "job", "dependency", "what", "actor", "reason"), _breaker, of_plan=True),
)


def marked(connection: Connection, plan: str) -> bool:
    """Whether the logs were read for the plan before."""
    return bool(_marks(connection, plan))


def begin(connection: Connection, plan: str, since: datetime) -> None:
    """Let the plan read what was written after ``since``, unless it has begun already."""
    if not marked(connection, plan):
        rows = [{"plan": plan, "log": log.table.name, "position": _before(connection, log, since)} for log in _LOGS]
        connection.execute(insert(READ_MARKS), rows)


def _before(connection: Connection, log: _Log, since: datetime) -> int:
    """Number of the newest row that is not after ``since``, looked for among the newest."""
    newest = connection.execute(select(log.key, log.table.c[log.time]).order_by(log.key.desc()).limit(AT_ONCE)).all()
    old = (number for number, time in newest if time <= since)
    return next(old, newest[-1][0] - 1 if newest else 0)


def unread(connection: Connection, plan: str) -> tuple[Noted, ...]:
    """Oldest first."""
    marks = _marks(connection, plan)
    found = (noted for log in _LOGS for noted in _unread(connection, log, plan, marks[log.table.name]))
    return tuple(sorted(found, key=lambda noted: noted.time))


def _unread(connection: Connection, log: _Log, plan: str, mark: int) -> Iterator[Noted]:
    query = log.query(plan).where(log.key > mark).order_by(log.key).limit(AT_ONCE)
    for row in connection.execute(query):
        yield Noted(log.table.name, getattr(row, log.key.name), getattr(row, log.time), **log.noted(row))


def _marks(connection: Connection, plan: str) -> dict[str, int]:
    return {row.log: row.position for row in connection.execute(select(READ_MARKS).filter_by(plan=plan))}


def mark_read(connection: Connection, plan: str, read: Sequence[Noted]) -> None:
    """Note how far the logs were read; a mark never goes back."""
    highest: dict[str, int] = {}
    for noted in read:
        highest[noted.log] = max(highest.get(noted.log, 0), noted.number)
    marks = READ_MARKS.c
    for log, position in highest.items():
        ours = (marks.plan == plan, marks.log == log, marks.position < position)
        connection.execute(update(READ_MARKS).where(*ours).values(position=position))
