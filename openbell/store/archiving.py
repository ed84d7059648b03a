"""Moving whole months of sealed records to files. Nothing is deleted that was not read back from its file first.

Three steps for each month, and a death between or inside any of them loses nothing:

1. The rows are written to files under a temporary name, read back, and the chain of records is computed from them.
2. One transaction notes in the log ``archives`` what the files hold. From then on the month is archived.
3. The rows are deleted a few at a time, so that no run waits; triggers let only those go that the log covers.

What later runs lean on stays in the store as well: the newest record of each job, the newest equity point of each
account, and the newest look of each strategy.
"""

import json
import socket
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, delete, func, insert, select

from openbell.errors import StoreError
from openbell.store import archive_files as files
from openbell.store import logs
from openbell.store.archive_proof import prove
from openbell.store.archive_tables import ARCHIVED_FRAMES, ARCHIVES
from openbell.store.audit import raw, streamed
from openbell.store.connect import Store, now
from openbell.store.order_tables import SLOTS
from openbell.store.run_tables import EQUITY_POINTS, FRAMES, RUNS, SIGNALS, STRATEGY_LOOKS, VERDICTS
from openbell.store.sealing import GENESIS

#: Records that one transaction deletes.
AT_ONCE = 500
#: Rows of a record go before it does.
_PARTS = (SIGNALS, VERDICTS, EQUITY_POINTS, STRATEGY_LOOKS)


