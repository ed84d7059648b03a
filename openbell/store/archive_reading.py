"""Records that were moved to the archive, read back: one by one for people, all of them for an audit."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.compute as pc
from sqlalchemy import Connection, Table, inspect, select

from openbell.errors import InputError, StoreError
from openbell.store import archive_files as files
from openbell.store import frames
from openbell.store.archive_tables import ARCHIVED_FRAMES, ARCHIVES
from openbell.store.audit import Check, amount, instant
from openbell.store.run_tables import EQUITY_POINTS, FRAMES, RUNS, SIGNALS, VERDICTS
from openbell.store.texts import rulings_of
from openbell.values.bars import Bars
from openbell.values.record import RunRecord
from openbell.values.signal import Signal
from openbell.values.verdict import Decision, Verdict


@dataclass(frozen=True, slots=True)
class Archive:
    """The months that the store's log names, oldest first, and the folder that they lie in."""

    folder: Path
    months: tuple[Any, ...]

    def month(self, row: Any) -> Path:
        """The folder of a month."""
        return self.folder / str(row.month)

    def here(self) -> list[Any]:
        """The months that lie here, newest first; those of another host do not."""
        return [row for row in reversed(self.months) if self.month(row).is_dir()]

    def elsewhere(self) -> str:
        """Where the others lie, in words; empty when all are here."""
        gone = [f"{row.month} (written on {row.host})" for row in self.months if not self.month(row).is_dir()]
        return f"; not in {self.folder}: {', '.join(gone)}" if gone else ""


def open_archive(connection: Connection, folder: Path) -> Archive:
    """The archive as the store knows it; a store of an older schema has none."""
    if not inspect(connection).has_table(ARCHIVES.name):
        return Archive(folder, ())
    return Archive(folder, tuple(connection.execute(select(ARCHIVES).order_by(ARCHIVES.c.number)).all()))


# --- one by one ----------------------------------------------------------------------------------------------


def find_record(archive: Archive, id_or_slot: str, shortest: int) -> RunRecord | None:
    """One archived record by id, a unique beginning of it, or slot; StoreError when it may lie on another host."""
    for month in archive.here():
        folder = archive.month(month)
        found = files.find(folder, RUNS, ("sequence", "id"), _condition(id_or_slot, shortest))
        if len({row["id"] for row in found}) > 1 and "/" not in id_or_slot:
            raise InputError(f"{id_or_slot!r} begins the ids of more than one archived run, such as {found[0]['id']}")
        if found:
            return _record(folder, max(row["sequence"] for row in found))
    if elsewhere := archive.elsewhere():
        raise StoreError(f"no run or slot {id_or_slot[:80]!r} in the store or its archive here{elsewhere}")
    return None


def _condition(id_or_slot: str, shortest: int) -> Any:
    if "/" in id_or_slot:
        return pc.field("slot") == id_or_slot
    exact = pc.field("id") == id_or_slot
    return exact if len(id_or_slot) < shortest else pc.starts_with(pc.field("id"), id_or_slot)


def _record(folder: Path, sequence: int) -> RunRecord:
    of_run = pc.field("run") == sequence
    signals = files.find(folder, SIGNALS, _names(SIGNALS), of_run)
    verdicts = files.find(folder, VERDICTS, _names(VERDICTS), of_run)
    (run,) = files.find(folder, RUNS, ("body",), pc.field("sequence") == sequence)
    rows = {"signals": tuple(map(_signal, signals)), "verdicts": tuple(map(_verdict, verdicts))}
    try:
        return RunRecord.model_validate_json(run["body"]).model_copy(update=rows)
    except ValueError as error:
        raise StoreError(f"archived record {sequence} in {folder} cannot be read: {error}") from error


def _names(table: Table) -> list[str]:
    return [column.name for column in table.columns]


def _signal(row: dict[str, Any]) -> Signal:
    target = float("nan") if row["target"] is None else row["target"]
    return Signal(row["strategy"], row["symbol"], target, row["confidence"], row["reason"])


def _verdict(row: dict[str, Any]) -> Verdict:
    said = {name: row[name] for name in ("intent_id", "symbol", "rule", "measured", "limit")}
    asked, quantity = amount(row["asked"]), amount(row["quantity"])
    rulings = rulings_of(asked, row["rulings"])
    return Verdict(**said, decision=Decision(row["decision"]), asked=asked, quantity=quantity, rulings=rulings)


