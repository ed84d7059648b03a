"""The promises of a strategy (``openbell.strategies.base``), each tried on a panel; what is broken is a value.

``check`` tries all of them on some panels. A trial is a function of strategy, panel and random numbers that tells the
first thing it finds, or None.
"""

import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path

import numpy as np

from openbell.errors import StrategyError
from openbell.stages.differences import Difference, cut, difference, instant
from openbell.stages.evaluate import FAULTS
from openbell.stages.futures import FUTURES
from openbell.strategies.base import Mask, Strategy, seasoned
from openbell.values.bars import FIELDS, Bars, empty_bars
from openbell.values.signal import SignalPanel
from openbell.values.time import iso

#: Cells whose words are read, and the longest lookback that can be tried.
WORDS, MOST_BARS = 200, 50_000


class Promise(StrEnum):
    """What a strategy promises; the value is how a person is told."""

    ANSWERS = "answers without an error"
    FUTURE = "knows nothing of the future"
    HISTORY = "needs no more bars than its lookback"
    BOUNDS = "finite, in bounds, with words for every opinion"
    EMPTY = "no opinion without enough bars"
    LATEST = "the latest row is the last one of many"
    INPUT = "leaves the panel as it was"
    REPEATS = "the same panel, the same signals"
    ORDER = "the order of symbols does not matter"
    SPEAKS = "has an opinion at some time"


#: What cannot be told from look-ahead, and is not tried on a panel that shows one.
AFTER_FUTURE = (Promise.HISTORY, Promise.LATEST)


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise that does not hold: on which panel, how in words, and the first cell that shows it."""

    promise: Promise
    detail: str
    cell: Difference | None = None
    panel: str = ""


@dataclass(frozen=True, slots=True)
class Trials:
    """How much is tried: at how many points of each panel, and the seed of all random numbers."""

    points: int = 20
    seed: int = 1


def check(strategy: Strategy, panels: Mapping[str, Bars], trials: Trials) -> tuple[Broken, ...]:
    """Every promise on every panel; the first thing found of each."""
    found: list[Broken] = []
    for number, (name, bars) in enumerate(panels.items()):
        rng = np.random.default_rng((trials.seed, number))
        found += [replace(broken, panel=name) for broken in _on(strategy, bars, rng, trials.points)]
    if not found and not any(_speaks(strategy, bars) for bars in panels.values()):
        found.append(Broken(Promise.SPEAKS, "it has no opinion on any panel, so that there was nothing to check"))
    return tuple(found)


def lookback_of(strategy: Strategy) -> int | Broken:
    """How many bars it needs, or what is wrong with its answer; ``check`` is for strategies that say it."""
    try:
        need = strategy.lookback
    except FAULTS as error:
        return Broken(Promise.ANSWERS, f"lookback: {_place(error)}")
    if isinstance(need, bool) or not isinstance(need, int) or not 1 <= need <= MOST_BARS:
        return Broken(Promise.ANSWERS, f"lookback is {need!r}, not a whole number from 1 to {MOST_BARS}")
    return need


def _on(strategy: Strategy, bars: Bars, rng: np.random.Generator, points: int) -> Iterator[Broken]:
    """The trials on one panel; without an answer to the panel itself there are no others."""
    try:
        ask(strategy, bars)
    except StrategyError as error:
        yield _raised(error)
        return
    peeks = False
    for trial in TRIALS:
        if peeks and trial in (needs_older_bars, answers_otherwise):
            continue
        try:
            broken = trial(strategy, bars, rng, points)
        except StrategyError as error:
            broken = _raised(error)
        if broken is not None:
            peeks |= broken.promise is Promise.FUTURE
            yield broken


def _raised(error: StrategyError) -> Broken:
    written = "read-only" in str(error)
    return Broken(Promise.INPUT if written else Promise.ANSWERS, str(error))


def _speaks(strategy: Strategy, bars: Bars) -> bool:
    return bool((~np.isnan(ask(strategy, bars).target)).any())


def ask(strategy: Strategy, bars: Bars) -> SignalPanel:
    """The signals of a panel; a fault of the strategy's code is a StrategyError with its place."""
    return _answer(strategy.signals, bars, len(bars))


