"""Rows of bars as a venue or a file gave them, laid out once as a block: time down, symbols across."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openbell.calendar.exchange import Exchange
from openbell.errors import DataError
from openbell.stages.sessions import BEYOND, OUTSIDE, Flaws, Grid, daily_grid, intraday_grid, misplaced
from openbell.values.bars import FIELDS, FloatPanel, Timeframe, Times
from openbell.values.market import DropCode

#: A feed that answers with more rows than this is refused, and so is a block with more cells.
MAX_ROWS = 10_000_000
MAX_CELLS = 20_000_000

Integers = NDArray[np.intp]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class RawBars:
    """R rows in any order, nothing checked yet.

    ``symbols`` are the names that were found; ``codes`` (R,) says which of them a row belongs to. ``times`` (R,)
    is the instant at which a bar starts, in UTC; for daily bars the session date. ``values`` is (5, R) in the
    order of FIELDS, float64, NaN for what is no number.
    """

    symbols: tuple[str, ...]
    codes: Integers
    times: Times
    values: FloatPanel

    def __post_init__(self) -> None:
        rows = len(self.times)
        if rows > MAX_ROWS:
            raise DataError(f"{rows:,} rows of bars are more than the limit of {MAX_ROWS:,}")
        if self.codes.shape != (rows,) or self.values.shape != (len(FIELDS), rows):
            raise DataError(f"{rows} times, {self.codes.shape} symbols and {self.values.shape} values do not match")


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Bars inside the sessions of an exchange, T rows in rising order and N symbols across.

    ``starts`` and ``times`` (T,) are when each bar begins and is complete; ``values`` (5, T, N) is NaN and
    ``present`` (T, N) false where a symbol has no row. ``doubles`` and ``conflicts`` (2, k) are row and column of
    bars that came more than once, with equal and with different values. ``outside`` (N,) counts rows outside the
    sessions. ``flaws`` says which symbols cannot be used at all.
    """

    symbols: tuple[str, ...]
    starts: Times
    times: Times
    values: FloatPanel
    present: Flags
    doubles: Integers
    conflicts: Integers
    outside: Integers
    resorted: bool = False
    flaws: Mapping[str, tuple[DropCode, str]] = field(default_factory=dict)


def raw_bars(symbols: Sequence[str], times: Times, columns: Mapping[str, ArrayLike]) -> RawBars:
    """Rows from one array per field and one symbol per row; further columns are ignored."""
    names, codes = np.unique(np.asarray(symbols, dtype=np.str_), return_inverse=True)
    values = np.stack([to_floats(columns[name]) for name in FIELDS])
    return RawBars(tuple(names.tolist()), codes.astype(np.intp), times, values)


def to_floats(column: ArrayLike) -> FloatPanel:
    """Numbers as float64; what is text, None or any other object becomes a number if it reads as one, else NaN."""
    array = np.asarray(column)
    if array.dtype.kind in "iuf":
        return array.astype(np.float64, copy=False)
    return np.fromiter((_number(item) for item in array.tolist()), np.float64, len(array))


def _number(item: object) -> float:
    if isinstance(item, bool) or not isinstance(item, (str, int, float)):
        return math.nan
    try:
        return float(item)
    except (ValueError, OverflowError):
        return math.nan


def lay_out(raw: RawBars, timeframe: Timeframe, exchange: Exchange) -> Block:
    """Sort, remove what is outside the sessions, find doubled rows; the work is done once for all symbols."""
    timed = ~np.isnat(raw.times)
    flaws = _untimed(raw, timed)
    if flaws:
        raw = RawBars(raw.symbols, raw.codes[timed], raw.times[timed], raw.values[:, timed])
    unique = _unique(raw.times)
    grid = daily_grid(unique, exchange) if timeframe.daily else intraday_grid(unique, timeframe.span, exchange)
    _check_size(grid, raw)
    return _scatter(
        raw,
        grid,
        grid.row[np.searchsorted(unique.view(np.int64), raw.times.view(np.int64))],
        exchange,
        timeframe,
        flaws,
    )


def _untimed(raw: RawBars, timed: Flags) -> Flaws:
    counts = np.bincount(raw.codes[~timed], minlength=len(raw.symbols))
    lost = np.flatnonzero(counts).tolist()
    return {raw.symbols[code]: (DropCode.INVALID, f"{counts[code]} rows have no time") for code in lost}


