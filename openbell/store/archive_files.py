"""A month of the archive as files: Parquet tables with a manifest, written whole, proved before anybody relies on it.

Values lie in them as SQLite has them: instants are microseconds since 1970, amounts and dates are text, so that the
files of a store on PostgreSQL are the same. Every file is readable by its owner alone.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections import namedtuple
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import BigInteger, Boolean, Float, Integer, LargeBinary, Table
from sqlalchemy.types import TypeDecorator

from openbell.errors import StoreError
from openbell.store.columns import Instant
from openbell.store.run_tables import EQUITY_POINTS, FRAMES, RUNS, SIGNALS, STRATEGY_LOOKS, VERDICTS
from openbell.values.money import text

#: What a month holds, and the columns that its rows are sorted by.
ORDER: dict[Table, tuple[str, ...]] = {
    RUNS: ("sequence",),
    SIGNALS: ("run", "position"),
    VERDICTS: ("run", "position"),
    EQUITY_POINTS: ("run",),
    STRATEGY_LOOKS: ("run", "strategy"),
    FRAMES: ("digest",),
}
MANIFEST = "manifest.json"
#: Rows in memory at a time; panels are large.
BATCH, BATCH_OF_FRAMES = 2000, 4
_PRIVATE, _PRIVATE_FOLDER = 0o600, 0o700
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class Month:
    """What the manifest says: the records, the hash before the first of them and of the last, and each file."""

    month: str
    first: int
    last: int
    runs: int
    before: str
    head: str
    files: dict[str, dict[str, Any]]

    @property
    def written(self) -> bytes:
        """The manifest as it is written."""
        return json.dumps(asdict(self), sort_keys=True, indent=1).encode()

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest; it covers every byte of the month."""
        return hashlib.sha256(self.written).hexdigest()


def file_name(table: Table) -> str:
    """Name of the file of a table."""
    return f"{table.name}.parquet"


# --- writing -------------------------------------------------------------------------------------------------


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else writes into the archive meanwhile; StoreError when somebody does."""
    folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    with os.fdopen(os.open(folder / ".lock", os.O_CREAT | os.O_RDWR, _PRIVATE), "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StoreError(f"somebody else is archiving into {folder}") from None
        yield


def begin(folder: Path) -> None:
    """An empty folder; what a writer that died left under the name is removed, for the store still has all of it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    folder.mkdir(mode=_PRIVATE_FOLDER)


def write(folder: Path, table: Table, rows: Iterable[Any]) -> dict[str, Any]:
    """Write the rows of one table; returns what the manifest says of the file."""
    path, count = folder / file_name(table), 0
    schema = pa.schema([pa.field(column.name, _kind(column.type)) for column in table.columns])
    size = BATCH_OF_FRAMES if table is FRAMES else BATCH
    with _private(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in _batches(rows, size):
            columns = [[_plain(row[at]) for row in batch] for at in range(len(schema))]
            writer.write_batch(pa.record_batch([*columns], schema=schema))
            count += len(batch)
    return {"rows": count, "sha256": sha256(path)}


def finish(folder: Path, month: Month, final: Path) -> None:
    """Write the manifest, bring everything to the disk, and give the folder its name in one step."""
    with _private(folder / MANIFEST) as file:
        file.write(month.written)
    for path in (*folder.iterdir(), folder):
        _to_disk(path)
    shutil.rmtree(final, ignore_errors=True)
    folder.rename(final)
    _to_disk(final.parent)


def _private(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE), "wb")


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _batches(rows: Iterable[Any], size: int) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _kind(kind: Any) -> pa.DataType:
    """The type of a column in the file."""
    known = ((Instant, pa.int64()), (LargeBinary, pa.binary()), (Boolean, pa.bool_()), (Float, pa.float64()))
    for base, found in known:
        if isinstance(kind, base):
            return found
    bare = kind.impl if isinstance(kind, TypeDecorator) else kind
    return pa.int64() if isinstance(bare, (Integer, BigInteger)) else pa.string()


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return text(value)
    if isinstance(value, datetime):
        return (value - _EPOCH) // timedelta(microseconds=1)
    if isinstance(value, date):
        return value.isoformat()
    return bytes(value) if isinstance(value, memoryview) else value


# --- reading -------------------------------------------------------------------------------------------------


def read_month(folder: Path) -> Month:
    """The manifest of a month; StoreError when there is none that can be read."""
    try:
        return Month(**json.loads((folder / MANIFEST).read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(f"archive {folder} cannot be read: {error}") from None


def rows(folder: Path, table: Table) -> Iterator[Any]:
    """The rows of a table in their order, as an audit reads them; StoreError when the file cannot be read."""
    row_type = _row_type(tuple(column.name for column in table.columns))
    try:
        with pq.ParquetFile(folder / file_name(table)) as file:
            size = BATCH_OF_FRAMES if table is FRAMES else BATCH
            there = set(file.schema_arrow.names)
            for batch in file.iter_batches(batch_size=size):
                missing: list[Any] = [None] * batch.num_rows
                columns = [batch[name].to_pylist() if name in there else missing for name in row_type._fields]
                yield from map(row_type._make, zip(*columns, strict=True))
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"archive {folder / file_name(table)} cannot be read: {error}") from None


def find(folder: Path, table: Table, columns: Sequence[str], where: Any) -> list[dict[str, Any]]:
    """Some columns of the rows that a condition on columns finds, in their order."""
    try:
        found = pq.read_table(folder / file_name(table), columns=list(columns), filters=where)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"archive {folder / file_name(table)} cannot be read: {error}") from None
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def differing(folder: Path, month: Month) -> list[str]:
    """Which files of a month are not those that its manifest names."""
    return [name for name, said in month.files.items() if _sha256(folder / name) != said["sha256"]]


@cache
def _row_type(names: tuple[str, ...]) -> Any:
    return namedtuple("ArchivedRow", names)  # noqa: PYI024  # its fields are known when it runs


def _sha256(path: Path) -> str:
    return sha256(path) if path.is_file() else ""


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
