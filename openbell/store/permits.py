"""What people allow a plan to do: the log of their words, and where it leads."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from openbell.errors import StoreError
from openbell.ports.permits import Act, Arming, Standing, Word
from openbell.store import incidents, logs
from openbell.store.connect import Store, now
from openbell.store.permit_tables import PERMITS
from openbell.store.prepared import by
from openbell.store.watch_tables import ALERTS

#: Name of the whole plan among its jobs.
PLAN = ""
_OF_PLAN = by(PERMITS, "plan").order_by(PERMITS.c.number)


@dataclass(frozen=True, slots=True)
class SqlPermits:
    """``ports.permits.Permits`` on a store."""

    store: Store

    def standing(self, plan: str) -> Standing:
        """Where a plan stands."""
        with self.store.reading() as connection:
            return _standing(connection, plan)

    def say(self, word: Word) -> Standing:
        """Keep a word; returns where the plan stands after it."""
        if not word.actor.strip():
            raise StoreError(f"plan {word.plan} cannot be set to {word.act} by nobody: it needs an actor")
        with self.store.writing() as connection:
            logs.add(connection, PERMITS, _columns(word) | {"time": now(connection)})
            return _standing(connection, word.plan)

    def remembered(self, kind: str, subject: str) -> str:
        """What the open alert of that kind and subject says."""
        with self.store.reading() as connection:
            return incidents.said(connection, ALERTS, "", kind, subject)


def _columns(word: Word) -> dict[str, Any]:
    arming = word.arming
    return {
        "plan": word.plan,
        "job": word.job,
        "act": word.act.value,
        "actor": word.actor,
        "reason": word.reason,
        "account": arming.account if arming else "",
        "environment": arming.environment if arming else "",
        "plan_hash": arming.plan if arming else "",
        "build": arming.build if arming else "",
        "expires": arming.expires if arming else None,
    }


def _standing(connection: Connection, plan: str) -> Standing:
    off: dict[str, Word] = {}
    armed: Word | None = None
    for word in map(_word, _rows(connection, plan)):
        if word.act is Act.OFF:
            off[word.job] = word
            armed = armed if word.job else None
        else:
            off.pop(word.job, None)
            armed = word if word.act is Act.ARMED else armed
    return Standing(off, armed)


def _rows(connection: Connection, plan: str) -> Iterable[Row[Any]]:
    return connection.execute(_OF_PLAN, {"plan": plan})


def _word(row: Row[Any]) -> Word:
    armed = row.act == Act.ARMED
    arming = Arming(row.account, row.environment, row.plan_hash, row.expires, row.build) if armed else None
    return Word(row.plan, Act(row.act), row.actor, row.reason, row.job, arming, row.time)
