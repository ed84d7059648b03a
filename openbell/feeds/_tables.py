"""Tables of bars in CSV and Parquet files: which column is what, and what its times mean."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from csv import Error as CsvError
from csv import reader as csv_lines
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv, dataset, parquet

from openbell.calendar.exchange import Exchange
from openbell.errors import DataError
from openbell.stages.raw_bars import MAX_ROWS, to_floats
from openbell.values.bars import FIELDS, FloatPanel, Timeframe, Times

Stamp = Literal["open", "close", "session"]
#: Names that a column may have when the settings do not say, in any case.
USUAL = {
    "time": ("timestamp", "datetime", "time", "date", "session"),
    "symbol": ("symbol", "ticker"),
    **{name: (name,) for name in FIELDS},
}
#: A larger CSV file is refused before it is read.
MAX_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class TableFormat:
    """What the columns of a file are called and what its time column says."""

    timeframe: Timeframe
    zone: str | None
    stamp: Stamp
    columns: tuple[tuple[str, str], ...] = ()

    def find(self, names: Sequence[str], path: Path, symbols: bool) -> dict[str, str]:
        """Column of each of our names; a missing or doubtful one is a DataError that names it."""
        given = dict(self.columns)
        wanted = [name for name in USUAL if symbols or name != "symbol"]
        return {name: _one(name, given.get(name), names, path) for name in wanted}


def _one(name: str, given: str | None, names: Sequence[str], path: Path) -> str:
    usual = USUAL[name] if given is None else (given,)
    found = [column for column in names if column in usual]
    if not found and given is None:
        found = [column for column in names if column.lower() in usual]
    if len(found) == 1:
        return found[0]
    there = ", ".join(names) or "none"
    if found:
        raise DataError(f"{path.name}: columns {', '.join(found)} could all be {name!r}; say which in columns")
    raise DataError(f"{path.name} has no column {given or ' or '.join(usual)!r} for {name}; there are {there}")


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The columns that matter by our names, and what the file calls them."""

    columns: Mapping[str, pa.ChunkedArray]
    names: Mapping[str, str]


def rows_in(path: Path) -> int:
    """Rows of a Parquet file by its footer; 0 for a CSV file, which does not tell."""
    if path.suffix != ".parquet":
        return 0
    with reading(path), parquet.ParquetFile(path) as file:
        return int(file.metadata.num_rows)


def read_table(path: Path, layout: TableFormat, symbols: bool, only: Sequence[str] = ()) -> Table:
    """The columns that matter; ``symbols``: the file has a symbol column.

    ``only`` these symbols are read from Parquet. A file without a row gives empty columns.
    """
    if path.suffix == ".parquet":
        return _read_parquet(path, layout, symbols, only)
    return _read_csv(path, layout, symbols)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Whatever is wrong with a file becomes a DataError that names it."""
    try:
        yield
    except (pa.ArrowException, OSError, CsvError) as error:
        raise DataError(f"{path.name} cannot be read: {error}") from None


def _read_parquet(path: Path, layout: TableFormat, symbols: bool, only: Sequence[str]) -> Table:
    with parquet.ParquetFile(path) as file:
        columns, rows = layout.find(file.schema_arrow.names, path, symbols), file.metadata.num_rows
    filters = [(columns["symbol"], "in", list(only))] if only else None
    if filters:
        rows = dataset.dataset(path).count_rows(filter=parquet.filters_to_expression(filters))
    _bound(path, rows)
    table = parquet.read_table(path, columns=list(columns.values()), filters=filters, partitioning=None)
    return Table({name: table[column] for name, column in columns.items()}, columns)


def _bound(path: Path, rows: int) -> None:
    if rows > MAX_ROWS:
        raise DataError(f"{path.name} has {rows:,} rows, more than the limit of {MAX_ROWS:,}")


def _read_csv(path: Path, layout: TableFormat, symbols: bool) -> Table:
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise DataError(f"{path.name} has {size:,} bytes, more than the limit of {MAX_BYTES:,}")
    columns = layout.find(_header(path), path, symbols)
    types = {columns["symbol"]: pa.string()} if symbols else {}
    convert = csv.ConvertOptions(column_types=types, include_columns=list(columns.values()))
    table = csv.read_csv(path, convert_options=convert)
    return Table({name: table[column] for name, column in columns.items()}, columns)


def _header(path: Path) -> list[str]:
    """Names of the columns; none in an empty file."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        return next(filter(None, csv_lines(lines)), [])


