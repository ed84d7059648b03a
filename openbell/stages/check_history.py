"""Validation of bars for every row of a long stretch at once: as ``check_block`` row by row, without doing it so."""

from collections.abc import Iterator

import numpy as np

from openbell.errors import DataError
from openbell.stages.check_bars import CARRIED, MAX_GAP, Wanted, absent, counted, jump
from openbell.stages.raw_bars import Block, Flags, Integers
from openbell.stages.sessions import Flaws
from openbell.stages.soundness import CLOSE, far, plausible
from openbell.stages.window import Window, carried
from openbell.values.bars import FIELDS, make_bars, to_datetime64
from openbell.values.history import History
from openbell.values.market import DropCode, Dropped
from openbell.values.time import iso

#: Stands for no bar before the stretch.
_NONE = np.iinfo(np.int64).min // 2


def check_history(block: Block, wanted: Wanted) -> History:
    """Every bar complete at ``as_of``; ``count`` is how many a run looks at, its newest included.

    No symbol that can be used at all is a DataError. Ages are not judged: they depend on the clock of a run.
    """
    stop = int(np.searchsorted(block.times, to_datetime64(wanted.as_of), side="right"))
    faults = absent(block, wanted) | _empty(block, wanted, stop)
    column = {symbol: at for at, symbol in enumerate(block.symbols)}
    columns = np.array([column[symbol] for symbol in wanted.symbols if symbol not in faults], np.intp)
    dropped = tuple(Dropped(symbol, *faults[symbol]) for symbol in wanted.symbols if symbol in faults)
    if not len(columns):
        first = f"; first: {dropped[0].symbol} {dropped[0].detail}" if dropped else ""
        raise DataError(f"no symbol of {len(wanted.symbols)} has usable bars{first}")
    return _judged(block, columns, stop, wanted, dropped)


def _empty(block: Block, wanted: Wanted, stop: int) -> Flaws:
    lacking = np.flatnonzero(~block.present[:stop].any(axis=0)).tolist()
    detail = f"no bar is complete at {iso(wanted.as_of)}"
    return {block.symbols[column]: (DropCode.EMPTY, detail) for column in lacking} | dict(block.flaws)


def _judged(block: Block, columns: Integers, stop: int, wanted: Wanted, dropped: tuple[Dropped, ...]) -> History:
    values, there = block.values[:, :stop], block.present[:stop]
    if not np.array_equal(columns, np.arange(there.shape[1])):
        values, there = values.take(columns, axis=2), there.take(columns, axis=1)
    wrong = there & ~plausible(values)
    wrong |= _conflicts(block, columns, there.shape)
    present = there & ~wrong
    newest = _newest(present)
    symbols = tuple(block.symbols[at] for at in columns.tolist())
    jumped = _jumps(values, present)
    held, filled = _held(block, values, present, columns, stop)
    bars = make_bars(
        symbols,
        block.times[:stop],
        dict(zip(FIELDS, held, strict=True)),
        wanted.timeframe,
        wanted.provider,
        wanted.adjustment,
    )
    fit = (newest >= 0) & ~jumped & ~_lately(wrong, wanted.count)
    if wanted.timeframe.daily:
        # A window that begins right behind a hole does not show it.
        fit &= ~_lately(_holes(present, newest), wanted.count - 1)
    notes = counted({CARRIED: filled}, symbols)
    doubted = tuple(_doubted(symbols, values[CLOSE], jumped, bars.times))
    return History(bars, block.starts[:stop], newest, fit, dropped, doubted, notes)


def _conflicts(block: Block, columns: Integers, shape: tuple[int, ...]) -> Flags:
    flags = np.zeros(shape, np.bool_)
    place = np.full(len(block.symbols), -1)
    place[columns] = np.arange(len(columns))
    rows, at = block.conflicts[0], place[block.conflicts[1]]
    inside = (rows < shape[0]) & (at >= 0)
    flags[rows[inside], at[inside]] = True
    return flags


def _newest(present: Flags) -> np.ndarray:
    rows = np.arange(len(present), dtype=np.int32)[:, None]
    if present.all():
        return np.repeat(rows, present.shape[1], axis=1)
    found: np.ndarray = np.maximum.accumulate(np.where(present, rows, np.int32(-1)), axis=0)
    return found


def _jumps(values: np.ndarray, present: Flags) -> Flags:
    """Where a close lies too far from the one of the row before to be believed while it is the newest."""
    jumped = np.zeros(present.shape, np.bool_)
    before, after = values[CLOSE, :-1], values[CLOSE, 1:]
    jumped[1:] = far(before, after) & present[1:] & present[:-1]
    return jumped


def _held(
    block: Block, values: np.ndarray, present: Flags, columns: Integers, stop: int
) -> tuple[np.ndarray, Integers]:
    """The values with every bar that is not there carried, and how many of each symbol before its last."""
    none = np.full(len(columns), np.nan)
    before = np.full(len(columns), _NONE)
    window = Window(columns, np.arange(stop), block.times[:stop], values, present, before, none)
    held, _, where = carried(window, to_the_end=True)
    if where is None:
        return held, np.zeros(len(columns), np.intp)
    # What no run would have taken ahead of the first good bar is no bar either.
    held[:, ~present & ~where] = np.nan
    inside = where & np.logical_or.accumulate(present[::-1], axis=0)[::-1]
    return held, inside.sum(axis=0)


def _holes(present: Flags, newest: np.ndarray) -> Flags:
    """Daily bars that come after too long a hole."""
    previous = np.vstack((np.full((1, present.shape[1]), -1, np.int32), newest[:-1]))
    rows = np.arange(len(present), dtype=np.int32)[:, None]
    holes: Flags = present & (previous >= 0) & (rows - previous - 1 > MAX_GAP)
    return holes


def _lately(flags: Flags, count: int) -> Flags:
    """Where any of the last ``count`` rows is flagged."""
    if count < 1 or not flags.any():
        return np.zeros(flags.shape, np.bool_)
    total = np.cumsum(flags, axis=0, dtype=np.int32)
    total[count:] -= total[:-count].copy()
    lately: Flags = np.greater(total, 0)
    return lately


def _doubted(
    symbols: tuple[str, ...], close: np.ndarray, jumped: Flags, times: np.ndarray
) -> Iterator[tuple[int, Dropped]]:
    for row, at in np.argwhere(jumped).tolist():
        yield row, Dropped(symbols[at], DropCode.SUSPECT, jump(close[row - 1, at], close[row, at], times[row]))
