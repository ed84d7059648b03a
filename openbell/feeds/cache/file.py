"""A shelf as a Parquet file: replaced as a whole, checked when it is read, shared by processes."""

import fcntl
import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote
from zlib import crc32

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from openbell.feeds.cache.shelf import Known, Shelf
from openbell.stages.soundness import CLOSE
from openbell.values.bars import FIELDS

#: Raised when the meaning of a file changes; others are read as damaged.
VERSION = 1
_KEY = b"openbell"


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """What was read from a file: ``stamp`` tells its state then, ``sound`` is false when it was damaged."""

    shelf: Shelf
    stamp: tuple[int, ...] = ()
    sound: bool = True


def kept_in(folder: Path, timeframe: str) -> Kept:
    """What is kept for a timeframe, in the adjustment that was written last; nothing when there is no file."""
    found = [(path.stat().st_mtime_ns, path) for path in folder.glob(f"*/{timeframe}.parquet")]
    return _load(max(found)[1]) if found else Kept(Shelf())


def keep(folder: Path, timeframe: str, kept: Kept, shelf: Shelf, anew: Collection[str]) -> str:
    """Write a shelf that was made from ``kept``, ``anew`` being what was fetched as a whole; why not, in words.

    What another process has written since then stays, but for the symbols fetched anew.
    """
    path = folder / quote(shelf.adjustment or "none", safe="") / f"{timeframe}.parquet"
    try:
        with _locked(path):
            mine = shelf if _stamp(path) == kept.stamp else _merged(_load(path).shelf, kept.shelf, shelf, anew)
            _save(path, mine.trimmed())
    except OSError as error:
        return f"bars cannot be kept in {folder}: {error.strerror}"
    return ""


def _merged(latest: Shelf, before: Shelf, shelf: Shelf, anew: Collection[str]) -> Shelf:
    """What another process wrote meanwhile, with our symbols where it has not touched them, or where all is new."""
    if latest.adjustment != shelf.adjustment:
        return shelf
    ours = {symbol for symbol in shelf.symbols if latest.known.get(symbol) == before.known.get(symbol)}
    return latest.without(anew).taking(shelf.only(ours | set(anew)))


def _load(path: Path) -> Kept:
    stamp = _stamp(path)
    try:
        return Kept(_read(path), stamp)
    except FileNotFoundError:
        return Kept(Shelf())
    except (pa.ArrowException, OSError, ValueError, KeyError, IndexError, TypeError):
        return Kept(Shelf(), stamp, sound=False)


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except FileNotFoundError:
        return ()
    return status.st_mtime_ns, status.st_size, status.st_ino


def _save(path: Path, shelf: Shelf) -> None:
    """Replace the file; others read the old one or the new one and nothing between."""
    draft = path.with_suffix(".draft")
    parquet.write_table(
        _table(shelf),
        draft,
        compression="none",
        use_dictionary=["symbol"],
        write_statistics=False,
        write_page_checksum=True,
    )
    draft.replace(path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One writer at a time, over all processes of this machine; readers need no lock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _table(shelf: Shelf) -> pa.Table:
    present = np.isfinite(shelf.values[CLOSE]).T
    column, row = np.nonzero(present)
    symbols = pa.DictionaryArray.from_arrays(pa.array(column.astype(np.int32)), pa.array(shelf.symbols, pa.string()))
    columns = {"symbol": symbols, "time": pa.array(shelf.times[row])}
    columns |= {name: pa.array(panel.T[present]) for name, panel in zip(FIELDS, shelf.values, strict=True)}
    return pa.table(columns).replace_schema_metadata({_KEY: _sealed(shelf)})


def _sealed(shelf: Shelf) -> bytes:
    alike: dict[Known, list[str]] = {}
    for symbol in shelf.symbols:
        alike.setdefault(shelf.known[symbol], []).append(symbol)
    known = [[one.since, one.until, one.fetched, symbols] for one, symbols in alike.items()]
    text = json.dumps([VERSION, shelf.adjustment, shelf.depth, known]).encode()
    return b"%08x" % crc32(text) + text


def _read(path: Path) -> Shelf:
    with parquet.ParquetFile(path, read_dictionary=["symbol"], page_checksum_verification=True) as file:
        table = file.read(use_threads=False)
    head = table.schema.metadata[_KEY]
    if int(head[:8], 16) != crc32(head[8:]):
        raise ValueError("the head is damaged")
    version, adjustment, depth, known = json.loads(head[8:])
    if version != VERSION:
        raise ValueError(f"version {version} is not {VERSION}")
    shelf = _laid_out(table)
    seen: dict[str, Known] = {}
    for since, until, fetched, symbols in known:
        seen |= dict.fromkeys(symbols, Known(since, until, fetched))
    return replace(shelf, adjustment=adjustment, depth=depth, known={symbol: seen[symbol] for symbol in shelf.symbols})


def _laid_out(table: pa.Table) -> Shelf:
    coded = table["symbol"].combine_chunks()
    symbols, codes = tuple(coded.dictionary.to_pylist()), coded.indices.to_numpy().astype(np.intp)
    stamps = table["time"].to_numpy()
    times = np.unique(stamps.view(np.int64)).view("datetime64[ns]")
    at = np.searchsorted(times.view(np.int64), stamps.view(np.int64)) * len(symbols) + codes
    values = np.full((len(FIELDS), len(times), len(symbols)), np.nan)
    for panel, name in zip(values, FIELDS, strict=True):
        panel.ravel()[at] = table[name].to_numpy()
    return Shelf(symbols=symbols, times=times, values=values)
