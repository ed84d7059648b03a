"""Validation of bars, one for all feeds: a symbol that cannot be used drops out, the others go on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from openbell.calendar.exchange import Exchange
from openbell.errors import InputError
from openbell.stages.raw_bars import Block, Integers, RawBars, lay_out
from openbell.stages.sessions import Flaws, session_age
from openbell.stages.soundness import CLOSE, MAX_JUMP, far, newest_rows, plausible
from openbell.stages.window import Window, carried, longest_gap, open_window
from openbell.values.bars import FIELDS, Timeframe, Times, empty_bars, make_bars, to_datetime64
from openbell.values.market import Checked, DropCode, Dropped
from openbell.values.time import as_utc, iso

#: A bar that starts this much after ``as_of`` is in the future; less is a difference of clocks.
CLOCK_SLACK = np.timedelta64(1, "s")
#: Sessions without a bar that are carried forward in daily data; a longer hole is missing data.
MAX_GAP = 3
#: Ratios of splits, and how near a jump must come to be called one.
SPLITS, SPLIT_SLACK = (2.0, 3.0, 10.0, 20.0), 0.05
#: An intraday bar may be late by this.
LATENESS = timedelta(seconds=60)
#: Symbols that a note names.
NAMED = 8
#: What the note on them says.
CARRIED = "without a trade, carried forward"
#: As ``max_age``: data may end long ago; nothing is carried beyond a symbol's last bar.
ANY_AGE = timedelta.max


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a feed, and how its answer is judged.

    ``history``: the source holds all of time and is cut at ``as_of``; otherwise a bar beyond it is an error.
    ``max_age`` is open time for intraday bars and plain time for daily ones. By default an intraday bar may be one
    interval and 60 s old, and daily data must hold the last complete session. ``confirmed`` are symbols whose newest
    close another source has as well: a jump is no reason to doubt it.
    """

    symbols: tuple[str, ...]
    timeframe: Timeframe
    count: int
    as_of: datetime
    exchange: Exchange
    provider: str
    adjustment: str = "raw"
    history: bool = False
    max_age: timedelta | None = None
    confirmed: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        as_utc(self.as_of, "as_of")
        if self.count < 1:
            raise InputError(f"count {self.count} of bars is below 1")


def check_bars(raw: RawBars, wanted: Wanted) -> Checked:
    """The last ``count`` bars complete at ``as_of`` of the symbols that are sound."""
    return check_block(lay_out(raw, wanted.timeframe, wanted.exchange), wanted)


def check_block(block: Block, wanted: Wanted) -> Checked:
    """As ``check_bars``, for bars that are laid out already.

    The window is chosen among the symbols that are left, so that a bad symbol changes nothing for the others.
    """
    checked = _judged(block, wanted)
    doubted = tuple(drop.symbol for drop in checked.dropped if drop.code in (DropCode.STALE, DropCode.SUSPECT))
    if not doubted:
        return checked
    as_far = replace(wanted, symbols=doubted, max_age=ANY_AGE, confirmed=frozenset(doubted))
    return replace(checked, aside=_judged(block, as_far).bars)


def _judged(block: Block, wanted: Wanted) -> Checked:
    column = {symbol: at for at, symbol in enumerate(block.symbols)}
    stop = int(np.searchsorted(block.times, to_datetime64(wanted.as_of), side="right"))
    faults = absent(block, wanted) | _untimely(block, wanted, stop)
    while left := [symbol for symbol in wanted.symbols if symbol not in faults]:
        columns = np.array([column[symbol] for symbol in left], np.intp)
        window = open_window(block, columns, stop, wanted.count, wanted.timeframe.daily)
        found = _unsound(block, window, wanted)
        if not found:
            return _passed(block, window, wanted, faults)
        faults |= found
    nothing = empty_bars((), wanted.timeframe, wanted.provider, wanted.adjustment)
    return Checked(nothing, _dropped(faults, wanted))


def _dropped(faults: Flaws, wanted: Wanted) -> tuple[Dropped, ...]:
    return tuple(Dropped(symbol, *faults[symbol]) for symbol in wanted.symbols if symbol in faults)


