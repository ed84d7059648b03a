"""The store as a watchdog reads it: a few counts, each by an index, on one view."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, Table, and_, bindparam, func, select

from openbell.ports.health import AccountLook, AlertLook, StoreLook
from openbell.store import breakers, denials
from openbell.store.connect import Store, now
from openbell.store.order_tables import ORDERS, SLOTS
from openbell.store.outbox_tables import OUTBOX
from openbell.store.run_tables import EQUITY_POINTS
from openbell.store.switches import read_switch
from openbell.store.watch_tables import ALERTS, BREAKS, RESOLUTIONS
from openbell.values.orders import OrderState

#: Orders of which nobody knows what the broker made of them.
UNSURE = (OrderState.SENDING.value, OrderState.UNKNOWN.value)
#: What a slot has for its outcome while somebody works on it.
OPEN = "open"
_POINTS = EQUITY_POINTS.c
_NEWEST = (
    select(_POINTS.equity, _POINTS.time)
    .where(_POINTS.account == bindparam("of_account"))
    .order_by(_POINTS.session.desc(), _POINTS.time.desc(), _POINTS.run.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class SqlHealth:
    """``ports.health.Health`` on a store; while ``halt_file`` exists the switch stands at HALTED."""

    store: Store
    halt_file: Path | None = None

    def look(self, since: datetime) -> StoreLook:
        """Everything at once; slots are counted from ``since`` on."""
        with self.store.reading() as connection:
            return StoreLook(
                switch=read_switch(connection, self.halt_file),
                accounts=tuple(_accounts(connection)),
                alerts=tuple(_alerts(connection)),
                breakers=breakers.every(connection),
                outcomes=_outcomes(connection, since),
                messages=_counts(connection, OUTBOX.c.state),
                expired=_expired(connection),
            )


def _accounts(connection: Connection) -> Iterator[AccountLook]:
    """Every account that ever had an order, an equity point or a break."""
    orders, unsure, broken = _orders(connection), _unsure(connection), _broken(connection)
    for account in sorted({*orders, *broken, *_valued(connection)}):
        point = connection.execute(_NEWEST, {"of_account": account}).first()
        number, since = broken.get(account, (0, None))
        yield AccountLook(
            account=account,
            orders=orders.get(account, {}),
            unknown_since=unsure.get(account),
            breaks=number,
            break_since=since,
            equity=point.equity if point else None,
            equity_at=point.time if point else None,
        )


def _orders(connection: Connection) -> dict[str, dict[str, int]]:
    key = (ORDERS.c.account, ORDERS.c.state)
    found: dict[str, dict[str, int]] = {}
    for account, state, number in connection.execute(select(*key, func.count()).group_by(*key)).tuples():
        found.setdefault(account, {})[state] = int(number)
    for account, number in denials.counted(connection).items():
        of = found.setdefault(account, {})
        of[OrderState.DENIED.value] = of.get(OrderState.DENIED.value, 0) + number
    return found


def _unsure(connection: Connection) -> dict[str, datetime]:
    oldest = select(ORDERS.c.account, func.min(ORDERS.c.updated)).where(ORDERS.c.state.in_(UNSURE))
    return dict(connection.execute(oldest.group_by(ORDERS.c.account)).tuples().all())


def _broken(connection: Connection) -> dict[str, tuple[int, datetime]]:
    open_ones = _still_open(BREAKS, BREAKS.c.account, func.count(), func.min(BREAKS.c.time))
    rows = connection.execute(open_ones.group_by(BREAKS.c.account)).tuples()
    return {account: (int(number), since) for account, number, since in rows}


def _valued(connection: Connection) -> Iterator[str]:
    """Accounts with an equity point, one step of an index for each."""
    name = connection.execute(select(func.min(_POINTS.account))).scalar()
    while name is not None:
        yield name
        name = connection.execute(select(func.min(_POINTS.account)).where(_POINTS.account > name)).scalar()


def _alerts(connection: Connection) -> Iterator[AlertLook]:
    columns = ALERTS.c
    oldest = _still_open(ALERTS, columns.kind, func.count().label("number"), func.min(columns.number).label("first"))
    for kind, number, first in connection.execute(oldest.group_by(columns.kind).order_by(columns.kind)).tuples().all():
        row = connection.execute(select(columns.time, columns.subject, columns.detail).filter_by(number=first)).one()
        yield AlertLook(kind, int(number), row.time, row.subject, row.detail)


def _still_open(log: Table, *columns: Any) -> Select[Any]:
    closing = and_(RESOLUTIONS.c.log == log.name, RESOLUTIONS.c.closes == log.c.number)
    rows = select(*columns).select_from(log.join(RESOLUTIONS, closing, isouter=True))
    return rows.where(RESOLUTIONS.c.number.is_(None))


def _outcomes(connection: Connection, since: datetime) -> dict[tuple[str, str, str], int]:
    key = (SLOTS.c.plan, SLOTS.c.job, SLOTS.c.outcome)
    found: dict[tuple[str, str, str], int] = {}
    for plan in connection.execute(select(SLOTS.c.plan).distinct()).scalars().all():
        counted = select(*key, func.count()).where(SLOTS.c.plan == plan, SLOTS.c.planned >= since).group_by(*key)
        for of_plan, job, outcome, number in connection.execute(counted).tuples():
            found[of_plan, job, outcome or OPEN] = int(number)
    return found


def _counts(connection: Connection, column: Any) -> dict[str, int]:
    return {name: int(number) for name, number in connection.execute(select(column, func.count()).group_by(column))}


def _expired(connection: Connection) -> int:
    held = select(func.count()).where(SLOTS.c.outcome.is_(None), SLOTS.c.lease_until < now(connection))
    return int(connection.execute(held).scalar_one())
