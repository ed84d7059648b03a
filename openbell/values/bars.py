"""A panel of bars: one array per field, time down, symbols across."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from openbell.errors import DataError
from openbell.values.time import parse_duration

FloatPanel = NDArray[np.float64]
Times = NDArray[np.datetime64]
FIELDS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class Timeframe:
    """Length of a bar: ``1d`` is one session, anything shorter is clock time."""

    text: str

    def __post_init__(self) -> None:
        if self.text != "1d" and not timedelta(seconds=1) <= self.span < timedelta(days=1):
            raise DataError(f"timeframe {self.text!r} is not between 1s and 1d")

    @property
    def span(self) -> timedelta:
        """Nominal length."""
        return parse_duration(self.text, "timeframe")

    @property
    def daily(self) -> bool:
        """Whether one bar is one session."""
        return self.text == "1d"


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Bars of many symbols, ready to compute on.

    ``times`` has shape (T,) and holds the instant at which each bar is complete (its close), UTC, rising,
    unique. The five fields have shape (T, N) in float64; volume is in units of the symbol. A symbol that is
    listed late or delisted early is NaN outside one contiguous block and finite inside it, in all five fields
    alike. Nothing is later than ``as_of`` of the fetch that made it. Arrays are read-only.
    """

    symbols: tuple[str, ...]
    times: Times
    open: FloatPanel
    high: FloatPanel
    low: FloatPanel
    close: FloatPanel
    volume: FloatPanel
    timeframe: Timeframe
    provider: str
    adjustment: str = "raw"
    #: Empty until somebody asks for the digest; the arrays behind it never change.
    _digest: str = field(default="", init=False, repr=False)

    def __post_init__(self) -> None:
        shape = (len(self.times), len(self.symbols))
        if len(set(self.symbols)) != len(self.symbols):
            raise DataError("a symbol stands twice in one panel")
        if len(self.times) > 1 and not bool((np.diff(self.times) > np.timedelta64(0, "ns")).all()):
            raise DataError("bar times do not rise")
        present = ~np.isnan(self.close)
        for name in FIELDS:
            field = self.panel(name)
            if field.shape != shape or field.dtype != np.float64:
                raise DataError(f"{name} has shape {field.shape} {field.dtype}, not {shape} float64")
            if not np.array_equal(np.isfinite(field), present):
                raise DataError(f"{name} is not finite exactly where close is")
            field.flags.writeable = False
        starts = present[:1].sum(axis=0) + (present[1:] & ~present[:-1]).sum(axis=0)
        if bool((starts > 1).any()):
            raise DataError("a symbol has a hole inside its history")
        self.times.flags.writeable = False

    def panel(self, name: str) -> FloatPanel:
        """The array of one field by name."""
        field: FloatPanel = getattr(self, name)
        return field

    def __len__(self) -> int:
        return len(self.times)

    def __repr__(self) -> str:
        ends = np.datetime_as_string(self.times[[0, -1]], "m") if len(self) else ("nothing", "nothing")
        size = f"{len(self)} x {len(self.symbols)} of {self.timeframe.text}"
        return f"Bars({size}, {self.provider}, {ends[0]} to {ends[1]})"

    def counts(self) -> NDArray[np.int64]:
        """Bars of each symbol, shape (N,)."""
        counted: NDArray[np.int64] = np.isfinite(self.close).sum(axis=0)
        return counted

    def column(self, symbol: str) -> int:
        """Position of a symbol."""
        return self.symbols.index(symbol)

    def tail(self, rows: int) -> "Bars":
        """The last ``rows`` bars."""
        return self.rows(max(0, len(self) - rows), len(self))

    def rows(self, start: int, stop: int) -> "Bars":
        """Bars ``start`` to ``stop`` (exclusive), sharing memory."""
        part = object.__new__(Bars)
        for name in Bars.__slots__:
            # Some rows of a checked panel need no second check, and a view of a read-only array is read-only.
            value = getattr(self, name)
            object.__setattr__(part, name, value[start:stop] if isinstance(value, np.ndarray) else value)
        object.__setattr__(part, "_digest", "")
        return part

    def columns(self, start: int, stop: int) -> "Bars":
        """Symbols ``start`` to ``stop`` (exclusive), sharing memory."""
        part = self.rows(0, len(self))
        object.__setattr__(part, "symbols", self.symbols[start:stop])
        for name in FIELDS:
            object.__setattr__(part, name, self.panel(name)[:, start:stop])
        return part

    def select(self, symbols: Sequence[str]) -> "Bars":
        """The panel of some symbols, in the order given."""
        if tuple(symbols) == self.symbols:
            return self
        columns = {symbol: column for column, symbol in enumerate(self.symbols)}
        wanted = np.array([columns[symbol] for symbol in symbols], np.intp)
        # take, because indexing would give a read-only view of an array that stays writeable.
        fields = {field: self.panel(field).take(wanted, axis=1) for field in FIELDS}
        return make_bars(tuple(symbols), self.times, fields, self.timeframe, self.provider, self.adjustment)

    def until(self, instant: datetime) -> "Bars":
        """The bars that were complete at ``instant``."""
        stop = int(np.searchsorted(self.times, to_datetime64(instant), side="right"))
        return self.rows(0, stop)

    def digest(self) -> str:
        """SHA-256 over everything the panel holds, in hex; counted once."""
        if not self._digest:
            object.__setattr__(self, "_digest", self._counted())
        return self._digest

    def _counted(self) -> str:
        head = f"{self.symbols}|{self.timeframe.text}|{self.provider}|{self.adjustment}|{len(self)}"
        sha = hashlib.sha256(head.encode())
        for array in (self.times.astype("datetime64[ns]"), *(self.panel(name) for name in FIELDS)):
            sha.update(np.ascontiguousarray(array).tobytes())
        return sha.hexdigest()


def to_datetime64(instant: datetime) -> np.datetime64:
    """An aware instant as numpy's naive UTC nanoseconds."""
    return np.datetime64(round(instant.timestamp() * 1_000_000) * 1000, "ns")


def make_bars(
    symbols: Sequence[str],
    times: Times,
    fields: Mapping[str, FloatPanel],
    timeframe: Timeframe,
    provider: str,
    adjustment: str = "raw",
) -> Bars:
    """A panel from one array per field name."""
    return Bars(
        tuple(symbols),
        times,
        fields["open"],
        fields["high"],
        fields["low"],
        fields["close"],
        fields["volume"],
        timeframe,
        provider,
        adjustment,
    )


def empty_bars(symbols: Sequence[str], timeframe: Timeframe, provider: str, adjustment: str = "raw") -> Bars:
    """A panel without a bar."""
    none = {field: np.empty((0, len(symbols))) for field in FIELDS}
    return make_bars(symbols, np.empty(0, "datetime64[ns]"), none, timeframe, provider, adjustment)
