"""Alerts and breaks: each counts once while it is open, and stays as it was written when it is closed."""

from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, and_, select

from openbell.errors import StoreError
from openbell.ports import Incident
from openbell.store import logs
from openbell.store.connect import now
from openbell.store.prepared import by
from openbell.store.watch_tables import RESOLUTIONS

_CLOSED = by(RESOLUTIONS, "log", "closes")


def raise_once(connection: Connection, log: Table, account: str, kind: str, subject: str, detail: str) -> None:
    """Append to a log unless the same is open there."""
    if _open(connection, log, account, kind, subject) is None:
        add(connection, log, account, kind, subject, detail)


def add(connection: Connection, log: Table, account: str, kind: str, subject: str, detail: str) -> int:
    """Append to a log whatever is open there; returns the number."""
    said = {"account": account, "kind": kind, "subject": subject, "detail": detail, "time": now(connection)}
    return logs.add(connection, log, said)


def said(connection: Connection, log: Table, account: str, kind: str, subject: str) -> str:
    """What is written of that kind and subject while it is open, empty for nothing."""
    number = _open(connection, log, account, kind, subject)
    return "" if number is None else str(connection.execute(select(log.c.detail).filter_by(number=number)).scalar())


def _open(connection: Connection, log: Table, account: str, kind: str, subject: str) -> int | None:
    about = {"kind": kind, "subject": subject, "account": account}
    number: int | None = connection.execute(_newest_about(log), about).scalar()
    if number is None or connection.execute(_CLOSED, {"log": log.name, "closes": number}).first():
        return None
    return number


@lru_cache(maxsize=4)
def _newest_about(log: Table) -> Select[Any]:
    """Made once: each run of a job that adds risk asks."""
    about = by(log, "kind", "subject", "account").with_only_columns(log.c.number)
    return about.order_by(log.c.number.desc()).limit(1)


def close(connection: Connection, log: Table, number: int, actor: str, reason: str) -> None:
    """Close one; closing it again changes nothing."""
    if not (actor.strip() and reason.strip()):
        raise StoreError(f"to close row {number} of {log.name} needs an actor and a reason")
    if connection.execute(select(log.c.number).where(log.c.number == number)).first() is None:
        raise StoreError(f"there is no row {number} in {log.name}")
    row = {"log": log.name, "closes": number}
    if connection.execute(select(RESOLUTIONS.c.number).filter_by(**row)).first() is None:
        logs.add(connection, RESOLUTIONS, {**row, "actor": actor, "reason": reason, "time": now(connection)})


def listed(connection: Connection, log: Table, open_only: bool, limit: int) -> tuple[Incident, ...]:
    """Newest first."""
    return tuple(_incident(row) for row in connection.execute(_newest(log, open_only, limit)))


@lru_cache(maxsize=16)
def _newest(log: Table, open_only: bool, limit: int) -> Select[Any]:
    closing = and_(RESOLUTIONS.c.log == log.name, RESOLUTIONS.c.closes == log.c.number)
    end = (RESOLUTIONS.c.time.label("closed"), RESOLUTIONS.c.actor, RESOLUTIONS.c.reason)
    query = select(log, *end).join(RESOLUTIONS, closing, isouter=True).order_by(log.c.number.desc()).limit(limit)
    return query.where(RESOLUTIONS.c.number.is_(None)) if open_only else query


def _incident(row: Row[Any]) -> Incident:
    return Incident(
        number=row.number,
        kind=row.kind,
        subject=row.subject,
        detail=row.detail,
        time=row.time,
        account=row.account,
        closed=row.closed,
        closed_by=row.actor or "",
        closed_why=row.reason or "",
    )