def numbers(column: pa.ChunkedArray) -> FloatPanel:
    """A column as float64; what is no number is NaN."""
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    return to_floats(column.to_numpy())


def codes_of(column: pa.ChunkedArray) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """The different symbols of a column, and which of them each row has; a missing one is the empty text."""
    texts = column.cast(pa.string()).fill_null("").combine_chunks()
    encoded = texts.dictionary_encode()
    return tuple(encoded.dictionary.to_pylist()), encoded.indices.to_numpy().astype(np.intp)


def bar_times(table: Table, file: str, layout: TableFormat, exchange: Exchange) -> Times:
    """When each bar starts, in UTC; for daily bars the session date. Times without a zone need one."""
    name = f"{file}: column {table.names['time']!r}"
    times, zoned = _parsed(table.columns["time"], name)
    if times.dtype == "datetime64[D]":
        if layout.timeframe.daily:
            return times
        raise DataError(f"{name} holds dates only, bars of {layout.timeframe.text} need times")
    if layout.timeframe.daily and layout.stamp == "session" and _at_midnight(times):
        return times.astype("datetime64[D]")
    instants = times if zoned else _in_utc(times, name, layout.zone)
    if layout.timeframe.daily:
        return _session_dates(instants, layout.stamp, exchange)
    return instants - np.timedelta64(layout.timeframe.span) if layout.stamp == "close" else instants


def _parsed(column: pa.ChunkedArray, name: str) -> tuple[Times, bool]:
    """Dates or nanoseconds as written, and whether a zone was written with them."""
    kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), "NaT", "datetime64[ns]"), True
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind):
        column = _from_text(column.cast(pa.string()), name)
        kind = column.type
    if pa.types.is_date(kind):
        return column.cast(pa.date32()).to_numpy().astype("datetime64[D]"), False
    if not pa.types.is_timestamp(kind):
        raise DataError(f"{name} holds {kind}, not dates or times")
    nanoseconds = column.cast(pa.timestamp("ns", kind.tz))
    return nanoseconds.to_numpy().astype("datetime64[ns]"), kind.tz is not None


def _from_text(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    for kind in (pa.date32(), pa.timestamp("ns"), pa.timestamp("ns", "UTC")):
        try:
            return column.cast(kind)
        except pa.ArrowInvalid:
            continue
    first = next((str(item) for item in column.to_pylist() if item), "")
    raise DataError(f"{name} holds texts such as {first[:40]!r} that are not all ISO 8601 of one kind")


def _at_midnight(times: Times) -> bool:
    known = times[~np.isnat(times)]
    return bool((known == known.astype("datetime64[D]")).all())


def _in_utc(times: Times, name: str, zone: str | None) -> Times:
    if zone is None:
        raise DataError(f"{name} has times without a zone; say in which zone they are, such as UTC")
    local = pd.DatetimeIndex(times)
    instants = local.tz_localize(ZoneInfo(zone), ambiguous="NaT", nonexistent="NaT")
    lost = np.isnat(_naive(instants)) & ~np.isnat(times)
    if lost.any():
        raise DataError(f"{name} has {times[lost][0]}, which {zone} has twice or never (clock change)")
    return _naive(instants.tz_convert("UTC"))


def _session_dates(instants: Times, stamp: Stamp, exchange: Exchange) -> Times:
    """Local dates at the exchange; midnight ends a session when bars are stamped at their close.

    An open inside a session is of that one, which may have begun the evening before its date.
    """
    moved = instants - np.timedelta64(1, "ns") if stamp == "close" else instants
    local = pd.DatetimeIndex(moved).tz_localize("UTC").tz_convert(exchange.zone)
    dates = _naive(local).astype("datetime64[D]")
    if stamp != "open":
        return dates
    opens, closes = exchange.session_bounds(exchange.first, exchange.last)
    at = np.searchsorted(opens, instants, side="right") - 1
    inside = (at >= 0) & (instants < closes[at])
    return np.where(inside, exchange.session_dates()[at], dates)


def _naive(index: pd.DatetimeIndex) -> Times:
    naive: Times = index.tz_localize(None).to_numpy().astype("datetime64[ns]")
    return naive