def _answer(question: Callable[[Bars], SignalPanel], bars: Bars, rows: int) -> SignalPanel:
    try:
        panel = question(bars)
    except FAULTS as error:
        raise StrategyError(_place(error)) from error
    if not isinstance(panel, SignalPanel):
        raise StrategyError(f"signals is a {type(panel).__name__}, not a SignalPanel")
    arrays = {"target": panel.target, "confidence": panel.confidence, **panel.evidence}
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.shape != (rows, len(bars.symbols)):
            raise StrategyError(f"{name} has shape {np.shape(array)}, not {(rows, len(bars.symbols))}")
    floats = {name: array.astype(np.float64) for name, array in panel.evidence.items()}
    return SignalPanel(panel.target.astype(np.float64), panel.confidence.astype(np.float64), floats)


def _place(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"


# --- the trials ----------------------------------------------------------------------------------------------


def looks_ahead(strategy: Strategy, bars: Bars, rng: np.random.Generator, points: int) -> Broken | None:
    """Another future, at some points of the panel, changes nothing before it."""
    whole, most = ask(strategy, bars), len(bars)
    cuts = {1, strategy.lookback, most - 1, *rng.integers(1, max(2, most), points).tolist()}
    for stop in sorted(at for at in cuts if 0 < at < most):
        past = cut(whole, slice(0, stop))
        for words, future in FUTURES.items():
            other = cut(ask(strategy, future(bars, stop, rng)), slice(0, stop))
            if (cell := difference(past, other, bars)) is not None:
                since = f"with the bars from {iso(instant(bars, stop))} on {words}"
                return Broken(Promise.FUTURE, f"it looks ahead: {since}, {cell.words}", cell)
    return None


def needs_older_bars(strategy: Strategy, bars: Bars, rng: np.random.Generator, points: int) -> Broken | None:
    """The last ``lookback`` bars give the same row as the whole past."""
    need, whole = strategy.lookback, ask(strategy, bars)
    if len(bars) < need:
        return None
    for stop in (need, len(bars), *rng.integers(need, len(bars) + 1, points).tolist()):
        alone = cut(ask(strategy, bars.rows(stop - need, stop)), slice(-1, None))
        row = slice(stop - 1, stop)
        if (cell := difference(cut(whole, row), alone, bars.rows(stop - 1, stop))) is not None:
            said = f"lookback says that {need} bars are enough, but it depends on older ones"
            return Broken(Promise.HISTORY, f"{said}: without them {cell.words}", cell)
    return None


def out_of_bounds(strategy: Strategy, bars: Bars, rng: np.random.Generator, points: int) -> Broken | None:  # noqa: ARG001
    """Values in bounds, none without a bar or before its time, and words for what is said."""
    panel = ask(strategy, bars)
    says = ~np.isnan(panel.target)
    for wrong, name, words in _rules(panel, says, seasoned(bars.close, strategy.lookback)):
        if wrong.any():
            row, column = divmod(int(wrong.argmax()), wrong.shape[1])
            value = float(_values(panel, name)[row, column])
            where = f"{name} of {bars.symbols[column]} at {iso(instant(bars, row))} is {value:.10g}"
            return Broken(Promise.BOUNDS, f"{where}: {words}")
    return _wordless(strategy, panel, says)


def _rules(panel: SignalPanel, says: Mask, seasoned: Mask) -> Iterator[tuple[Mask, str, str]]:
    confidence = panel.confidence
    yield says & ~(np.abs(panel.target) <= 1), "target", "a target is outside [-1, 1]"
    yield ~np.isfinite(confidence), "confidence", "a confidence is not finite"
    yield ~((confidence >= 0) & (confidence <= 1)), "confidence", "a confidence is outside [0, 1]"
    yield ~says & (confidence != 0), "confidence", "there is confidence without an opinion"
    yield says & ~seasoned, "target", "there is an opinion without enough bars"
    for name, values in panel.evidence.items():
        yield says & ~np.isfinite(values), name, "evidence is not finite under an opinion"


def _values(panel: SignalPanel, name: str) -> np.ndarray:
    values: np.ndarray = getattr(panel, name) if name in ("target", "confidence") else panel.evidence[name]
    return values


def _wordless(strategy: Strategy, panel: SignalPanel, says: Mask) -> Broken | None:
    """Words for many cells, which are those for each of them, and none that speak of nan."""
    told = {name: values[says][:: max(1, int(says.sum()) // WORDS)] for name, values in panel.evidence.items()}
    cells = [{name: float(values[at]) for name, values in told.items()} for at in range(_count(told))]
    try:
        each = [strategy.reason(cell) for cell in cells] if told else [strategy.reason({})] * bool(says.any())
        many = strategy.reasons(told) if cells else each
        hold = strategy.hold_reason
    except FAULTS as error:
        raise StrategyError(f"reason: {_place(error)}") from error
    if bad := [text for text in (*each, hold) if not isinstance(text, str) or not text or "nan" in text]:
        return Broken(Promise.BOUNDS, f"{bad[0]!r} are no words that a person can use")
    if list(many) != each:
        return Broken(Promise.BOUNDS, "reasons gives other words for many cells than reason for each")
    return None


def _count(told: Mapping[str, np.ndarray]) -> int:
    return len(next(iter(told.values()))) if told else 0


def speaks_too_soon(strategy: Strategy, bars: Bars, rng: np.random.Generator, points: int) -> Broken | None:  # noqa: ARG001
    """No bars, no symbols, and one bar less than needed give no opinion."""
    none = ask(strategy, empty_bars(bars.symbols, bars.timeframe, bars.provider))
    ask(strategy, bars.select([]))
    short = ask(strategy, bars.rows(0, strategy.lookback - 1))
    if none.target.size or not np.isnan(short.target).all() or short.confidence.any():
        return Broken(Promise.EMPTY, f"it has an opinion on {min(len(bars), strategy.lookback - 1)} bars")
    return None


def answers_otherwise(strategy: Strategy, bars: Bars, rng: np.random.Generator, points: int) -> Broken | None:
    """``latest``, which a live run asks, is the last row of ``signals``, which a replay asks."""
    need, whole = strategy.lookback, ask(strategy, bars)
    if len(bars) < need:
        return None
    for stop in {need, len(bars), *rng.integers(need, len(bars) + 1, points).tolist()}:
        alone, row = _answer(strategy.latest, bars.rows(0, stop), 1), slice(stop - 1, stop)
        if (cell := difference(cut(whole, row), alone, bars.rows(stop - 1, stop))) is not None:
            return Broken(Promise.LATEST, f"latest differs from the last row of signals: {cell.words}", cell)
    return None


def writes(strategy: Strategy, bars: Bars, rng: np.random.Generator, points: int) -> Broken | None:  # noqa: ARG001
    """The panel holds what it held, and no answer is a view of it."""
    before = bars.digest()
    panel = strategy.signals(bars)
    if bars.digest() != before:
        return Broken(Promise.INPUT, "it changes the panel that it is given")
    for name in FIELDS:
        for array in (panel.target, panel.confidence):
            if np.shares_memory(array, bars.panel(name)):
                return Broken(Promise.INPUT, f"its answer is a view of {name}, not an array of its own")
    return None


def wavers(strategy: Strategy, bars: Bars, rng: np.random.Generator, points: int) -> Broken | None:  # noqa: ARG001
    """Asked twice, it says the same to the bit."""
    one, other = ask(strategy, bars), ask(strategy, bars)
    if _bytes(one) == _bytes(other):
        return None
    cell = difference(one, other, bars)
    return Broken(Promise.REPEATS, f"asked twice, {cell.words if cell else 'it rounds differently'}", cell)


def _bytes(panel: SignalPanel) -> list[bytes]:
    names = [field.name for field in fields(panel) if field.name != "evidence"]
    arrays = [getattr(panel, name) for name in names] + list(panel.evidence.values())
    return [np.ascontiguousarray(array).tobytes() for array in arrays]


def depends_on_order(strategy: Strategy, bars: Bars, rng: np.random.Generator, points: int) -> Broken | None:  # noqa: ARG001
    """The columns in another order give the columns of the answer in that order."""
    order = rng.permutation(len(bars.symbols)).tolist()
    mixed = bars.select([bars.symbols[column] for column in order])
    cell = difference(cut(ask(strategy, bars), slice(None), order), ask(strategy, mixed), mixed)
    return Broken(Promise.ORDER, f"with the symbols in another order, {cell.words}", cell) if cell else None


Trial = Callable[[Strategy, Bars, np.random.Generator, int], Broken | None]
TRIALS: tuple[Trial, ...] = (
    looks_ahead,
    needs_older_bars,
    out_of_bounds,
    speaks_too_soon,
    answers_otherwise,
    writes,
    wavers,
    depends_on_order,
)