def _unique(times: Times) -> Times:
    # Sorted as integers: numpy has fast code for those and not for dates.
    ordered = np.sort(times.view(np.int64)).view(times.dtype)
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))] if len(ordered) else ordered


def _check_size(grid: Grid, raw: RawBars) -> None:
    if len(grid.times) * len(raw.symbols) > MAX_CELLS:
        size = f"{len(grid.times):,} times x {len(raw.symbols):,} symbols"
        raise DataError(f"a panel of {size} is more than the limit of {MAX_CELLS:,} cells")


def _scatter(
    raw: RawBars,
    grid: Grid,
    row: Integers,
    exchange: Exchange,
    timeframe: Timeframe,
    flaws: Flaws,
) -> Block:
    width, inside = len(raw.symbols), row >= 0
    outside = np.bincount(raw.codes[row == OUTSIDE], minlength=width)
    flat = (row * width + raw.codes)[inside]
    given = raw.values if inside.all() else raw.values[:, inside]
    values = np.full((len(FIELDS), len(grid.times), width), np.nan)
    present = np.zeros((len(grid.times), width), np.bool_)
    present.ravel()[flat] = True
    for panel, column in zip(values, given, strict=True):
        panel.ravel()[flat] = column
    doubles, conflicts = _repeated(flat, given, values, present)
    conflicts = np.concatenate((conflicts, _overlapping(grid, present, timeframe.span)), axis=1)
    flaws = {
        **misplaced(raw.symbols, grid, present, outside, exchange, timeframe.daily),
        **_beyond(raw, row, exchange),
        **flaws,
    }
    return Block(
        raw.symbols, grid.starts, grid.times, values, present, doubles, conflicts, outside, _resorted(raw), flaws
    )


def _beyond(raw: RawBars, row: Integers, exchange: Exchange) -> Flaws:
    """Symbols with a bar that no calendar reaches yet."""
    codes = np.unique(raw.codes[row == BEYOND]).tolist()
    detail = f"a bar lies after {exchange.last}, the end of the {exchange.code} calendar"
    return {raw.symbols[code]: (DropCode.FUTURE, detail) for code in codes}


def _repeated(flat: Integers, given: FloatPanel, values: FloatPanel, present: Flags) -> tuple[Integers, Integers]:
    """Cells that were given more than once: those that agree, and those that do not."""
    if np.count_nonzero(present) == len(flat):
        return np.empty((2, 0), np.intp), np.empty((2, 0), np.intp)
    kept = values.reshape(len(FIELDS), -1)[:, flat]
    differs = ((kept != given) & ~(np.isnan(kept) & np.isnan(given))).any(axis=0)
    disputed = np.zeros(present.size, np.bool_)
    disputed[flat[differs]] = True
    often = np.bincount(flat, minlength=present.size) > 1
    cells = (np.flatnonzero(often & ~disputed), np.flatnonzero(disputed))
    doubles, conflicts = (np.stack(np.divmod(cell, present.shape[1])) for cell in cells)
    return doubles, conflicts


def _overlapping(grid: Grid, present: Flags, span: timedelta) -> Integers:
    """Bars that begin inside the bar before them: rows of another timeframe, or of two grids mixed."""
    close = np.diff(grid.times) < np.timedelta64(span)
    tied = np.flatnonzero(np.diff(grid.times) <= np.timedelta64(0, "ns")) + 1
    # A session may begin a grid of its own, inside a bar of the one before.
    close &= np.diff(grid.session) == 0
    later = np.flatnonzero(close & (np.diff(grid.starts) < np.timedelta64(span)) & ~grid.last[1:]) + 1
    at, column = np.nonzero(present[later] & present[later - 1])
    tie, tied_column = np.nonzero(present[tied])
    return np.stack((np.concatenate((later[at], tied[tie])), np.concatenate((column, tied_column))))


def _resorted(raw: RawBars) -> bool:
    """Whether the rows of any symbol came out of time order."""
    falls = raw.times[1:] < raw.times[:-1]
    if not falls.any():
        return False
    if (np.diff(raw.codes) >= 0).all():
        return bool((falls & (raw.codes[1:] == raw.codes[:-1])).any())
    order = np.argsort(raw.codes, kind="stable")
    codes, times = raw.codes[order], raw.times[order]
    return bool(((times[1:] < times[:-1]) & (codes[1:] == codes[:-1])).any())
