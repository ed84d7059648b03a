"""The bars that are kept of one feed and timeframe, as arrays, and how answers are laid over them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from openbell.calendar.exchange import Exchange
from openbell.stages.panels import block_of, dense
from openbell.stages.raw_bars import Block, Flags, Integers
from openbell.stages.soundness import CLOSE
from openbell.stages.window import VOLUME
from openbell.values.bars import FIELDS, FloatPanel, Timeframe, Times
from openbell.values.market import Checked

#: A symbol whose whole history is kept is known since then.
EVER = -(2**63) + 1
#: Prices of one closed bar that differ by more than this part are a correction or a split.
EQUAL = 1e-9
#: Bars kept beyond the most that were asked for, as a part of them and at least.
SPARE, LEAST_SPARE = 4, 64


@dataclass(frozen=True, slots=True)
class Known:
    """Every bar of a symbol from ``since`` to ``until`` (nanoseconds of the epoch) is kept.

    It was like this at ``fetched`` (seconds of the epoch).
    """

    since: int
    until: int
    fetched: float


def _nothing() -> FloatPanel:
    return np.empty((len(FIELDS), 0, 0))


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """Bars by time and symbol: ``values`` is (5, T, N) in the order of FIELDS, NaN where a symbol has no bar.

    ``depth`` is the most bars that were asked for; ``known`` has every symbol of ``symbols``. The close that a symbol
    brings along from before its first bar stands a moment ahead of ``since``, where no window reaches.
    """

    adjustment: str = ""
    depth: int = 0
    symbols: tuple[str, ...] = ()
    times: Times = field(default_factory=lambda: np.empty(0, "datetime64[ns]"))
    values: FloatPanel = field(default_factory=_nothing)
    known: Mapping[str, Known] = field(default_factory=dict)

    def columns(self, symbols: Sequence[str]) -> Integers:
        """Where the symbols stand; each must be known."""
        at = {symbol: column for column, symbol in enumerate(self.symbols)}
        return np.array([at[symbol] for symbol in symbols], np.intp)

    def block(self, symbols: Sequence[str], timeframe: Timeframe, venue: Exchange) -> Block:
        """The bars of some symbols, to be judged like any other."""
        values = self.values if tuple(symbols) == self.symbols else self.values.take(self.columns(symbols), axis=2)
        seen = np.isfinite(values[CLOSE]).any(axis=1)
        if not seen.all():
            return block_of(symbols, self.times[seen], values[:, seen], timeframe, venue)
        return block_of(symbols, self.times, values, timeframe, venue)

    # --- laying answers over it ---

    def contradicted(self, answer: Checked, as_of: np.datetime64) -> set[str]:
        """Symbols of a newest part that has other closed bars than are kept, or none in common with them."""
        symbols, times = answer.bars.symbols, answer.bars.times
        if answer.bars.adjustment != self.adjustment or not len(times):
            return set(symbols)
        grid = np.union1d(self.times[(self.times >= times[0]) & (self.times <= as_of)], times)
        kept = _on(grid, self.times, self.values.take(self.columns(symbols), axis=2))
        given = _on(grid, times, dense(answer))
        until = np.array([self.known[symbol].until for symbol in symbols], np.int64)
        differs, same = _compared(kept, given)
        before = nanos(grid)[:, None] <= until
        broken = (differs & before).any(axis=0) | ~(same & before).any(axis=0)
        return {symbols[column] for column in np.flatnonzero(broken).tolist()}

    def longer(self, answer: Checked, symbols: Sequence[str], fetched: float) -> "Shelf":
        """With the newest bars of symbols that are known already."""
        given = dense(answer)
        if tuple(symbols) != answer.bars.symbols:
            given = given.take([answer.bars.column(symbol) for symbol in symbols], axis=2)
        grid = np.union1d(self.times, answer.bars.times)
        values, at = _on(grid, self.times, self.values), np.searchsorted(grid, answer.bars.times)
        columns = self.columns(symbols)
        old = values[:, at[:, None], columns]
        values[:, at[:, None], columns] = np.where(np.isfinite(given[0]), given, old)
        last = int(nanos(answer.bars.times)[-1])
        before = {self.known[symbol] for symbol in symbols}
        after = {one: Known(one.since, max(one.until, last), fetched) for one in before}
        known = {symbol: after[self.known[symbol]] for symbol in symbols}
        return replace(self, times=grid, values=values, known={**self.known, **known})

    def taking(self, other: "Shelf") -> "Shelf":
        """With all symbols of another shelf of the same adjustment in the place of its own."""
        rest = self.without(other.symbols)
        grid = np.union1d(rest.times, other.times)
        parts = _on(grid, rest.times, rest.values), _on(grid, other.times, other.values)
        return Shelf(
            adjustment=other.adjustment,
            depth=max(self.depth, other.depth),
            symbols=rest.symbols + other.symbols,
            times=grid,
            values=np.concatenate(parts, axis=2),
            known={**rest.known, **other.known},
        )

    def only(self, symbols: Collection[str]) -> "Shelf":
        """Some of its symbols."""
        return self.without(set(self.symbols) - set(symbols))

    def without(self, symbols: Collection[str]) -> "Shelf":
        """Some symbols forgotten."""
        left = tuple(symbol for symbol in self.symbols if symbol not in set(symbols))
        if len(left) == len(self.symbols):
            return self
        known = {symbol: self.known[symbol] for symbol in left}
        return replace(self, symbols=left, values=self.values.take(self.columns(left), axis=2), known=known)

    def trimmed(self) -> "Shelf":
        """Without the oldest bars that nobody asks for, but for the closes that are carried on from them."""
        cut = len(self.times) - self.depth - max(LEAST_SPARE, self.depth // SPARE)
        if cut < LEAST_SPARE:
            return self
        first, present = self.times[cut], np.isfinite(self.values[CLOSE][:cut])
        brought = np.full(len(self.symbols), np.nan)
        columns = np.flatnonzero(present.any(axis=0))
        brought[columns] = self.values[CLOSE, cut - 1 - present[::-1, columns].argmax(axis=0), columns]
        times, values = _brought(self.times[cut:], self.values[:, cut:], brought)
        since = int(nanos(first))
        known = {symbol: replace(one, since=max(one.since, since)) for symbol, one in self.known.items()}
        return replace(self, times=times, values=values, known=known)


def shelf_of(answer: Checked, count: int, fetched: float) -> Shelf:
    """What an answer to a question for ``count`` bars tells of its symbols."""
    bars = answer.bars
    if not len(bars):
        return Shelf(bars.adjustment, count)
    stamps = nanos(bars.times)
    since = EVER if len(bars) < count else int(stamps[0])
    known = dict.fromkeys(bars.symbols, Known(since, int(stamps[-1]), fetched))
    times, values = bars.times, dense(answer)
    if answer.carried is not None and answer.carried[0].any():
        times, values = _brought(times, values, np.where(answer.carried[0], bars.close[0], np.nan))
    return Shelf(bars.adjustment, count, bars.symbols, times, values, known)


def _brought(times: Times, values: FloatPanel, closes: FloatPanel) -> tuple[Times, FloatPanel]:
    """With a bar without volume ahead of all others where a close was carried in from before them."""
    ahead = np.repeat(closes[None, None], len(FIELDS), axis=0)
    ahead[VOLUME, np.isfinite(ahead[VOLUME])] = 0.0
    return np.concatenate((times[:1] - np.timedelta64(1, "ns"), times)), np.concatenate((ahead, values), axis=1)


def nanos(times: Times) -> NDArray[np.int64]:
    """Instants as nanoseconds of the epoch."""
    counted: NDArray[np.int64] = times.astype("datetime64[ns]").view(np.int64)
    return counted


def _on(grid: Times, times: Times, values: FloatPanel) -> FloatPanel:
    """Values on another grid; times that it does not have are left out."""
    if len(grid) >= len(times) and np.array_equal(grid[: len(times)], times):
        spread = np.empty((len(FIELDS), len(grid), values.shape[2]))
        spread[:, : len(times)], spread[:, len(times) :] = values, np.nan
        return spread
    at = np.searchsorted(grid, times)
    inside = np.append(grid, np.datetime64("NaT", "ns"))[at] == times
    spread = np.full((len(FIELDS), len(grid), values.shape[2]), np.nan)
    spread[:, at[inside]] = values[:, inside]
    return spread


def _compared(kept: FloatPanel, given: FloatPanel) -> tuple[Flags, Flags]:
    """Where two answers differ in presence or price, and where both have the same bar; volumes may be revised."""
    had, has = np.isfinite(kept[0]), np.isfinite(given[0])
    near = (np.abs(kept[:VOLUME] - given[:VOLUME]) <= EQUAL * np.abs(kept[:VOLUME])).all(axis=0)
    return (had != has) | (had & has & ~near), had & has & near
