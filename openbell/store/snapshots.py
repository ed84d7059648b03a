"""Snapshots of accounts, one for each session, and what they are made of."""

import json
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, func, select

from openbell.ports.snapshots import Figures
from openbell.store import breaks, logs
from openbell.store.connect import Store
from openbell.store.desk_tables import ADJUSTMENTS, SNAPSHOTS
from openbell.store.order_tables import BUSTS, FILLS, POSITIONS
from openbell.store.prepared import by
from openbell.values.breaks import Cause
from openbell.values.money import ZERO, text
from openbell.values.snapshot import Marked, Snapshot

_PLAIN = tuple(field.name for field in fields(Snapshot) if field.name != "holdings")


@dataclass(frozen=True, slots=True)
class SqlSnapshotBook:
    """``ports.snapshots.SnapshotBook`` on a store."""

    store: Store

    def of(self, account: str, session: date) -> Snapshot | None:
        """The snapshot of a session, if it was taken."""
        with self.store.reading() as connection:
            row = _row(connection, account, session)
        return None if row is None else _snapshot(row)

    def figures(self, account: str, session: date) -> Figures:
        """What a snapshot of the session is made of."""
        with self.store.reading() as connection:
            before = _before(connection, account, session)
            adjusted = _adjusted(connection, account, before.adjustment if before else 0)
            unexplained = _unexplained(connection, account)
            return Figures(
                previous=_snapshot(before) if before else None,
                realized=_sum(connection, select(POSITIONS.c.realized).where(POSITIONS.c.account == account)),
                fees=_sum(connection, select(FILLS.c.fee).where(FILLS.c.account == account, _kept(account))),
                activity=sum((row.cash for row in adjusted if row.activity), ZERO),
                flows=sum((row.flow for row in adjusted), ZERO)
                + unexplained
                - (before.unexplained if before else ZERO),
                unexplained=unexplained,
                adjustment=connection.execute(select(func.max(ADJUSTMENTS.c.number))).scalar() or 0,
            )

    def keep(self, snapshot: Snapshot, figures: Figures) -> Snapshot:
        """Keep a snapshot; the first of its account and session wins."""
        with self.store.writing() as connection:
            if (known := _row(connection, snapshot.account, snapshot.session)) is not None:
                return _snapshot(known)
            before = _before(connection, snapshot.account, snapshot.session)
            row = {name: getattr(snapshot, name) for name in _PLAIN}
            row |= {"previous": before.number if before else 0, "adjustment": figures.adjustment}
            logs.add(connection, SNAPSHOTS, {**row, "holdings": _holdings_text(snapshot.holdings)})
        return snapshot

    def snapshots(self, account: str, limit: int = 500) -> tuple[Snapshot, ...]:
        """Oldest first, the last ``limit`` sessions."""
        query = select(SNAPSHOTS).where(SNAPSHOTS.c.account == account).order_by(SNAPSHOTS.c.session.desc())
        with self.store.reading() as connection:
            rows = connection.execute(query.limit(limit)).all()
        return tuple(_snapshot(row) for row in reversed(rows))


def _row(connection: Connection, account: str, session: date) -> Row[Any] | None:
    of = {"account": account, "session": session}
    return connection.execute(by(SNAPSHOTS, "account", "session"), of).first()


def _before(connection: Connection, account: str, session: date) -> Row[Any] | None:
    earlier = select(SNAPSHOTS).where(SNAPSHOTS.c.account == account, SNAPSHOTS.c.session < session)
    return connection.execute(earlier.order_by(SNAPSHOTS.c.session.desc()).limit(1)).first()


def _adjusted(connection: Connection, account: str, since: int) -> list[Row[Any]]:
    query = select(ADJUSTMENTS).where(ADJUSTMENTS.c.account == account, ADJUSTMENTS.c.number > since)
    return list(connection.execute(query))


def _unexplained(connection: Connection, account: str) -> Decimal:
    """Cash that came or went, and of which nobody has said yet what it was."""
    found = (one.cash or ZERO for one in breaks.open_breaks(connection, account) if one.kind == Cause.CASH)
    return sum(found, ZERO)


def _kept(account: str) -> Any:
    return FILLS.c.id.not_in(select(BUSTS.c.fill).where(BUSTS.c.account == account))


def _sum(connection: Connection, query: Any) -> Decimal:
    return sum(connection.execute(query).scalars(), ZERO)


def _holdings_text(holdings: tuple[Marked, ...]) -> str:
    rows = [[one.symbol, *map(text, (one.quantity, one.average_price, one.mark))] for one in holdings]
    return json.dumps(rows, separators=(",", ":"))


def holdings_of(body: str) -> tuple[Marked, ...]:
    """The positions behind a stored text."""
    return tuple(Marked(symbol, *map(Decimal, amounts)) for symbol, *amounts in json.loads(body))


def _snapshot(row: Row[Any]) -> Snapshot:
    return Snapshot(**{name: getattr(row, name) for name in _PLAIN}, holdings=holdings_of(row.holdings))
