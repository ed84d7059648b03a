"""Rules: all of them on the whole panel at once, judged at its last bar and at each bar only once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from openbell.alerts.definitions import Rule
from openbell.alerts.look import Found, Look, Unjudged
from openbell.alerts.panel import Panel, Program, Truth, operands
from openbell.values.alert import AlertStanding, AlertStep
from openbell.values.bars import Bars, to_datetime64

#: Whatever the rules are, they are judged for no longer than this.
TIME_LIMIT = timedelta(seconds=120)
OUT_OF_TIME = f"not judged within {TIME_LIMIT.total_seconds():g} s"
NO_BARS = "no usable bars"
NO_VALUE = "a value in it cannot be computed"
#: Values that the reason of a rule names.
_NAMED = 8


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """The symbols of a rule: where they stand in the panel, and those that do not."""

    symbols: tuple[str, ...]
    places: NDArray[np.intp]
    absent: tuple[str, ...]


def judge_rules(rules: Sequence[Rule], look: Look, expired: Callable[[], bool]) -> Iterator[Found]:
    """The next step of each rule on each symbol, and for which symbols it is unknown."""
    if not len(look.bars):
        yield from (Unjudged(rule.name, rule.symbols or look.universe, NO_BARS) for rule in rules)
        return
    trees = [tree for rule in rules for tree in (rule.tree, rule.rearm) if tree is not None]
    panel = Panel(Program(trees), look.bars, expired)
    bar, counts = last_bar(look.bars), look.bars.counts()
    chosen: dict[tuple[str, ...], _Columns] = {}
    for rule in rules:
        symbols = rule.symbols or look.universe
        columns = chosen.setdefault(symbols, chosen.get(symbols) or _columns(symbols, look.bars))
        truth = panel.truth(rule.tree)
        if truth is None:
            yield Unjudged(rule.name, symbols, OUT_OF_TIME)
            continue
        yield from _unknown(rule, truth, columns, counts)
        yield from _Judging(rule, truth, panel, columns, bar, look).steps()


def last_bar(bars: Bars) -> datetime:
    """When the last bar was complete."""
    moment: datetime = bars.times[-1].astype("datetime64[us]").item()
    return moment.replace(tzinfo=UTC)


def _columns(symbols: tuple[str, ...], bars: Bars) -> _Columns:
    places = {symbol: place for place, symbol in enumerate(bars.symbols)}
    present = tuple(symbol for symbol in symbols if symbol in places)
    absent = tuple(symbol for symbol in symbols if symbol not in places)
    return _Columns(present, np.array([places[symbol] for symbol in present], np.intp), absent)


def _unknown(rule: Rule, truth: Truth, columns: _Columns, counts: NDArray[np.int64]) -> Iterator[Unjudged]:
    if columns.absent:
        yield Unjudged(rule.name, columns.absent, NO_BARS)
    unknown = ~(truth.yes | truth.no)[columns.places]
    if not unknown.any():
        return
    short = counts[columns.places] < rule.bars
    for which, reason in ((unknown & short, f"needs {rule.bars} bars of history"), (unknown & ~short, NO_VALUE)):
        if which.any():
            yield Unjudged(rule.name, tuple(columns.symbols[at] for at in np.flatnonzero(which).tolist()), reason)


@dataclass(frozen=True, eq=False)
class _Judging:
    """One rule at one bar."""

    rule: Rule
    truth: Truth
    panel: Panel
    columns: _Columns
    bar: datetime
    look: Look

    @cached_property
    def parts(self) -> "Parts":
        """Worked out when the first symbol has something to tell."""
        return Parts(self.rule, self.panel)

    def steps(self) -> Iterator[Found]:
        """Fires where it holds and is armed; elsewhere what fired may be armed again."""
        hits = np.flatnonzero(self.truth.yes[self.columns.places]).tolist()
        fired: set[str] = set()
        for at in hits:
            symbol, place = self.columns.symbols[at], int(self.columns.places[at])
            if self._may_fire(self.look.standing(self.rule, symbol)):
                fired.add(symbol)
                yield self.look.event(self.rule, symbol, AlertStep.FIRED, self.bar, self.parts.words(place))
        yield from self._rearmed(fired)

    def _may_fire(self, standing: AlertStanding | None) -> bool:
        if standing is None:
            return True
        return standing.since < self.bar and (standing.armed or self._waited(standing))

    def _rearmed(self, fired: set[str]) -> Iterator[Found]:
        standings: Mapping[str, AlertStanding] = self.look.standings.get(self.rule.name, {})
        waiting = [symbol for symbol, found in standings.items() if not found.armed and symbol not in fired]
        if not waiting:
            return
        places = dict(zip(self.columns.symbols, self.columns.places.tolist(), strict=True))
        for symbol in waiting:
            standing = self.look.standing(self.rule, symbol)
            if standing is None or symbol not in places or standing.since >= self.bar:
                continue
            if self._back(standing, places[symbol]):
                said = self.parts.words(places[symbol])
                yield self.look.event(self.rule, symbol, AlertStep.REARMED, self.bar, said)

    def _back(self, standing: AlertStanding, place: int) -> bool:
        rule = self.rule
        if rule.once:
            return False
        if rule.rearm_after is not None:
            return self._waited(standing)
        if rule.rearm is None:
            return bool(self.truth.no[place])
        truth = self.panel.truth(rule.rearm)
        return truth is not None and bool(truth.yes[place])

    def _waited(self, standing: AlertStanding) -> bool:
        """Whether the bars after which it may fire again have gone by."""
        if self.rule.rearm_after is None:
            return False
        times = self.look.bars.times
        since = len(times) - int(np.searchsorted(times, to_datetime64(standing.since), side="right"))
        return since >= self.rule.rearm_after


class Parts:
    """What a rule compares, as it is written, with the values for every symbol; NaN for unknown."""

    def __init__(self, rule: Rule, panel: Panel) -> None:
        found = operands(rule.tree)
        self.names = [" ".join(rule.when[node.start : node.stop].split()) for node in found]
        self._rows = [panel.last(node) for node in found]

    def at(self, place: int) -> dict[str, float]:
        """The values for one symbol."""
        return {name: row[place] for name, row in zip(self.names, self._rows, strict=True)}

    def words(self, place: int) -> str:
        """The values for one symbol, in words."""
        return ", ".join(f"{name} = {value:.6g}" for name, value in list(self.at(place).items())[:_NAMED])