def absent(block: Block, wanted: Wanted) -> Flaws:
    """Symbols that the answer does not hold, and those that cannot be used whatever is asked."""
    known = frozenset(block.symbols)
    nothing = (DropCode.MISSING, f"not in the answer of {wanted.provider}")
    if not known:
        nothing = (DropCode.EMPTY, f"the answer of {wanted.provider} holds no bar")
    return {symbol: nothing for symbol in wanted.symbols if symbol not in known} | dict(block.flaws)


def _untimely(block: Block, wanted: Wanted, stop: int) -> Flaws:
    """Symbols without a bar, with one in the future, or whose newest one is too old."""
    everything = np.arange(len(block.symbols))
    newest = newest_rows(block.present[:stop], everything)
    faults: Flaws = {}
    for column in np.flatnonzero(newest < 0).tolist():
        faults[block.symbols[column]] = (DropCode.EMPTY, f"no bar is complete at {iso(wanted.as_of)}")
    with_bars = np.flatnonzero(newest >= 0)
    times = block.times[newest[with_bars]]
    for at, said in _too_old(times, wanted).items():
        faults[block.symbols[with_bars[at]]] = (DropCode.STALE, said)
    return faults | _future(block, wanted) | dict(block.flaws)


def _too_old(times: Times, wanted: Wanted) -> dict[int, str]:
    """Which newest bars are over the limit, with age and limit in words."""
    if wanted.max_age == ANY_AGE:
        return {}
    daily, as_of = wanted.timeframe.daily, to_datetime64(wanted.as_of)
    ages = as_of - times if daily else session_age(times, wanted.as_of, wanted.exchange)
    limit = _age_limit(wanted)
    unit = "" if daily else " of open time"
    return {
        at: f"the newest bar is of {_text(times[at])}, {_span(ages[at])}{unit} old at {iso(wanted.as_of)}; "
        f"the limit is {_span(limit)}"
        for at in np.flatnonzero(ages > limit).tolist()
    }


def _age_limit(wanted: Wanted) -> np.timedelta64:
    if wanted.max_age is not None:
        return np.timedelta64(wanted.max_age)
    if not wanted.timeframe.daily:
        return np.timedelta64(wanted.timeframe.span + LATENESS)
    session = wanted.exchange.last_complete(wanted.as_of)
    age: np.timedelta64 = to_datetime64(wanted.as_of) - wanted.exchange.session_bounds(session, session)[1][0]
    return age


def _future(block: Block, wanted: Wanted) -> Flaws:
    ahead = block.starts > to_datetime64(wanted.as_of) + CLOCK_SLACK
    if wanted.history or not ahead.any():
        return {}
    return {
        block.symbols[column]: (DropCode.FUTURE, f"a bar starts after {iso(wanted.as_of)}")
        for column in np.flatnonzero(block.present[ahead].any(axis=0)).tolist()
    }


def _unsound(block: Block, window: Window, wanted: Wanted) -> Flaws:
    """Symbols whose bars inside the window contradict themselves, are no prices, or have holes."""
    faults: Flaws = {}
    for at in np.flatnonzero(~window.present.any(axis=0)).tolist():
        faults[block.symbols[window.columns[at]]] = (DropCode.STALE, f"no bar since {_text(window.times[0])}")
    gaps = longest_gap(window) if wanted.timeframe.daily else np.zeros(len(window.columns))
    for at in np.flatnonzero(gaps > MAX_GAP).tolist():
        detail = f"no bar in {gaps[at]} sessions in a row, more than {MAX_GAP}"
        faults[block.symbols[window.columns[at]]] = (DropCode.MISSING, detail)
    return faults | _suspect(block, window, wanted) | _invalid(block, window) | _conflicting(block, window)


