"""Sealing a record: its rows, its hash, and one transaction that chains it to the record before."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pydantic_core
from sqlalchemy import Connection, Table, bindparam, insert, select, update

from openbell.errors import StoreError
from openbell.store import frames
from openbell.store.connect import Store
from openbell.store.order_tables import POSITIONS
from openbell.store.run_tables import EQUITY_POINTS, FRAMES, RUNS, SIGNALS, STRATEGY_LOOKS, VERDICTS
from openbell.store.texts import to_json, verdict_columns
from openbell.values.bars import Bars
from openbell.values.record import RunRecord
from openbell.values.signal import Signal, Stance

#: What the first record and the first order event follow.
GENESIS = "0" * 64
_SAME = (
    "id",
    "plan",
    "job",
    "slot",
    "planned",
    "session",
    "code",
    "message",
    "clock",
    "as_of",
    "finished",
    "account",
    "equity",
)
_IN_ROWS = {"signals", "verdicts"}
_PARAMETERS = {"sqlite": "qmark", "postgresql": "format"}
# Built once: making a statement costs more than running one of these.
_INSERT_RUN, _INSERT_POINT = insert(RUNS), insert(EQUITY_POINTS)
_BY_ID = select(RUNS.c.sequence, RUNS.c.previous_hash, RUNS.c.hash).where(RUNS.c.id == bindparam("of_id"))
_LAST = select(RUNS.c.sequence, RUNS.c.hash).order_by(RUNS.c.sequence.desc()).limit(1)
_POINTS = EQUITY_POINTS.c
_PEAK = (
    select(_POINTS.peak)
    .where(_POINTS.account == bindparam("of_account"), _POINTS.session <= bindparam("to_session"))
    .order_by(_POINTS.session.desc(), _POINTS.time.desc(), _POINTS.run.desc())
    .limit(1)
)
_MARK = (
    update(POSITIONS)
    .where(POSITIONS.c.account == bindparam("of_account"), POSITIONS.c.symbol == bindparam("of_symbol"))
    .values(mark=bindparam("to_mark"))
)


@dataclass(frozen=True, slots=True)
class Rows:
    """A record as it is stored: body text, and rows of signals and verdicts as the driver takes them.

    A row holds what follows run and position in the table, in the order of its columns.
    """

    body: str
    signals: Sequence[tuple[Any, ...]]
    verdicts: Sequence[tuple[Any, ...]]

    def digest(self) -> str:
        """SHA-256 over the stored texts; nothing is put into another form to be hashed."""
        sha = hashlib.sha256(self.body.encode())
        sha.update(f"\n{to_json(self.signals)}\n".encode())
        sha.update(pydantic_core.to_json([row[:-1] for row in self.verdicts]))
        sha.update(b"\n")
        # JSON holds no bare line break, so the texts cannot run into each other.
        sha.update("\n".join([row[-1] for row in self.verdicts]).encode())
        return sha.hexdigest()


def rows_of(record: RunRecord) -> Rows:
    """The rows that a record is stored as."""
    signals = [_signal_row(signal) for signal in record.signals]
    verdicts = [verdict_columns(verdict) for verdict in record.verdicts]
    return Rows(record.model_dump_json(exclude=_IN_ROWS), signals, verdicts)


def _signal_row(signal: Signal) -> tuple[Any, ...]:
    """No opinion is no number; adding zero makes 0.0 of -0.0, which SQLite does not keep."""
    stance = signal.stance
    target = None if stance is Stance.HOLD else signal.target + 0.0
    return signal.strategy, signal.symbol, stance.value, target, signal.confidence + 0.0, signal.reason


def chain(previous: str, sequence: int, digest: str) -> str:
    """The hash of a link: it covers its content, its place and everything before it."""
    return hashlib.sha256(f"{previous}\n{sequence}\n{digest}".encode()).hexdigest()


def record_hash(record: RunRecord, sequence: int, previous: str) -> str:
    """What the hash of a record must be at its place in the chain."""
    return chain(previous, sequence, rows_of(record).digest())


@dataclass(frozen=True, slots=True)
class Sealable:
    """A record as it is about to be written, with the row of its panel when that is new."""

    record: RunRecord
    rows: Rows
    digest: str
    frame: dict[str, Any] | None


def prepare(store: Store, record: RunRecord, bars: Bars | None) -> Sealable:
    """All that can be done before the write lock is taken."""
    rows = rows_of(record)
    return Sealable(record, rows, rows.digest(), _frame(store, record, bars))


def write(connection: Connection, sealable: Sealable) -> str:
    """Write the record; sealing the same record again changes nothing and returns the same hash."""
    record, frame = sealable.record, sealable.frame
    if sealed := _sealed_before(connection, record, sealable.digest):
        return sealed
    if frame and not frames.known(connection, frame["digest"]):
        connection.execute(insert(FRAMES), frame)
    return _write(connection, record, sealable.rows, sealable.digest)


def _frame(store: Store, record: RunRecord, bars: Bars | None) -> dict[str, Any] | None:
    """The panel's row when it is new."""
    if bars is None or record.data is None:
        return None
    with store.reading() as connection:
        known = frames.known(connection, record.data.digest)
    return None if known else frames.pack(bars, record.data.digest)


