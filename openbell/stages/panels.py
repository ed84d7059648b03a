"""Checked panels as a block once more, so that what several answers hold is judged as one."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from openbell.calendar.exchange import Exchange
from openbell.stages.raw_bars import Block
from openbell.values.bars import FIELDS, Bars, FloatPanel, Timeframe, Times
from openbell.values.market import Checked


def dense(checked: Checked) -> FloatPanel:
    """The panel's values, shape (5, T, N), with NaN where a close was only carried forward."""
    values = np.stack([checked.bars.panel(name) for name in FIELDS])
    if checked.carried is not None:
        values[:, checked.carried] = np.nan
    return values


def block_of(symbols: Sequence[str], times: Times, values: FloatPanel, timeframe: Timeframe, venue: Exchange) -> Block:
    """A block of (5, T, N) values, NaN where there is no bar; daily ones get a row for every session in between."""
    if timeframe.daily and len(times):
        grid = np.union1d(_closes(times, venue), times)
        if len(grid) > len(times):
            values = _spread(values, np.searchsorted(grid, times), len(grid))
            times = grid
    none = np.empty((2, 0), np.intp)
    present = np.isfinite(values[0])
    starts = times - np.timedelta64(timeframe.span)
    return Block(tuple(symbols), starts, times, values, present, none, none, np.zeros(len(symbols), np.intp))


def joined(panels: Sequence[Checked], venue: Exchange) -> Block:
    """Panels of different symbols and one timeframe as a block."""
    symbols = tuple(symbol for panel in panels for symbol in panel.bars.symbols)
    times = np.unique(np.concatenate([panel.bars.times for panel in panels]))
    rows = [np.searchsorted(times, panel.bars.times) for panel in panels]
    parts = [_spread(dense(panel), row, len(times)) for panel, row in zip(panels, rows, strict=True)]
    return block_of(symbols, times, np.concatenate(parts, axis=2), panels[0].bars.timeframe, venue)


def _spread(values: FloatPanel, rows: np.ndarray, height: int) -> FloatPanel:
    spread = np.full((len(FIELDS), height, values.shape[2]), np.nan)
    spread[:, rows] = values
    return spread


def _closes(times: Times, venue: Exchange) -> Times:
    """Closes of the sessions from the first to the last of rising times."""
    day = timedelta(days=1)
    first, last = (time.astype("datetime64[D]").item() for time in (times[0], times[-1]))
    closes = venue.session_bounds(max(venue.first, first - day), min(venue.last, last + day))[1]
    inside: Times = closes[(closes >= times[0]) & (closes <= times[-1])]
    return inside


def column_of(bars: Bars | None, symbol: str) -> tuple[Times, FloatPanel]:
    """Times and closes of one symbol as far as they go; empty when it is not there."""
    if bars is None or symbol not in bars.symbols:
        return np.empty(0, "datetime64[ns]"), np.empty(0)
    close = bars.close[:, bars.column(symbol)]
    there = np.isfinite(close)
    return bars.times[there], close[there]
