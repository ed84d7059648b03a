"""The store as people and machines read it: keyset pages, no counting, nothing written."""

import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter, itemgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, select

from openbell.errors import InputError
from openbell.ports import EquityPoint, Incident, OrderRow, PositionRow, RunSummary
from openbell.store import denials, frames, incidents, records
from openbell.store.archive_tables import ARCHIVES
from openbell.store.connect import Store
from openbell.store.order_tables import BOOKS, FILLS, ORDERS, POSITIONS
from openbell.store.prepared import by
from openbell.store.records import SHORTEST_PREFIX
from openbell.store.run_tables import EQUITY_POINTS, RUNS
from openbell.store.texts import fill_of
from openbell.store.watch_tables import ALERTS, BREAKS
from openbell.values.bars import Bars
from openbell.values.orders import Fill, OrderState
from openbell.values.record import Outcome, RunRecord

_FILLS = select(FILLS).order_by(FILLS.c.sequence.desc()).limit(bindparam("at_most"))
_FILLS_OF = _FILLS.where(FILLS.c.account == bindparam("of_account"))
_SUMMARY = (
    "id",
    "plan",
    "job",
    "slot",
    "planned",
    "session",
    "outcome",
    "code",
    "message",
    "clock",
    "as_of",
    "finished",
    "equity",
    "counters",
)


@dataclass(frozen=True, slots=True)
class SqlHistory:
    """``ports.History`` on a store; records that were moved to the folder ``archive`` are read from there."""

    store: Store
    archive: Path | None = None

    def runs(
        self,
        plan: str | None = None,
        limit: int = 50,
        before: str | None = None,
        outcome: str | None = None,
        job: str | None = None,
    ) -> tuple[RunSummary, ...]:
        """Newest sealed first; InputError when there is no run ``before``."""
        query = select(*(RUNS.c[name] for name in _SUMMARY)).order_by(RUNS.c.sequence.desc()).limit(limit)
        query = query if plan is None else query.where(RUNS.c.plan == plan)
        query = query if outcome is None else query.where(RUNS.c.outcome == outcome)
        query = query if job is None else query.where(RUNS.c.job == job)
        with self.store.reading() as connection:
            if before is not None:
                query = query.where(RUNS.c.sequence < _sequence(connection, before))
            return tuple(_summary(row) for row in connection.execute(query))

    def run(self, id_or_slot: str) -> RunRecord | None:
        """One sealed record by id, by a unique beginning of at least 8 characters, or by slot key."""
        find = records.newest_of_slot if "/" in id_or_slot else records.beginning_with
        with self.store.reading() as connection:
            row = find(connection, id_or_slot)
            return self._archived(connection, id_or_slot) if row is None else records.read(connection, row)

    def sealed(self, run_id: str) -> RunRecord | None:
        """The sealed record of the run with exactly this id."""
        with self.store.reading() as connection:
            row = records.of_run(connection, run_id)
            return None if row is None else records.read(connection, row)

    def bars(self, digest: str) -> Bars | None:
        """The stored panel behind a record; StoreError when its bytes have changed."""
        with self.store.reading() as connection:
            found = frames.load(connection, digest)
            if found is None and self.archive is not None:
                found = _reading().find_bars(connection, _reading().open_archive(connection, self.archive), digest)
            return found

    def _archived(self, connection: Connection, id_or_slot: str) -> RunRecord | None:
        if self.archive is None:
            return None
        there = _reading().open_archive(connection, self.archive)
        found: RunRecord | None = _reading().find_record(there, id_or_slot, SHORTEST_PREFIX)
        return found

    def archived_runs(
        self, equal: Mapping[str, str], limit: int = 50, before: str | None = None
    ) -> tuple[RunSummary, ...]:
        """Archived runs, newest first, where columns such as ``plan`` have these values."""
        with self.store.reading() as connection:
            there = _reading().open_archive(connection, self.archive or Path())
        rows = _reading().summaries(there, _SUMMARY, dict(equal), limit, before)
        return tuple(_summary(SimpleNamespace(**row)) for row in rows)

    def order(self, client_id: str) -> OrderRow | None:
        """One order as it stands now, None when nothing was ever to be sent under the id."""
        with self.store.reading() as connection:
            row = connection.execute(by(ORDERS, "client_id"), {"client_id": client_id}).first()
        return None if row is None else _order(row)

    def orders(self, plan: str | None = None, limit: int = 50, open_only: bool = False) -> tuple[OrderRow, ...]:
        """Newest first; open are those that the broker has or may have."""
        query = select(ORDERS).order_by(ORDERS.c.number.desc()).limit(limit)
        query = query if plan is None else query.where(ORDERS.c.plan == plan)
        query = query.where(ORDERS.c.working) if open_only else query
        with self.store.reading() as connection:
            found = [(int(row.number), _order(row)) for row in connection.execute(query)]
            if not open_only:
                found += denials.listed(connection, plan, limit, found[-1][0] if len(found) == limit else 0)
        found.sort(key=itemgetter(0), reverse=True)
        return tuple(order for _, order in found[:limit])

    def fills(self, account: str | None = None, limit: int = 50) -> tuple[Fill, ...]:
        """Newest recorded first."""
        query = _FILLS if account is None else _FILLS_OF
        with self.store.reading() as connection:
            return tuple(fill_of(row) for row in connection.execute(query, {"of_account": account, "at_most": limit}))

    def positions(self, account: str | None = None) -> tuple[PositionRow, ...]:
        """Positions that are not zero, by account and symbol."""
        with self.store.reading() as connection:
            parts = _parts(connection, account)
            rows = connection.execute(_of(select(POSITIONS), POSITIONS.c.account, account)).all()
        return tuple(
            PositionRow(
                account=row.account,
                symbol=row.symbol,
                quantity=row.quantity,
                average_price=row.average_price,
                realized=row.realized,
                mark=row.mark,
                strategies=parts.get((row.account, row.symbol), {}),
            )
            for row in sorted(rows, key=lambda row: (row.account, row.symbol))
            if row.quantity
        )

    def equity(self, account: str, limit: int = 500) -> tuple[EquityPoint, ...]:
        """Oldest first, the last ``limit`` points, archived ones too; none before a month that lies elsewhere."""
        points = EQUITY_POINTS.c
        query = (
            select(points.run, points.time, points.session, points.cash, points.equity)
            .where(points.account == account)
            .order_by(points.session.desc(), points.time.desc(), points.run.desc())
            .limit(limit)
        )
        with self.store.reading() as connection:
            rows: Sequence[Any] = connection.execute(query).all()
            # The newest point of an account always stays in the store: without one there is none, and one is enough.
            if self.archive is not None and rows and limit > 1 and _older(connection, rows, limit):
                there = _reading().open_archive(connection, self.archive)
                rows = _newest(rows, _reading().equity_points(there, account, limit), limit)
        return tuple(EquityPoint(row.time, row.session, row.cash, row.equity) for row in reversed(rows))

    def elsewhere(self) -> str:
        """Which archived months do not lie in the archive here, in words; empty where none is missing."""
        with self.store.reading() as connection:
            if self.archive is None or not _last_archived(connection):
                return ""
            return str(_reading().open_archive(connection, self.archive).elsewhere())

    def alerts(self, open_only: bool = True, limit: int = 50) -> tuple[Incident, ...]:
        """Newest first."""
        with self.store.reading() as connection:
            return incidents.listed(connection, ALERTS, open_only, limit)

    def breaks(self, open_only: bool = True, limit: int = 50) -> tuple[Incident, ...]:
        """Newest first."""
        with self.store.reading() as connection:
            return incidents.listed(connection, BREAKS, open_only, limit)