def _sealed_before(connection: Connection, record: RunRecord, digest: str) -> str | None:
    """A commit whose answer was lost is found again by the run's id."""
    row = connection.execute(_BY_ID, {"of_id": record.id}).first()
    if row is None:
        return None
    if chain(row.previous_hash, row.sequence, digest) != row.hash:
        raise StoreError(f"run {record.id} is sealed already, with other content")
    return str(row.hash)


def _write(connection: Connection, record: RunRecord, rows: Rows, digest: str) -> str:
    last = connection.execute(_LAST).first()
    sequence, previous = (last.sequence + 1, last.hash) if last else (1, GENESIS)
    sealed = chain(previous, sequence, digest)
    connection.execute(_INSERT_RUN, run_row(record, rows.body, sequence, previous, sealed))
    _write_rows(connection, SIGNALS, sequence, rows.signals)
    _write_rows(connection, VERDICTS, sequence, rows.verdicts)
    if not record.dry_run:
        _write_looks(connection, record, sequence)
        _write_equity(connection, record, sequence)
        _write_marks(connection, record)
    return sealed


def run_row(record: RunRecord, body: str, sequence: int, previous: str, sealed: str) -> dict[str, Any]:
    """The run row of a record at its place in the chain."""
    return {
        **{name: getattr(record, name) for name in _SAME},
        "sequence": sequence,
        "outcome": record.outcome.value,
        "counters": to_json(record.counters),
        "previous_hash": previous,
        "hash": sealed,
        "body": body,
    }


def _write_rows(connection: Connection, table: Table, run: int, rows: Sequence[tuple[Any, ...]]) -> None:
    """Straight to the driver: a thousand rows as dictionaries cost as much in Core as in the database."""
    if rows:
        numbered = [(run, place, *row) for place, row in enumerate(rows)]
        dialect: Any = type(connection.dialect)
        connection.exec_driver_sql(_statement(table, dialect), numbered)


@cache
def _statement(table: Table, dialect: Any) -> str:
    """An insert of whole rows, in the order of the table's columns."""
    return str(insert(table).compile(dialect=dialect(paramstyle=_PARAMETERS[dialect.name])))


def _write_looks(connection: Connection, record: RunRecord, sequence: int) -> None:
    looked = record.inputs.get("looked", ())
    rows = [{"run": sequence, "strategy": name, "plan": record.plan, "planned": record.planned} for name in looked]
    if rows:
        connection.execute(insert(STRATEGY_LOOKS), rows)


def _write_equity(connection: Connection, record: RunRecord, sequence: int) -> None:
    if record.cash is None or record.equity is None:
        return
    peak = connection.execute(_PEAK, {"of_account": record.account, "to_session": record.session}).scalar()
    row = {
        "run": sequence,
        "account": record.account,
        "time": record.as_of,
        "session": record.session,
        "cash": record.cash,
        "equity": record.equity,
        "peak": record.equity if peak is None else max(peak, record.equity),
    }
    connection.execute(_INSERT_POINT, row)


def _write_marks(connection: Connection, record: RunRecord) -> None:
    marks = [
        {"of_account": record.account, "of_symbol": held.symbol, "to_mark": held.mark}
        for held in record.holdings
        if held.mark is not None
    ]
    if marks:
        connection.execute(_MARK, marks)