def summaries(
    archive: Archive, columns: Sequence[str], equal: dict[str, str], limit: int, before: str | None
) -> Iterator[dict[str, Any]]:
    """Some columns of archived records, newest first, at most ``limit``; InputError when ``before`` is not there."""
    where = pc.field("sequence") > 0
    for name, value in equal.items():
        where &= pc.field(name) == value
    months = archive.here()
    if before is not None:
        months, sequence = _from(archive, months, before)
        where &= pc.field("sequence") < sequence
    for month in months:
        found = files.find(archive.month(month), RUNS, ("sequence", *columns), where)
        for row in reversed(found[-limit:]):
            yield _converted(row)
        limit -= min(limit, len(found))
        if not limit:
            return


def _from(archive: Archive, months: list[Any], before: str) -> tuple[list[Any], int]:
    for place, month in enumerate(months):
        found = files.find(archive.month(month), RUNS, ("sequence",), pc.field("id") == before)
        if found:
            return months[place:], int(found[0]["sequence"])
    raise InputError(f"there is no archived run {before!r} to page back from{archive.elsewhere()}")


def _converted(row: dict[str, Any]) -> dict[str, Any]:
    moments = {name: instant(row[name]) for name in ("planned", "clock", "as_of", "finished") if row[name] is not None}
    equity = None if row["equity"] is None else amount(row["equity"])
    return {**row, **moments, "equity": equity, "session": date.fromisoformat(row["session"])}


def equity_points(archive: Archive, account: str, limit: int) -> list[Any]:
    """At least the last ``limit`` archived points of an account; none from before a month that lies elsewhere."""
    found: list[Any] = []
    for month in reversed(archive.months):
        if len(found) >= limit or not archive.month(month).is_dir():
            break
        of_account = pc.field("account") == account
        rows = files.find(archive.month(month), EQUITY_POINTS, ("run", "session", "time", "cash", "equity"), of_account)
        found += map(_point, rows)
    return found


def _point(row: dict[str, Any]) -> Any:
    amounts = {name: amount(row[name]) for name in ("cash", "equity")}
    session = date.fromisoformat(row["session"])
    return SimpleNamespace(run=row["run"], session=session, time=instant(row["time"]), **amounts)


def find_bars(connection: Connection, archive: Archive, digest: str) -> Bars | None:
    """An archived panel; None when there is none of that digest."""
    number = connection.execute(select(ARCHIVED_FRAMES.c.archive).filter_by(digest=digest)).scalar()
    month = next((row for row in archive.months if row.number == number), None)
    if month is None:
        return None
    if not archive.month(month).is_dir():
        raise StoreError(f"panel {digest[:12]} is archived{archive.elsewhere()}")
    rows = files.find(archive.month(month), FRAMES, _names(FRAMES), pc.field("digest") == digest)
    return frames.unpack(rows[0]["digest"], rows[0]["header"], rows[0]["body"]) if rows else None


# --- all of them ---------------------------------------------------------------------------------------------


def merged(archive: Archive, table: Table, stored: Iterator[Any]) -> Iterator[Any]:
    """The rows of a table in archive and store, in their order; what is in both is taken from the store.

    A month whose files cannot be read is left out: ``months`` tells of it.
    """
    key, last = attrgetter(*files.ORDER[table]), None
    for row in heapq.merge(stored, _all(archive, table), key=key):
        if key(row) != last:
            last = key(row)
            yield row


def _all(archive: Archive, table: Table) -> Iterator[Any]:
    for month in archive.months:
        try:
            yield from files.rows(archive.month(month), table)
        except StoreError:
            continue


def months(connection: Connection, archive: Archive) -> Check:
    """Every month of the log must lie in the archive, byte for byte as it was written, with the panels it names."""
    check = Check("I5", "months in the archive")
    named: dict[int, set[str]] = {}
    for digest, number in connection.execute(select(ARCHIVED_FRAMES.c.digest, ARCHIVED_FRAMES.c.archive)).tuples():
        named.setdefault(number, set()).add(digest)
    for row in archive.months:
        check.rows += 1
        _judge(check, archive.month(row), row, named.pop(row.number, set()))
    for number, digests in named.items():
        check.add(f"archived_frames {min(digests)}", f"names archive {number}, which there is not")
    return check


def _judge(check: Check, folder: Path, row: Any, named: set[str]) -> None:
    where = f"archive {folder}"
    try:
        month = files.read_month(folder)
        check.need(month.digest == row.digest, where, f"its manifest is not the one of row {row.number} of archives")
        for name in files.differing(folder, month):
            check.add(f"{where}/{name}", "was changed or is gone: the hash differs")
        ends = (month.first, month.last, month.runs, month.head)
        check.need(ends == (row.first, row.last, row.runs, row.head), where, "holds other records than it should")
        there = {frame.digest for frame in files.rows(folder, FRAMES)}
        for digest in sorted(named ^ there):
            check.add(f"archived_frames {digest}", f"{folder.name} and the store differ about this panel")
    except StoreError as error:
        check.add(where, f"{error}; it was written on host {row.host}")