def _last_archived(connection: Connection) -> int:
    """The newest record that was archived, 0 for none."""
    return connection.execute(select(func.max(ARCHIVES.c.last))).scalar() or 0


def _older(connection: Connection, rows: Sequence[Any], limit: int) -> bool:
    """Whether archived points may belong to the last ``limit``: the store has fewer, or some that stayed behind."""
    last = _last_archived(connection)
    return last > 0 and (len(rows) < limit or any(row.run <= last for row in rows))


def _newest(stored: Sequence[Any], archived: Sequence[Any], limit: int) -> list[Any]:
    """The last points of both, newest first; what is in both is taken from the store."""
    points = {row.run: row for row in (*archived, *stored)}.values()
    return sorted(points, key=attrgetter("session", "time", "run"), reverse=True)[:limit]


def _reading() -> Any:
    """By path, because the reader of files takes a quarter of a second to import and few ask for what is archived."""
    return importlib.import_module("openbell.store.archive_reading")


def _sequence(connection: Connection, run_id: str) -> int:
    found = connection.execute(select(RUNS.c.sequence).where(RUNS.c.id == run_id)).scalar()
    if found is None:
        raise InputError(f"there is no run {run_id!r} to page back from")
    return int(found)


def _summary(row: Any) -> RunSummary:
    fields = {name: getattr(row, name) for name in _SUMMARY}
    return RunSummary(**fields | {"outcome": Outcome(row.outcome), "counters": json.loads(row.counters)})


def _order(row: Row[Any]) -> OrderRow:
    return OrderRow(
        client_id=row.client_id,
        run_id=row.run_id,
        plan=row.plan,
        slot=row.slot,
        symbol=row.symbol,
        side=row.side,
        quantity=row.quantity,
        purpose=row.purpose,
        state=OrderState(row.state),
        filled=row.filled,
        average_price=row.cost / row.filled if row.filled else None,
        detail=row.detail,
        updated=row.updated,
    )


def _parts(connection: Connection, account: str | None) -> Mapping[tuple[str, str], Mapping[str, Decimal]]:
    """Quantity by strategy of each (account, symbol), summed over plans."""
    found: dict[tuple[str, str], dict[str, Decimal]] = {}
    for row in connection.execute(_of(select(BOOKS), BOOKS.c.account, account)):
        parts = found.setdefault((row.account, row.symbol), {})
        parts[row.strategy] = parts.get(row.strategy, Decimal(0)) + row.quantity
    return {key: {name: part for name, part in sorted(parts.items()) if part} for key, parts in found.items()}


def _of(query: Select[Any], column: Any, account: str | None) -> Select[Any]:
    return query if account is None else query.where(column == account)
