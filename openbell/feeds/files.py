"""The ``files`` feed: bars from CSV and Parquet files inside one folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import lru_cache
from pathlib import Path, PurePath
from stat import S_ISREG
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from pydantic import Field, model_validator

from openbell.calendar.exchange import exchange
from openbell.errors import DataError, InputError, OpenbellError
from openbell.feeds._tables import USUAL, Stamp, TableFormat, bar_times, codes_of, numbers, read_table, reading, rows_in
from openbell.plugins import nearest
from openbell.ports import MarketFeed
from openbell.specs import FeedSpec, Surroundings
from openbell.stages.check_bars import Wanted, check_block
from openbell.stages.check_history import check_history
from openbell.stages.raw_bars import Block, RawBars, lay_out
from openbell.stages.sessions import instant_of
from openbell.stages.soundness import CLOSE, MAX_PRICE, MIN_PRICE, believed
from openbell.values.bars import FIELDS, FloatPanel, Timeframe, to_datetime64
from openbell.values.history import History
from openbell.values.instrument import check_symbol
from openbell.values.market import Checked, DropCode
from openbell.values.money import CENT, STEP, to_decimal
from openbell.values.quote import Quote
from openbell.values.schedule import Zone, check_zone
from openbell.values.time import as_utc
from openbell.values.touches import Ticks, cents_around

SUFFIXES = (".csv", ".parquet")
#: What a path holds when each symbol has a file of its own.
PLACE = "{symbol}"
#: A file with more rows is read for the symbols asked for, a smaller one as a whole.
WHOLE = 2_000_000


@dataclass(frozen=True, slots=True)
class _Source:
    """One state of one file; a changed file is another source. ``symbol``: all rows are of this one."""

    path: Path
    changed: int
    size: int
    symbol: str = ""


_NOTHING = RawBars((), np.empty(0, np.intp), np.empty(0, "datetime64[D]"), np.empty((len(FIELDS), 0)))


@dataclass(frozen=True, slots=True)
class FilesFeed:
    """Bars of one timeframe, from one long file (a row per bar and symbol) or from one file per symbol.

    ``path`` is relative to ``root`` and never leaves it; with ``{symbol}`` in it each symbol has its own file.
    ``columns`` maps our names (time, symbol, open, high, low, close, volume) to the file's where they differ.
    ``zone`` is that of times written without one. ``stamp`` says what the time of a row is: the ``open`` of its bar
    (default intraday), its ``close``, or the date of its ``session`` (default daily). Files hold the past and the
    future of ``as_of`` alike and are cut at it. ``max_age`` as in ``check_bars``. Files know no bid and ask: quotes
    stand ``spread_bps`` apart around the last close. ``adjustment`` is what the prices in them are adjusted for.
    """

    root: Path
    path: str
    timeframe: Timeframe
    exchange: str
    zone: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    stamp: Stamp | None = None
    max_age: timedelta | None = None
    spread_bps: Decimal = Decimal(2)
    adjustment: str = "raw"

    def __post_init__(self) -> None:
        check_path(self.path)
        for name in self.columns:
            if name not in USUAL:
                raise InputError(f"columns: unknown key {name!r}{nearest(name, USUAL)}")
        if self.zone is not None:
            _check_zone(self.zone)
        if self.stamp == "session" and not self.timeframe.daily:
            raise InputError(f"stamp 'session' is for bars of 1d, not {self.timeframe.text}; say open or close")

    @property
    def provider(self) -> str:
        """The path inside the root."""
        return f"files {self.path}"

    def bars(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> Checked:
        """The last ``count`` bars complete at ``as_of``, from what the files hold now."""
        wanted = self._wanted(symbols, timeframe, count, as_of)
        return check_block(self._block(wanted.symbols), wanted)

    def history(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> History:
        """Every bar of the files that is complete at ``as_of``."""
        wanted = self._wanted(symbols, timeframe, count, as_of)
        return check_history(self._block(wanted.symbols), wanted)

    def _wanted(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> Wanted:
        if timeframe != self.timeframe:
            raise DataError(f"timeframe {timeframe.text} is not in {self.path}, which has {self.timeframe.text}")
        return Wanted(
            symbols=tuple(dict.fromkeys(check_symbol(symbol) for symbol in symbols)),
            timeframe=timeframe,
            count=count,
            as_of=as_utc(as_of, "as_of"),
            exchange=exchange(self.exchange),
            provider=self.provider,
            adjustment=self.adjustment,
            history=True,
            max_age=self.max_age,
        )

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Quote]:
        """Bid and ask around the last close, as of the end of that bar; none where validation rejects that bar."""
        wanted = tuple(symbols)
        return _quotes(self._block(wanted), wanted, as_utc(as_of, "as_of"), self.spread_bps)

    def quote(self, symbol: str, price: float, time: datetime) -> Quote | None:
        """Bid and ask around one price; None of what is no price."""
        return _quote(symbol, price, time, self.spread_bps)

    def touches(self, prices: FloatPanel) -> tuple[Ticks, Ticks]:
        """Bid and ask around many prices."""
        return cents_around(prices, self.spread_bps)

    def _block(self, symbols: tuple[str, ...]) -> Block:
        layout = TableFormat(
            self.timeframe,
            self.zone,
            self.stamp or ("session" if self.timeframe.daily else "open"),
            tuple(sorted(self.columns.items())),
        )
        root = resolved(self.root)
        if PLACE in self.path:
            sources = (self._source(root, symbol) for symbol in sorted(set(symbols)) if "/" not in symbol)
            return _read(tuple(source for source in sources if source), (), layout, self.exchange)
        source = self._source(root, "")
        if source is None:
            raise DataError(f"path {self.path!r} is not there in {self.root}")
        only = tuple(sorted(symbols)) if source.size and rows_in(source.path) > WHOLE else ()
        return _read((source,), only, layout, self.exchange)

    def _source(self, root: Path, symbol: str) -> _Source | None:
        path = self.path.replace(PLACE, symbol)
        target = confined(root, path)
        try:
            found = target.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DataError(f"path {path!r} in {root} cannot be opened: {error.strerror}") from None
        if not S_ISREG(found.st_mode):
            raise DataError(f"path {path!r} in {root} is not a regular file")
        return _Source(target, found.st_mtime_ns, found.st_size, symbol)


@lru_cache(maxsize=2)
def _quotes(block: Block, symbols: tuple[str, ...], as_of: datetime, spread_bps: Decimal) -> Mapping[str, Quote]:
    """Each stage of a run asks for the same ones, and so does the paper account."""
    stop = int(np.searchsorted(block.times, to_datetime64(as_of), side="right"))
    newest = believed(block, stop)
    row = {symbol: (at, int(newest[at])) for at, symbol in enumerate(block.symbols) if newest[at] >= 0}
    closes, times = block.values[CLOSE], block.times
    known = [(symbol, *row[symbol]) for symbol in symbols if symbol in row]
    found = {s: _quote(s, closes[at, column], instant_of(times[at]), spread_bps) for s, column, at in known}
    return MappingProxyType({symbol: quote for symbol, quote in found.items() if quote is not None})


def _quote(symbol: str, price: float, time: datetime, spread_bps: Decimal) -> Quote | None:
    return _around(symbol, float(price), time, spread_bps) if MIN_PRICE <= price <= MAX_PRICE else None


@lru_cache(maxsize=4096)
def _around(symbol: str, price: float, time: datetime, spread_bps: Decimal) -> Quote:
    last = to_decimal(price)
    half, step = last * spread_bps / 20_000, CENT if last >= 1 else STEP
    bid, ask = (last - half).quantize(step, ROUND_FLOOR), (last + half).quantize(step, ROUND_CEILING)
    return Quote(symbol, bid or last, ask, last, time)


def _check_zone(zone: str) -> None:
    try:
        check_zone(zone)
    except ValueError as error:
        raise InputError(f"zone {error}") from None


def check_path(path: str) -> str:
    """The path itself if it is relative, goes only down, and ends as a file that can be read."""
    parts = PurePath(path.replace("\\", "/")).parts
    if not parts or "\0" in path or PurePath(path).is_absolute() or ".." in parts or path[1:2] == ":":
        raise InputError(f"path {path!r} is not a relative path inside the data folder")
    if PurePath(path).suffix not in SUFFIXES:
        raise InputError(f"path {path!r} does not end in {' or '.join(SUFFIXES)}")
    return path


def confined(root: Path, path: str) -> Path:
    """Where ``path`` under a resolved root is after all links are followed; outside the root is a DataError."""
    target = resolved(root / check_path(path))
    if not target.is_relative_to(root):
        raise DataError(f"path {path!r} leads out of {root}")
    return target


def resolved(path: Path) -> Path:
    """The path without links; a loop of links is a DataError."""
    try:
        return path.expanduser().resolve()
    except (OSError, RuntimeError) as error:
        raise DataError(f"path {path} cannot be followed: {error}") from None


@lru_cache(maxsize=4)
def _read(sources: tuple[_Source, ...], only: tuple[str, ...], layout: TableFormat, code: str) -> Block:
    """The files laid out, once per process for each state that they are in.

    A file that cannot be used is an error, but where each symbol has its own it only drops its symbol.
    """
    parts, flaws = [_NOTHING], {}
    for source in sources:
        try:
            parts.append(_rows(source, only, layout, code))
        except DataError as error:
            if not source.symbol:
                raise
            parts.append(replace(_NOTHING, symbols=(source.symbol,)))
            flaws[source.symbol] = (DropCode.INVALID, str(error))
    block = lay_out(_joined(parts), layout.timeframe, exchange(code))
    return replace(block, flaws={**block.flaws, **flaws})


@lru_cache(maxsize=1024)
def _rows(source: _Source, only: tuple[str, ...], layout: TableFormat, code: str) -> RawBars:
    if not source.size:
        return replace(_NOTHING, symbols=(source.symbol,) if source.symbol else ())
    with reading(source.path):
        table = read_table(source.path, layout, symbols=not source.symbol, only=only)
        times = bar_times(table, source.path.name, layout, exchange(code))
        values = np.stack([numbers(table.columns[name]) for name in FIELDS])
        if source.symbol:
            return RawBars((source.symbol,), np.zeros(len(times), np.intp), times, values)
        names, codes = codes_of(table.columns["symbol"])
        return RawBars(names, codes, times, values)


def _joined(parts: list[RawBars]) -> RawBars:
    """Rows of several files as one, each with symbols of its own."""
    offsets = np.cumsum([0, *(len(part.symbols) for part in parts[:-1])])
    return RawBars(
        tuple(symbol for part in parts for symbol in part.symbols),
        np.concatenate([part.codes + offset for part, offset in zip(parts, offsets, strict=True)]),
        np.concatenate([part.times for part in parts]),
        np.concatenate([part.values for part in parts], axis=1),
    )


class Files(FeedSpec):
    """Settings of the files feed."""

    remote: ClassVar[bool] = False

    path: str = Field(description="CSV or Parquet file under the data folder; {symbol} in it: one file per symbol.")
    timeframe: str = Field("1d", description="Length of the bars in the files.")
    zone: Zone | None = Field(None, description="IANA zone of times that are written without one.")
    columns: dict[str, str] = Field(default_factory=dict, description="Our column names to the files' own.")
    stamp: Stamp | None = Field(None, description="What a row's time is: open, close or session of its bar.")

    spread_bps: Decimal = Field(Decimal(2), gt=0, le=1000, description="Bid to ask, in hundredths of a percent.")
    adjustment: str = Field("raw", pattern="^[a-z]{1,20}$", description="What prices are adjusted for, such as split.")

    @model_validator(mode="after")
    def _consistent(self) -> "Files":
        try:
            self._feed(Path(), "", None)
        except OpenbellError as error:
            raise ValueError(str(error)) from None
        return self

    def open(self, around: Surroundings) -> MarketFeed:
        """The feed on the plan's exchange, confined to the installation's data folder."""
        return self._feed(around.data, around.exchange, around.max_age)

    def _feed(self, root: Path, code: str, max_age: timedelta | None) -> FilesFeed:
        length, layout = Timeframe(self.timeframe), (self.zone, self.columns, self.stamp)
        return FilesFeed(root, self.path, length, code, *layout, max_age, self.spread_bps, self.adjustment)
