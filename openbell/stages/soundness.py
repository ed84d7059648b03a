"""Which single bars can be believed: their numbers can be a bar, came once, and are no jump that nobody confirms."""

import numpy as np

from openbell.stages.raw_bars import Block, Flags, Integers
from openbell.values.bars import FIELDS, FloatPanel

CLOSE = FIELDS.index("close")
#: What a price and a volume can be; beyond that it is a defect of the data.
MIN_PRICE, MAX_PRICE, MAX_VOLUME = 1e-9, 1e12, 1e18
#: Open and close may leave [low, high] by this part of the price: the noise of single precision and of adjusting.
PRICE_SLACK = 1e-6
#: A newest close further than this part from the one before is doubted until another source confirms it.
MAX_JUMP = 0.4


def plausible(values: FloatPanel) -> Flags:
    """Where the five numbers can be a bar; a comparison with NaN is false, so NaN never passes."""
    opened, high, low, close, volume = values
    with np.errstate(over="ignore", invalid="ignore"):
        flags: Flags = (low >= MIN_PRICE) & (high <= MAX_PRICE) & (volume >= 0) & (volume <= MAX_VOLUME)
        flags &= np.minimum(opened, close) >= low * (1 - PRICE_SLACK)
        flags &= np.maximum(opened, close) <= high * (1 + PRICE_SLACK)
        flags &= high >= low
    return flags


def far(before: FloatPanel, after: FloatPanel) -> Flags:
    """Where a close lies too far from the one before it to be believed by itself; what is no price is not far."""
    with np.errstate(invalid="ignore"):
        priced = (np.minimum(before, after) >= MIN_PRICE) & (np.maximum(before, after) <= MAX_PRICE)
        flags: Flags = priced & (np.abs(after - before) > MAX_JUMP * before)
    return flags


def newest_rows(present: Flags, columns: Integers) -> Integers:
    """Row of each column's last bar, -1 without one."""
    row = np.full(len(columns), -1)
    open_columns, stop, size = np.arange(len(columns)), len(present), 64
    while len(open_columns) and stop:
        start = max(0, stop - size)
        backwards = present[start:stop][::-1, columns[open_columns]]
        found = backwards.any(axis=0)
        row[open_columns[found]] = stop - 1 - backwards[:, found].argmax(axis=0)
        open_columns, stop, size = open_columns[~found], start, size * 8
    return row


def believed(block: Block, stop: int) -> Integers:
    """Row of each symbol's newest bar ahead of ``stop``; -1 where there is none or validation would not take it."""
    columns = np.arange(len(block.symbols))
    row = newest_rows(block.present[:stop], columns)
    known = np.flatnonzero(row >= 0)
    at, before, columns = row[known], np.maximum(row[known] - 1, 0), columns[known]
    close = block.values[CLOSE]
    jumped = far(close[before, columns], close[at, columns]) & sound(block, before, columns)
    flawed = np.isin(block.symbols, list(block.flaws))
    row[known[jumped | flawed[columns] | ~sound(block, at, columns)]] = -1
    return row


def sound(block: Block, rows: Integers, columns: Integers) -> Flags:
    """Which of some bars have numbers that can be a bar and came once, or each time the same."""
    width = len(block.symbols)
    disputed = np.isin(rows * width + columns, block.conflicts[0] * width + block.conflicts[1])
    flags: Flags = block.present[rows, columns] & plausible(block.values[:, rows, columns]) & ~disputed
    return flags


def newest_sound(block: Block, stop: int, columns: Integers) -> Integers:
    """Row of each column's last sound bar ahead of ``stop``, -1 without one."""
    row = newest_rows(block.present[:stop], columns)
    known = row >= 0
    wrong = np.flatnonzero(known)[~sound(block, row[known], columns[known])]
    if len(wrong):
        every = np.broadcast_to(np.arange(stop)[:, None], (stop, len(wrong)))
        usable = sound(block, every, np.broadcast_to(columns[wrong], every.shape))
        row[wrong] = newest_rows(usable, np.arange(len(wrong)))
    return row
