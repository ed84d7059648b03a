"""What alerts did: the log of their steps, where each stands, and what people are told, in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from openbell.ports.alerts import Wording
from openbell.store import incidents, logs, slots
from openbell.store.alert_tables import ALERT_EVENTS, ALERT_STANDINGS
from openbell.store.connect import Store, now
from openbell.store.prepared import change
from openbell.store.watch_tables import ALERTS
from openbell.values.alert import AlertEvent, AlertMessage, AlertStanding, AlertStep
from openbell.values.slot import Slot

#: Nobody has to close what was only meant to be told.
_TOLD_BY, _TOLD = "openbell", "it tells of a price, and nothing is left to be done"
_KEY = ("plan", "alert", "symbol")
Watched = tuple[str, str]


@dataclass(frozen=True, slots=True)
class SqlAlertBook:
    """``ports.alerts.AlertBook`` on a store."""

    store: Store

    def standings(self, plan: str) -> Mapping[str, Mapping[str, AlertStanding]]:
        """By alert, then by symbol."""
        found: dict[str, dict[str, AlertStanding]] = {}
        with self.store.reading() as connection:
            for row in connection.execute(select(ALERT_STANDINGS).filter_by(plan=plan)):
                standing = AlertStanding(row.definition, row.armed, row.since, row.event)
                found.setdefault(row.alert, {})[row.symbol] = standing
        return found

    def apply(self, slot: Slot, fencing: int, events: Sequence[AlertEvent], wording: Wording) -> None:
        """Keep the events that follow what was kept before."""

        def work(connection: Connection) -> None:
            slots.held_open(connection, slot, fencing)
            alerts = sorted({event.alert for event in events})
            numbers, taken = _numbers(connection, slot.plan, alerts), _taken(connection, slot, alerts)
            new = [event for event in events if (event.alert, event.symbol) not in taken]
            new = [event for event in new if numbers.get((event.alert, event.symbol), 0) == event.after]
            if new:
                _keep(connection, slot, new, numbers)
                _tell(connection, wording([event for event in new if event.step is AlertStep.FIRED]))

        self.store.transact(work)

    def kept(self, slot: Slot) -> tuple[AlertEvent, ...]:
        """Oldest first."""
        query = select(ALERT_EVENTS).where(ALERT_EVENTS.c.slot == slot.key).order_by(ALERT_EVENTS.c.number)
        with self.store.reading() as connection:
            return tuple(map(_event, connection.execute(query)))

    def events(self, plan: str | None = None, alert: str | None = None, limit: int = 50) -> tuple[AlertEvent, ...]:
        """Newest first."""
        query = select(ALERT_EVENTS).order_by(ALERT_EVENTS.c.number.desc()).limit(limit)
        query = query if plan is None else query.where(ALERT_EVENTS.c.plan == plan)
        query = query if alert is None else query.where(ALERT_EVENTS.c.alert == alert)
        with self.store.reading() as connection:
            return tuple(map(_event, connection.execute(query)))


def _numbers(connection: Connection, plan: str, alerts: Sequence[str]) -> dict[Watched, int]:
    """The last event of each of these alerts on each symbol."""
    columns = ALERT_STANDINGS.c
    query = select(columns.alert, columns.symbol, columns.event).where(columns.plan == plan, columns.alert.in_(alerts))
    return {(row.alert, row.symbol): row.event for row in connection.execute(query)}


def _taken(connection: Connection, slot: Slot, alerts: Sequence[str]) -> set[Watched]:
    """What has taken its step in the slot."""
    columns = ALERT_EVENTS.c
    query = select(columns.alert, columns.symbol).where(columns.slot == slot.key, columns.alert.in_(alerts))
    return {(row.alert, row.symbol) for row in connection.execute(query)}


def _keep(connection: Connection, slot: Slot, events: Sequence[AlertEvent], numbers: Mapping[Watched, int]) -> None:
    time = now(connection)
    written = logs.add_all(connection, ALERT_EVENTS, [_row(event, slot, time) for event in events])
    rows = [_standing(event, number) for event, number in zip(events, written, strict=True)]
    known = [row for row in rows if (row["alert"], row["symbol"]) in numbers]
    fresh = [row for row in rows if (row["alert"], row["symbol"]) not in numbers]
    if fresh:
        connection.execute(insert(ALERT_STANDINGS), fresh)
    if known:
        moved = [{**row, **{f"of_{name}": row[name] for name in _KEY}} for row in known]
        connection.execute(change(ALERT_STANDINGS, *_KEY), moved)


def _row(event: AlertEvent, slot: Slot, time: datetime) -> dict[str, Any]:
    said = {"definition": event.definition, "step": event.step.value, "detail": event.detail, "at": event.at}
    return {"plan": event.plan, "alert": event.alert, "symbol": event.symbol, "slot": slot.key, "time": time, **said}


def _standing(event: AlertEvent, number: int) -> dict[str, Any]:
    stands = {"definition": event.definition, "armed": event.step is AlertStep.REARMED, "since": event.at}
    return {"plan": event.plan, "alert": event.alert, "symbol": event.symbol, "event": number, **stands}


def _tell(connection: Connection, messages: Sequence[AlertMessage]) -> None:
    """What is told is kept among the alerts, where the outbox reads it, and is closed there at once."""
    for message in messages:
        number = incidents.add(connection, ALERTS, "", message.kind, message.subject, message.detail)
        incidents.close(connection, ALERTS, number, _TOLD_BY, _TOLD)


def _event(row: Row[Any]) -> AlertEvent:
    whose = (row.plan, row.alert, row.symbol, row.definition, AlertStep(row.step), row.at, row.detail)
    return AlertEvent(*whose, number=row.number, slot=row.slot, time=row.time)