@dataclass(frozen=True, slots=True)
class Part:
    """The records of one month that are still in the store alone."""

    month: str
    first: int
    last: int

    @property
    def runs(self) -> int:
        """How many."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Step:
    """One step that was done: ``written``, ``archived`` or ``deleted``, and of how many records."""

    month: str
    what: str
    runs: int


def parts(store: Store, before: datetime) -> tuple[Part, ...]:
    """The months to archive, oldest first: whole ones before an instant, which is the first of a month in UTC."""
    found: dict[str, Part] = {}
    with store.reading() as connection:
        last, month = _archived(connection), ""
        ended = select(RUNS.c.sequence, RUNS.c.finished).where(RUNS.c.sequence > last).order_by(RUNS.c.sequence)
        with connection.execute(ended.execution_options(yield_per=5000)) as rows:
            for sequence, finished in takewhile(lambda row: row.finished < before, rows):
                # One that was sealed after a run of the next month stays with that: the chain is cut in one place.
                month = max(month, f"{finished:%Y-%m}")
                first = found[month].first if month in found else sequence
                found[month] = Part(month, first, sequence)
    return tuple(found.values())


def check_settled(store: Store, before: datetime) -> None:
    """StoreError while a slot of the time before has no outcome: its record is not sealed yet."""
    still = select(SLOTS.c.key, SLOTS.c.plan).where(SLOTS.c.outcome.is_(None), SLOTS.c.planned < before).limit(1)
    with store.reading() as connection:
        row = connection.execute(still).first()
    if row is not None:
        raise StoreError(f"slot {row.key} has no outcome yet, so nothing is archived: `openbell recover {row.plan}`")


def archiving(store: Store, folder: Path, before: datetime) -> Iterator[Step]:
    """Archive what ``parts`` says, step by step; first what an archiver that died left to delete is deleted."""
    check_settled(store, before)
    with files.alone(folder):
        yield from _deleting(store, "")
        for part in parts(store, before):
            month, seen = _write(store, folder, part)
            yield Step(part.month, "written", part.runs)
            with store.writing() as connection:
                _note(connection, month, folder, seen)
            yield Step(part.month, "archived", part.runs)
            yield from _deleting(store, part.month)


# --- to the files --------------------------------------------------------------------------------------------


def _write(store: Store, folder: Path, part: Part) -> tuple[files.Month, int]:
    """The month under its name, proved, and the newest record that its panels were compared with."""
    final, fresh = folder / part.month, folder / f".{part.month}"
    files.begin(fresh)
    with store.snapshot() as connection:
        seen = int(connection.execute(select(func.max(RUNS.c.sequence))).scalar_one())
        panels = _panels(connection, part, seen)
        written = {}
        for table in (RUNS, *_PARTS):
            written[files.file_name(table)] = files.write(fresh, table, _rows(connection, table, part))
        written[files.file_name(FRAMES)] = files.write(fresh, FRAMES, _frames(connection, panels))
        month = _month(connection, part, written)
    prove(fresh, month)
    _check_replaced(final, month)
    files.finish(fresh, month, final)
    return month, seen


def _check_replaced(final: Path, month: files.Month) -> None:
    """Files that were left by an archiver that died hold the same; anything else is the only copy that there is."""
    if final.exists() and files.read_month(final).head != month.head:
        raise StoreError(f"{final} holds other records than the store, which may be a restored backup: move it away")


def _month(connection: Connection, part: Part, written: dict[str, dict[str, Any]]) -> files.Month:
    hashes = select(RUNS.c.sequence, RUNS.c.previous_hash, RUNS.c.hash)
    ends = {row.sequence: row for row in connection.execute(hashes.where(RUNS.c.sequence.in_([part.first, part.last])))}
    before = ends[part.first].previous_hash if part.first > 1 else GENESIS
    return files.Month(part.month, part.first, part.last, part.runs, before, ends[part.last].hash, written)


def _rows(connection: Connection, table: Table, part: Part) -> Iterator[Any]:
    order = [table.c[name] for name in files.ORDER[table]]
    query = select(*raw(table)).where(order[0].between(part.first, part.last)).order_by(*order)
    return streamed(connection, query)


def _frames(connection: Connection, digests: Collection[str]) -> Iterator[Any]:
    for digest in sorted(digests):
        yield from connection.execute(select(*raw(FRAMES)).where(FRAMES.c.digest == digest))


def _panels(connection: Connection, part: Part, seen: int) -> set[str]:
    """Digests of stored panels that records of the part decided on and no later record did."""
    later = _digests(connection, part.last + 1, seen) | _digests_of(connection, _leant_on(connection))
    ours = _digests(connection, part.first, part.last) - later
    archived = set(connection.execute(select(ARCHIVED_FRAMES.c.digest)).scalars())
    return {digest for digest in ours - archived if _stored(connection, digest)}


def _stored(connection: Connection, digest: str) -> bool:
    return connection.execute(select(FRAMES.c.digest).where(FRAMES.c.digest == digest)).first() is not None


def _digests(connection: Connection, first: int, last: int) -> set[str]:
    bodies = select(RUNS.c.body).where(RUNS.c.sequence.between(first, last), RUNS.c.body.contains('"data":{'))
    return {found for row in streamed(connection, bodies) if (found := _digest(row.body))}


def _digests_of(connection: Connection, kept: Collection[int]) -> set[str]:
    bodies = connection.execute(select(RUNS.c.body).where(RUNS.c.sequence.in_(kept))).scalars()
    return {found for body in bodies if (found := _digest(body))}


def _digest(body: str) -> str:
    """The panel that a record decided on, empty for none."""
    return str((json.loads(body).get("data") or {}).get("digest", ""))


# --- into the log --------------------------------------------------------------------------------------------


def _note(connection: Connection, month: files.Month, folder: Path, seen: int) -> None:
    if _archived(connection) != month.first - 1:
        raise StoreError(f"another archiver was faster with {month.month}; its files are the ones that count")
    row = {
        "month": month.month,
        "first": month.first,
        "last": month.last,
        "runs": month.runs,
        "head": month.head,
        "digest": month.digest,
        "host": socket.gethostname(),
        "time": now(connection),
    }
    number = logs.add(connection, ARCHIVES, row)
    # A record that was sealed meanwhile may have decided on one of the panels again: it stays in the store too.
    again = _digests(connection, seen + 1, 2**62)
    moved = [frame.digest for frame in files.rows(folder / month.month, FRAMES)]
    if moved:
        connection.execute(insert(ARCHIVED_FRAMES), [{"digest": digest, "archive": number} for digest in moved])
        gone = delete(FRAMES).where(FRAMES.c.digest.in_([digest for digest in moved if digest not in again]))
        connection.execute(gone)


def _archived(connection: Connection) -> int:
    """The newest record that is archived, 0 for none."""
    return int(connection.execute(select(func.max(ARCHIVES.c.last))).scalar() or 0)


# --- out of the store ----------------------------------------------------------------------------------------


def _deleting(store: Store, month: str) -> Iterator[Step]:
    """Delete what is archived, a few records in each transaction; nothing is told where there was nothing."""
    deleted = 0
    with store.reading() as connection:
        kept = _leant_on(connection)
    while True:
        with store.writing() as connection:
            old = select(RUNS.c.sequence).where(RUNS.c.sequence <= _archived(connection), RUNS.c.sequence.not_in(kept))
            chosen = connection.execute(old.order_by(RUNS.c.sequence).limit(AT_ONCE)).scalars().all()
            if not chosen:
                break
            for table in _PARTS:
                connection.execute(delete(table).where(table.c.run.in_(chosen)))
            connection.execute(delete(RUNS).where(RUNS.c.sequence.in_(chosen)))
        deleted += len(chosen)
        yield Step(month, "deleted", deleted)


def _leant_on(connection: Connection) -> list[int]:
    """Records that stay although they are archived; see above."""
    found = {connection.execute(select(func.max(RUNS.c.sequence))).scalar()}
    pairs = select(SLOTS.c.plan, SLOTS.c.job).distinct()
    for plan, job in connection.execute(pairs).tuples().all():
        of_job = select(func.max(RUNS.c.sequence)).where(RUNS.c.plan == plan, RUNS.c.job == job)
        found.add(connection.execute(of_job).scalar())
    points, looks = EQUITY_POINTS.c, STRATEGY_LOOKS.c
    for account in connection.execute(select(points.account).distinct()).scalars().all():
        newest = select(points.run).where(points.account == account)
        newest = newest.order_by(points.session.desc(), points.time.desc(), points.run.desc()).limit(1)
        found.add(connection.execute(newest).scalar())
    for plan, strategy, planned in connection.execute(
        select(looks.plan, looks.strategy, func.max(looks.planned)).group_by(looks.plan, looks.strategy)
    ).all():
        found.update(
            connection.execute(select(looks.run).filter_by(plan=plan, strategy=strategy, planned=planned)).scalars()
        )
    return sorted(number for number in found if number is not None)


def utc_month(month: str) -> datetime:
    """The first instant of a month such as ``2026-03``."""
    return datetime.fromisoformat(f"{month}-01").replace(tzinfo=UTC)
