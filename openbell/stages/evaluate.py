"""evaluate-strategies: each strategy's view of each symbol at the last bar; one that fails only fails itself."""

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openbell.errors import OpenbellError, StrategyError
from openbell.strategies.base import Strategy, seasoned
from openbell.values.bars import Bars, FloatPanel
from openbell.values.market import DropCode, Dropped
from openbell.values.signal import Signal, SignalPanel, check_bounds, signal_row

#: Symbols that are asked at once where each is asked for itself: their panels stay in the processor's own memory.
STRIP = 64
#: What faulty code raises. A running-out of memory or an interrupt is not the strategy's and ends the run.
FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    Warning,
    OpenbellError,
)


@dataclass(frozen=True, slots=True)
class Seat:
    """A strategy at work in a plan: its name in signals and books, its symbols, its share of the sizing."""

    label: str
    strategy: Strategy
    universe: tuple[str, ...]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Failure:
    """A strategy that raised or broke its contract, and how."""

    label: str
    detail: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Signals by seat and symbol, the seats that failed, and the symbols still too young for a seat.

    ``looked`` are the labels of the seats that were asked, ``waiting`` says why the others were not.
    """

    signals: tuple[Signal, ...]
    failures: tuple[Failure, ...] = ()
    warmup: tuple[Dropped, ...] = ()
    looked: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """A universe in the panel: its bars and how many of each symbol lead up to the last row, shape (N,)."""

    bars: Bars
    depth: NDArray[np.int64]
    absent: tuple[str, ...]


#: A strategy and the bars that it is asked on.
Question = tuple[Strategy, Bars]
Answer = SignalPanel | StrategyError
#: Whoever asks strategies: answers in the order of the questions, a fault among them.
Ask = Callable[[Sequence[Question]], Iterable[Answer]]


def answer(question: Question) -> Answer:
    """What a strategy says of the last bar, or what it did wrong."""
    strategy, bars = question
    try:
        return _ask(strategy.latest, bars, 1)
    except StrategyError as error:
        return error


def in_turn(questions: Sequence[Question]) -> Iterable[Answer]:
    """One strategy after the other, in this thread."""
    return map(answer, questions)


def history_needed(seats: Iterable[Seat]) -> int:
    """Bars that the most demanding seat needs, 0 without a seat."""
    return max((seat.strategy.lookback for seat in seats), default=0)


def evaluate(
    seats: Sequence[Seat], bars: Bars, dropped_symbols: AbstractSet[str] = frozenset(), ask: Ask = in_turn
) -> Evaluation:
    """Every seat's signals at the last bar, HOLD included.

    A seat sees its own ``lookback`` bars and no more, so its answer does not depend on what others need.
    ``dropped_symbols`` are absent for a known reason and are not reported again. Whoever asks, the answer is the same.
    """
    recent = bars.tail(history_needed(seats))
    universes = {seat.universe for seat in seats}
    views = {universe: _view(universe, recent) for universe in universes}
    old = [seat for seat in seats if (views[seat.universe].depth >= seat.strategy.lookback).any()]
    answers = iter(ask([(seat.strategy, views[seat.universe].bars) for seat in old]))
    signals: list[Signal] = []
    failures: list[Failure] = []
    warmup: list[Dropped] = []
    for seat in seats:
        view = views[seat.universe]
        try:
            signals.extend(_last_row(seat, view, answers))
        except StrategyError as error:
            failures.append(Failure(seat.label, str(error)))
        warmup.extend(_warmup(seat, view, dropped_symbols))
    return Evaluation(tuple(signals), tuple(failures), tuple(warmup))


def panel_signals(seat: Seat, bars: Bars) -> SignalPanel:
    """A seat's opinions at every bar, for those of its universe that the panel holds, in the universe's order.

    Raises StrategyError when the strategy fails or any cell breaks the contract.
    """
    chosen = _view(seat.universe, bars).bars
    if not seat.strategy.apart or len(chosen.symbols) <= STRIP:
        return _opinions(seat, chosen)
    target, confidence = np.empty(chosen.close.shape), np.empty(chosen.close.shape)
    for start in range(0, len(chosen.symbols), STRIP):
        some = _opinions(seat, chosen.columns(start, start + STRIP))
        target[:, start : start + STRIP], confidence[:, start : start + STRIP] = some.target, some.confidence
    return SignalPanel(target, confidence)


def _opinions(seat: Seat, bars: Bars) -> SignalPanel:
    panel = _ask(seat.strategy.opinions, bars, len(bars))
    old_enough = seasoned(bars.close, seat.strategy.lookback)
    target = np.where(old_enough, panel.target, np.nan)
    confidence = np.where(old_enough, panel.confidence, 0.0)
    check_bounds(seat.label, bars.symbols, target, confidence)
    return SignalPanel(target, confidence, panel.evidence)


def _view(universe: tuple[str, ...], bars: Bars) -> _View:
    """Bars of a universe; a symbol that has ended before the last row has no depth.

    The arrays are views of read-only ones, which no strategy can make writeable.
    """
    held = set(bars.symbols)
    chosen = bars.select([symbol for symbol in universe if symbol in held]).rows(0, len(bars))
    depth = np.zeros(len(chosen.symbols), np.int64)
    if len(chosen):
        depth = np.where(np.isfinite(chosen.close[-1]), chosen.counts(), 0)
    return _View(chosen, depth, tuple(symbol for symbol in universe if symbol not in held))


def _last_row(seat: Seat, view: _View, answers: Iterator[Answer]) -> tuple[Signal, ...]:
    ready = view.depth >= seat.strategy.lookback
    if not ready.any():
        return ()
    panel = next(answers)
    if isinstance(panel, StrategyError):
        raise panel
    row = {"target": panel.target[0], "confidence": panel.confidence[0]}
    evidence, symbols = {name: values[0] for name, values in panel.evidence.items()}, view.bars.symbols
    if not ready.all():
        row, evidence, symbols = _picked(row, ready), _picked(evidence, ready), tuple(compress(symbols, ready))
    return signal_row(seat.label, symbols, **row, reasons=_reasons(seat, symbols, row["target"], evidence))


def _picked(row: Mapping[str, FloatPanel], wanted: NDArray[np.bool_]) -> dict[str, FloatPanel]:
    return {name: values[wanted] for name, values in row.items()}


def _ask(signals: Callable[[Bars], SignalPanel], bars: Bars, rows: int) -> SignalPanel:
    """The strategy's panel in float64, of the shape asked for."""
    with _told():
        panel = signals(bars)
        if not isinstance(panel, SignalPanel):
            raise StrategyError(f"signals is a {type(panel).__name__}, not a SignalPanel")
        evidence = {name: np.asarray(values, np.float64) for name, values in panel.evidence.items()}
        panel = SignalPanel(np.asarray(panel.target, np.float64), np.asarray(panel.confidence, np.float64), evidence)
    if panel.target.shape != (rows, len(bars.symbols)):
        raise StrategyError(f"target has shape {panel.target.shape}, not {(rows, len(bars.symbols))}")
    return panel


