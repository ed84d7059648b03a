"""The budget of requests to a venue: what was sent in the last minute, one row for each request.

A row counts for a minute and goes, so that what a process took before it died comes back by itself. Nothing waits for
a disk: a row that a power cut loses is a minute old by the time the machine is up again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select

from openbell.ports.budget import KEPT
from openbell.store.connect import Store
from openbell.store.request_tables import REQUESTS

MINUTE = timedelta(minutes=1)
_OURS = REQUESTS.c.budget == bindparam("name")
# A clock that was set back leaves rows in the future, which would count for as long as it was set back.
_GONE = or_(REQUESTS.c.time <= bindparam("before"), REQUESTS.c.time > bindparam("after"))
_FORGET = delete(REQUESTS).where(_OURS, _GONE)
_SPENT = select(func.coalesce(func.sum(REQUESTS.c.spent), 0), func.min(REQUESTS.c.most)).where(_OURS)
_OLDEST = select(REQUESTS.c.time, REQUESTS.c.spent).where(_OURS).order_by(REQUESTS.c.time)
_ADD = insert(REQUESTS)


@dataclass(slots=True)
class SqlRequestBudget:
    """``ports.budget.RequestBudget`` on a store; ``most`` requests in any ``span``.

    Plans that disagree about ``most`` share the least that any of them, or the venue, named within the span.
    """

    store: Store
    name: str
    most: int
    ticks: Callable[[], float] = time.time
    span: timedelta = MINUTE
    _left: int = field(default=0, init=False)
    _least: int = field(default=0, init=False)

    def take(self, urgent: bool) -> timedelta:
        """One transaction; the sum of all that is granted in any ``span`` is at most ``most``."""
        with self.store.writing(f"requests/{self.name}") as connection:
            now = self.ticks()
            self._least, self._left = self._standing(connection, now)
            free = self._left - (0 if urgent else self._least * KEPT // 100)
            if free > 0:
                self._add(connection, now, 1, self.most)
                self._left -= 1
                return timedelta(0)
            return self._wait(connection, now, 1 - free)

    def told(self, left: int, back: timedelta, most: int | None = None) -> None:
        """A transaction only where the venue knows of less than was left after the last request."""
        told = self.most if most is None else min(most, self.most)
        if left >= self._left and told >= self._least:
            return
        with self.store.writing(f"requests/{self.name}") as connection:
            now = self.ticks()
            before, free = self._standing(connection, now)
            least = min(before, told)
            others = max(free - (before - least) - left, 0)
            if others or least < before:
                self._add(connection, now - max(self.span - back, timedelta(0)).total_seconds(), others, least)

    def _standing(self, connection: Connection, now: float) -> tuple[int, int]:
        """How many there are in all, and how many are left."""
        span = self.span.total_seconds()
        connection.execute(_FORGET, {"name": self.name, "before": now - span, "after": now + span})
        spent, least = connection.execute(_SPENT, {"name": self.name}).one()
        most = min(self.most, least or self.most)
        return most, most - int(spent)

    def _wait(self, connection: Connection, now: float, missing: int) -> timedelta:
        """Until enough of the oldest have left."""
        leaves = now
        for at, spent in connection.execute(_OLDEST, {"name": self.name}):
            leaves, missing = at + self.span.total_seconds(), missing - spent
            if missing <= 0:
                break
        return timedelta(seconds=max(leaves - now, 0.001))

    def _add(self, connection: Connection, at: float, spent: int, most: int) -> None:
        connection.execute(_ADD, {"budget": self.name, "time": at, "spent": spent, "most": most})
