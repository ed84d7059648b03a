"""The last rows of a block for some symbols, and carrying a price over bars without a trade."""

from dataclasses import dataclass

import numpy as np

from openbell.stages.raw_bars import Block, Flags, Integers
from openbell.stages.soundness import CLOSE, newest_sound
from openbell.values.bars import FIELDS, FloatPanel, Times

VOLUME = FIELDS.index("volume")
#: Rows looked at beyond those asked for, before more are.
_MARGIN = 16
_NONE = np.iinfo(np.int64).min // 2


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """W rows and n columns of a block; arrays may be views of it.

    ``before`` (n,) is the row of each symbol's last sound bar ahead of a window that it is absent from at first,
    counted from the window's first row (so below 0; a very low number when there is none), ``seed`` (n,) its close.
    """

    columns: Integers
    rows: Integers
    times: Times
    values: FloatPanel
    present: Flags
    before: Integers
    seed: FloatPanel


def open_window(block: Block, columns: Integers, stop: int, count: int, every: bool) -> Window:
    """The last ``count`` rows ahead of ``stop`` in which a symbol has a bar; ``every``: rows without one count too."""
    rows = _last_rows(block.present, columns, stop, count, every)
    values, present = _cut(block, columns, rows)
    before, seed = _seeds(block, columns, int(rows[0]), present[0])
    return Window(columns, rows, block.times[rows], values, present, before, seed)


def _last_rows(present: Flags, columns: Integers, stop: int, count: int, every: bool) -> Integers:
    size = count + _MARGIN
    while True:
        first = max(0, stop - size)
        seen = np.flatnonzero(present[first:stop][:, columns].any(axis=1)) + first
        if first == 0 or len(seen) >= count:
            break
        size *= 4
    if not every:
        return seen[-count:]
    low = int(seen[-1]) - count + 1
    return np.arange(max(low, int(seen[0])) if first == 0 else low, seen[-1] + 1)


def _cut(block: Block, columns: Integers, rows: Integers) -> tuple[FloatPanel, Flags]:
    values, present = block.values, block.present
    if rows[-1] - rows[0] == len(rows) - 1:
        values, present = values[:, rows[0] : rows[-1] + 1], present[rows[0] : rows[-1] + 1]
    else:
        values, present = values.take(rows, axis=1), present.take(rows, axis=0)
    if np.array_equal(columns, np.arange(present.shape[1])):
        return values, present
    return values.take(columns, axis=2), present.take(columns, axis=1)


def _seeds(block: Block, columns: Integers, start: int, at_start: Flags) -> tuple[Integers, FloatPanel]:
    before, seed = np.full(len(columns), _NONE), np.full(len(columns), np.nan)
    late = np.flatnonzero(~at_start)
    if start and len(late):
        row = newest_sound(block, start, columns[late])
        late, row = late[row >= 0], row[row >= 0]
        before[late], seed[late] = row - start, block.values[CLOSE, row, columns[late]]
    return before, seed


def longest_gap(window: Window) -> Integers:
    """The most rows in a row, shape (n,), that a symbol is absent from between two of its bars."""
    if window.present.all():
        return np.zeros(len(window.columns), np.intp)
    here = np.arange(len(window.rows))[:, None]
    last = np.maximum.accumulate(np.where(window.present, here, window.before), axis=0)
    previous = np.concatenate((window.before[None], last[:-1]))
    gap: Integers = np.where(window.present & (previous > _NONE), here - previous - 1, 0).max(axis=0)
    return gap


def carried(window: Window, to_the_end: bool) -> tuple[FloatPanel, Integers, Flags | None]:
    """Values with each absent bar replaced by the close before it and no volume, how many per symbol, and which.

    Rows ahead of a symbol's first bar stay NaN; so do those after its last one unless ``to_the_end``.
    """
    if window.present.all():
        return window.values, np.zeros(len(window.columns), np.intp), None
    known = np.concatenate(((window.before > _NONE)[None], window.present))
    closes = np.concatenate((window.seed[None], window.values[CLOSE]))
    at = np.maximum.accumulate(np.where(known, np.arange(len(known))[:, None], -1), axis=0)[1:]
    absent = ~window.present & (at >= 0)
    if not to_the_end:
        absent &= np.logical_or.accumulate(window.present[::-1], axis=0)[::-1]
    values = window.values.copy()
    values[:VOLUME, absent] = np.take_along_axis(closes, np.maximum(at, 0), axis=0)[absent]
    values[VOLUME, absent] = 0.0
    return values, absent.sum(axis=0), absent