def _invalid(block: Block, window: Window) -> Flaws:
    wrong = window.present & ~plausible(window.values)
    if not wrong.any():
        return {}
    faults: Flaws = {}
    for at in np.flatnonzero(wrong.any(axis=0)).tolist():
        row = int(wrong[:, at].argmax())
        shown = ", ".join(f"{name} {value:g}" for name, value in zip(FIELDS, window.values[:, row, at], strict=True))
        faults[block.symbols[window.columns[at]]] = (DropCode.INVALID, f"{shown} at {_text(window.times[row])}")
    return faults


def _conflicting(block: Block, window: Window) -> Flaws:
    rows, columns = block.conflicts
    faults: Flaws = {}
    for at in np.flatnonzero(np.isin(rows, window.rows) & np.isin(columns, window.columns)).tolist():
        detail = f"two different bars at {_text(block.times[rows[at]])}"
        faults[block.symbols[columns[at]]] = (DropCode.CONFLICT, detail)
    return faults


def _suspect(block: Block, window: Window, wanted: Wanted) -> Flaws:
    """Symbols whose newest close is too far from the one before to be believed by itself."""
    if len(window.rows) < 2:
        return {}
    (before, after), both = window.values[CLOSE, -2:], window.present[-2:].all(axis=0)
    jumped = np.flatnonzero(both & far(before, after)).tolist()
    symbols = {at: block.symbols[window.columns[at]] for at in jumped}
    return {
        symbol: (DropCode.SUSPECT, jump(before[at], after[at], window.times[-1]))
        for at, symbol in symbols.items()
        if symbol not in wanted.confirmed
    }


def jump(before: float, after: float, time: np.datetime64) -> str:
    """A jump from one close to the next in words."""
    factor = max(after / before, before / after)
    near = next((split for split in SPLITS if abs(factor / split - 1) <= SPLIT_SLACK), None)
    like = f", like a split of {near:g} to 1" if near and after < before else ""
    like = like or (f", like a split of 1 to {near:g}" if near else "")
    return f"from {before:g} to {after:g} in one bar at {_text(time)}, more than {MAX_JUMP:.0%}{like}"


def _passed(block: Block, window: Window, wanted: Wanted, faults: Flaws) -> Checked:
    values, filled, where = carried(window, to_the_end=wanted.max_age != ANY_AGE)
    symbols = tuple(block.symbols[column] for column in window.columns.tolist())
    fields = dict(zip(FIELDS, values, strict=True))
    bars = make_bars(symbols, window.times, fields, wanted.timeframe, wanted.provider, wanted.adjustment)
    notes = _notes(block, window, wanted, symbols, filled)
    return Checked(bars, _dropped(faults, wanted), notes, carried=where)


def _notes(block: Block, window: Window, wanted: Wanted, symbols: tuple[str, ...], filled: Integers) -> tuple[str, ...]:
    rows, columns = block.doubles
    doubled = np.bincount(columns[np.isin(rows, window.rows)], minlength=len(block.symbols))[window.columns]
    unfinished = block.times > to_datetime64(wanted.as_of)
    forming = block.present[unfinished].sum(axis=0)[window.columns] * (not wanted.history)
    told = {
        "outside the sessions, left out": block.outside[window.columns],
        "given twice with equal values, dropped": doubled,
        "still forming, left out": forming,
        CARRIED: filled,
    }
    return (*(["rows out of time order, sorted"] if block.resorted else []), *counted(told, symbols))


def counted(told: Mapping[str, Integers], symbols: tuple[str, ...]) -> tuple[str, ...]:
    """One note for each thing that happened to any symbol, with how often it did to each."""
    return tuple(_count(what, symbols, counts) for what, counts in told.items() if counts.any())


def _count(what: str, symbols: tuple[str, ...], counts: Integers) -> str:
    some = [f"{symbols[at]} {counts[at]}" for at in np.flatnonzero(counts).tolist()]
    more = f" and {len(some) - NAMED} more symbols" if len(some) > NAMED else ""
    return f"bars {what}: {', '.join(some[:NAMED])}{more}"


def _text(instant: np.datetime64) -> str:
    return f"{instant.astype('datetime64[s]')}Z"


def _span(age: np.timedelta64) -> str:
    return str(timedelta(seconds=int(age / np.timedelta64(1, "s"))))