def _reasons(seat: Seat, symbols: Sequence[str], target: FloatPanel, evidence: Mapping[str, FloatPanel]) -> list[str]:
    """Words from the evidence where there is an opinion, the strategy's constant ones elsewhere."""
    acting = ~np.isnan(target)
    told = evidence if acting.all() else _picked(evidence, acting)
    for name, values in told.items():
        if not np.isfinite(values).all():
            symbol = tuple(compress(symbols, acting))[int(np.isfinite(values).argmin())]
            raise StrategyError(f"evidence {name} of {seat.label} for {symbol} is not finite")
    with _told():
        words = seat.strategy.reasons(told) if told else [seat.strategy.reason({})] * int(acting.sum())
        hold, spoken = seat.strategy.hold_reason, iter(words)
        "".join([hold, *words])  # a TypeError names the first that is no text
    if len(words) != int(acting.sum()):
        raise StrategyError(f"{seat.label} gave {len(words)} reasons for {int(acting.sum())} opinions")
    return words if len(words) == len(symbols) else [next(spoken) if acts else hold for acts in acting.tolist()]


@contextmanager
def _told() -> Iterator[None]:
    """Turns a fault of foreign code into a StrategyError that says what and where."""
    try:
        yield
    except StrategyError:
        raise
    except FAULTS as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(last.filename).name}:{last.lineno}"
        raise StrategyError(f"{type(error).__name__}: {error} ({place})") from error


def _warmup(seat: Seat, view: _View, dropped: AbstractSet[str]) -> Iterator[Dropped]:
    """Symbols that are too young for the seat, with a count of the bars that lead up to the last one."""
    need = seat.strategy.lookback
    young = np.flatnonzero(view.depth < need).tolist()
    found = [(view.bars.symbols[column], int(view.depth[column])) for column in young]
    for symbol, has in (*found, *((symbol, 0) for symbol in view.absent if symbol not in dropped)):
        yield Dropped(symbol, DropCode.WARMUP, f"{seat.label} needs {need} bars, has {has}")
