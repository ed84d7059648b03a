"""The outbox: messages that wait for their target, under a lock of their own, so that no run waits for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, case, func, insert, or_, select, update

from openbell.stages.outbox import GIVEN_UP, TRIES, Standing, place
from openbell.store import logs
from openbell.store import outbox_reading as reading
from openbell.store.connect import Store
from openbell.store.outbox_tables import DELIVERIES, OUTBOX
from openbell.values.message import Message, MessageState, Noted, Posted, Severity

#: Everything here is written under this lock; on SQLite it is the one lock that there is.
LOCK = "outbox"
_COLUMNS = OUTBOX.c
_RANK = case({level.value: rank for rank, level in enumerate(Severity)}, value=_COLUMNS.level, else_=0)
_OF_MESSAGE = ("source", "target", "plan", "kind", "key", "subject", "body", "created", "expires")
#: Messages that say the same as a new one and could take it in or hold it back.
_NEAREST = 5


@dataclass(frozen=True, slots=True)
class SqlOutbox:
    """``ports.outbox.Outbox`` on a store."""

    store: Store

    def unread(self, plan: str, since: datetime) -> tuple[Noted, ...]:
        """What the logs say that was not read for the plan yet, oldest first."""
        with self.store.reading() as connection:
            if reading.marked(connection, plan):
                return reading.unread(connection, plan)
        with self.store.writing(LOCK) as connection:
            reading.begin(connection, plan, since)
            return reading.unread(connection, plan)

    def put(
        self, plan: str, read: Sequence[Noted], messages: Sequence[Message], window: timedelta, now: datetime
    ) -> int:
        """Keep the messages and note the rows as read, in one transaction."""
        with self.store.writing(LOCK) as connection:
            new = sum(_put(connection, message, window, now) for message in messages)
            reading.mark_read(connection, plan, read)
        return new

    def claim(self, plan: str, target: str, now: datetime, lease: timedelta) -> Posted | None:
        """The try is counted before it is made: a process that dies in it cannot try for ever."""
        query = _due(now).where(_COLUMNS.plan == plan, _COLUMNS.target == target)
        with self.store.reading() as connection:
            if connection.execute(query).first() is None:
                return None
        with self.store.writing(LOCK) as connection:
            row = connection.execute(query).first()
            if row is None:
                return None
            taken = {"tries": row.tries + 1, "claimed_until": now + lease}
            connection.execute(update(OUTBOX).filter_by(id=row.id).values(taken))
            claimed = connection.execute(select(OUTBOX).filter_by(id=row.id)).one()
            return _posted(claimed)

    def settle(self, posted: Posted, state: MessageState, next_try: datetime, said: str, now: datetime) -> None:
        """What came of the try; a later try has the last word on the message."""
        tried = {"message": posted.id, "target": posted.message.target, "attempt": posted.tries}
        after = {"state": state.value, "next_try": next_try, "error": said, "claimed_until": None}
        ours = (_COLUMNS.id == posted.id, _COLUMNS.tries == posted.tries, _COLUMNS.state == MessageState.WAITING.value)
        with self.store.writing(LOCK) as connection:
            logs.add(connection, DELIVERIES, {**tried, "state": state.value, "detail": said, "time": now})
            connection.execute(update(OUTBOX).where(*ours).values(after))

    def give_up(self, now: datetime) -> tuple[Posted, ...]:
        """What waited too long, or whose last try was never answered; a try that is being made is left to its end."""
        over = or_(_COLUMNS.expires <= now, _COLUMNS.tries >= TRIES)
        late = _waiting(now).where(over).order_by(_COLUMNS.created)
        with self.store.reading() as connection:
            if connection.execute(late.limit(1)).first() is None:
                return ()
        with self.store.writing(LOCK) as connection:
            rows = connection.execute(late).all()
            failed = {"state": MessageState.FAILED.value, "error": GIVEN_UP, "claimed_until": None}
            connection.execute(update(OUTBOX).where(_COLUMNS.id.in_([row.id for row in rows])).values(failed))
        return tuple(_posted(row) for row in rows)

    def messages(
        self, state: MessageState | None = None, plan: str | None = None, limit: int = 50
    ) -> tuple[Posted, ...]:
        """Newest first."""
        query = select(OUTBOX).order_by(_COLUMNS.created.desc(), _COLUMNS.id).limit(limit)
        with self.store.reading() as connection:
            return tuple(_posted(row) for row in connection.execute(_of(query, state, plan)))

    def retry(self, ids: Sequence[str], plan: str | None, now: datetime, expires: datetime) -> int:
        """Failed messages wait again, with all their tries."""
        again = {"state": MessageState.WAITING.value, "next_try": now, "tries": 0, "expires": expires}
        failed = update(OUTBOX).where(_COLUMNS.state == MessageState.FAILED.value)
        failed = failed.where(_COLUMNS.id.in_(ids)) if ids else failed
        failed = failed if plan is None else failed.where(_COLUMNS.plan == plan)
        with self.store.writing(LOCK) as connection:
            return int(connection.execute(failed.values({**again, "claimed_until": None})).rowcount)

    def tally(self, plan: str | None = None) -> Mapping[MessageState, int]:
        """How many messages stand where."""
        query = _of(select(_COLUMNS.state, func.count()).group_by(_COLUMNS.state), None, plan)
        with self.store.reading() as connection:
            found = {row[0]: int(row[1]) for row in connection.execute(query)}
        return {state: found.get(state.value, 0) for state in MessageState}


def _put(connection: Connection, message: Message, window: timedelta, now: datetime) -> bool:
    """Insert a message that is new, where its like let it stand."""
    if connection.execute(select(_COLUMNS.id).filter_by(id=message.id)).first():
        return False
    placed = place(_likes(connection, message, window, now), window, now)
    if placed.into:
        counted = {"times": _COLUMNS.times + 1, "last_seen": message.created}
        connection.execute(update(OUTBOX).filter_by(id=placed.into).values(counted))
    placing = {"state": placed.state.value, "next_try": placed.next_try, "merged_into": placed.into}
    connection.execute(insert(OUTBOX), _row(message) | placing)
    return True


def _row(message: Message) -> dict[str, Any]:
    said = {name: getattr(message, name) for name in _OF_MESSAGE}
    fresh = {"tries": 0, "times": 1, "last_seen": message.created, "claimed_until": None, "error": ""}
    return {"id": message.id, "level": message.level.value, **said, **fresh}


def _likes(connection: Connection, message: Message, window: timedelta, now: datetime) -> tuple[Standing, ...]:
    waiting = _COLUMNS.state == MessageState.WAITING.value
    query = (
        select(_COLUMNS.id, _COLUMNS.state, _COLUMNS.tries, _COLUMNS.next_try)
        .where(_COLUMNS.target == message.target, _COLUMNS.key == message.key)
        .where(_COLUMNS.state != MessageState.MERGED.value, or_(waiting, _COLUMNS.next_try > now - window))
        .order_by(_COLUMNS.next_try.desc(), _COLUMNS.id)
        .limit(_NEAREST)
    )
    rows = connection.execute(query)
    return tuple(Standing(row.id, MessageState(row.state), row.tries, row.next_try) for row in rows)


def _waiting(now: datetime) -> Select[Any]:
    """Messages that wait and that nobody is trying to deliver."""
    free = or_(_COLUMNS.claimed_until.is_(None), _COLUMNS.claimed_until <= now)
    return select(OUTBOX).where(_COLUMNS.state == MessageState.WAITING.value, free)


def _due(now: datetime) -> Select[Any]:
    due = _waiting(now).where(_COLUMNS.next_try <= now, _COLUMNS.expires > now, _COLUMNS.tries < TRIES)
    return due.order_by(_RANK.desc(), _COLUMNS.created, _COLUMNS.id).limit(1)


def _of(query: Select[Any], state: MessageState | None, plan: str | None) -> Select[Any]:
    query = query if state is None else query.where(_COLUMNS.state == state.value)
    return query if plan is None else query.where(_COLUMNS.plan == plan)


def _posted(row: Row[Any]) -> Posted:
    fields = {name: getattr(row, name) for name in _OF_MESSAGE}
    return Posted(
        message=Message(level=Severity(row.level), **fields),
        state=MessageState(row.state),
        next_try=row.next_try,
        tries=row.tries,
        times=row.times,
        last_seen=row.last_seen,
        error=row.error,
        merged_into=row.merged_into,
    )
