"""The functions of the expression language: one table, from which the parser, the evaluation and the docs are made.

Every function is computed on panels (time down, symbols across) for all symbols at once. It is asked for its last
``rows`` rows and is given its arguments with the rows before them that it rests on. Anything that is not known is NaN.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from openbell import rolling
from openbell.values.bars import FIELDS, FloatPanel

#: An average of n bars that never forgets starts this many times n bars ago: what came before weighs 0.03 %.
SETTLE = 4
#: Longest window.
MAX_WINDOW = 2_000
#: Largest multiple, such as that of a Bollinger band.
MAX_MULTIPLE = 100

Compute = Callable[[tuple[FloatPanel, ...], tuple[float, ...], int], FloatPanel]


@dataclass(frozen=True, slots=True)
class Number:
    """A parameter that must be written as a number, between ``low`` and ``high``; whole unless said otherwise."""

    name: str
    low: float
    high: float
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Function:
    """One function. ``inputs`` are fields that it always reads; ``series`` names what else it is computed on.

    ``default`` is the field that stands in for a series that is not given. ``before`` says, from the parameters, on
    how many rows before its own the function rests. A function whose ``series`` has two names takes numbers too.
    """

    says: str
    compute: Compute
    series: tuple[str, ...] = ()
    default: str = ""
    inputs: tuple[str, ...] = ()
    numbers: tuple[Number, ...] = ()
    before: Callable[[tuple[float, ...]], int] = lambda _: 0

    def call(self, name: str) -> str:
        """How it is written."""
        given = [*self.series, *(number.name for number in self.numbers)]
        if self.default:
            given[0] = f"[{given[0]}={self.default}]"
        return f"{name}({', '.join(given)})"


_BARS = Number("bars", 1, MAX_WINDOW)
_MULTIPLE = Number("multiple", 0, MAX_MULTIPLE, whole=False)


def settling(bars: int) -> int:
    """How many bars an exponential average of that many bars rests on."""
    return SETTLE * bars


def wilder(bars: int) -> int:
    """The exponential average that forgets as fast as Wilder's of that many bars."""
    return 2 * bars - 1


@lru_cache(maxsize=1024)
def _weights(bars: int, alpha: float, length: int) -> FloatPanel:
    """Weights of an exponential average that starts as the plain mean of its first bars, oldest first."""
    kept = (1 - alpha) ** np.arange(length - 1, -1, -1.0)
    weights = np.where(np.arange(length) < bars, kept[bars - 1] / bars, alpha * kept)
    weights.flags.writeable = False
    return weights


def _ema(panel: FloatPanel, bars: int, rows: int) -> FloatPanel:
    return rolling.weighted(panel, _weights(bars, 2 / (bars + 1), settling(bars)), rows)


def _wilder(panel: FloatPanel, bars: int, rows: int) -> FloatPanel:
    return rolling.weighted(panel, _weights(bars, 1 / bars, settling(wilder(bars))), rows)


def _rsi(close: FloatPanel, bars: int, rows: int) -> FloatPanel:
    step = np.diff(rolling.last(close, rows + settling(wilder(bars))), axis=0)
    rises, movement = _wilder(np.maximum(step, 0), bars, rows), _wilder(np.abs(step), bars, rows)
    moved = np.where(movement > rolling.ROUNDING * np.abs(close[-rows:]), movement, 0.0)
    index = np.clip(100 * rolling.ratio(rises, moved, 0.5), 0.0, 100.0)
    return np.where(np.isfinite(movement), index, np.nan)


def _atr(panels: tuple[FloatPanel, ...], bars: int, rows: int) -> FloatPanel:
    high, low, close = panels
    length = rows + settling(wilder(bars)) - 1
    before = rolling.last(close, length, 1)
    top, bottom = np.maximum(rolling.last(high, length), before), np.minimum(rolling.last(low, length), before)
    return _wilder(top - bottom, bars, rows)


def _band(panel: FloatPanel, bars: int, multiple: float, rows: int) -> FloatPanel:
    return rolling.mean(panel, bars, rows) + multiple * rolling.deviation(panel, bars, rows)


def _vwap(panels: tuple[FloatPanel, ...], bars: int, rows: int) -> FloatPanel:
    high, low, close, volume = (rolling.last(panel, rows + bars - 1) for panel in panels)
    traded = rolling.mean((high + low + close) / 3 * volume, bars, rows)
    return rolling.ratio(traded, rolling.mean(volume, bars, rows), np.nan)


def _windowed(work: Callable[[FloatPanel, int, int], FloatPanel]) -> Compute:
    return lambda args, params, rows: work(args[0], int(params[0]), rows)


def _window(params: tuple[float, ...]) -> int:
    return int(params[0]) - 1


def _delay(params: tuple[float, ...]) -> int:
    return int(params[0])


def _over(says: str, work: Callable[[FloatPanel, int, int], FloatPanel], default: str = "close") -> Function:
    return Function(says, _windowed(work), ("series",), default, numbers=(_BARS,), before=_window)


def _bollinger(says: str, side: int) -> Function:
    return Function(
        says,
        lambda args, params, rows: _band(args[0], int(params[0]), side * params[1], rows),
        ("series",),
        "close",
        numbers=(_BARS, _MULTIPLE),
        before=_window,
    )


def _pairwise(says: str, ufunc: Callable[[FloatPanel, FloatPanel], FloatPanel]) -> Function:
    return Function(says, lambda args, _, rows: ufunc(tail(args[0], rows), tail(args[1], rows)), ("a", "b"))


def tail(panel: FloatPanel, rows: int) -> FloatPanel:
    """The last rows; a plain number is the same in each."""
    return panel[-rows:] if panel.ndim else panel


FUNCTIONS: Mapping[str, Function] = {
    "sma": _over("Mean of the last bars.", rolling.mean),
    "ema": Function(
        f"Exponential mean, begun as a plain mean {SETTLE} x bars ago.",
        _windowed(_ema),
        ("series",),
        "close",
        numbers=(_BARS,),
        before=lambda params: settling(int(params[0])) - 1,
    ),
    "rsi": Function(
        "Relative strength index after Wilder, 0 to 100; 50 where nothing moved.",
        _windowed(_rsi),
        ("series",),
        "close",
        numbers=(_BARS,),
        before=lambda params: settling(wilder(int(params[0]))),
    ),
    "atr": Function(
        "Average true range after Wilder.",
        lambda args, params, rows: _atr(args, int(params[0]), rows),
        inputs=("high", "low", "close"),
        numbers=(_BARS,),
        before=lambda params: settling(wilder(int(params[0]))),
    ),
    "highest": _over("Largest of the last bars, the newest among them.", rolling.highest, "high"),
    "lowest": _over("Smallest of the last bars, the newest among them.", rolling.lowest, "low"),
    "change": Function(
        "Change over that many bars in percent; unknown where it began at 0 or below.",
        lambda args, params, rows: 100 * rolling.change(args[0], int(params[0]), rows),
        ("series",),
        "close",
        numbers=(_BARS,),
        before=_delay,
    ),
    "stdev": _over("Standard deviation of the last bars around their mean.", rolling.deviation),
    "bollinger_upper": _bollinger("Mean of the last bars plus a multiple of their standard deviation.", 1),
    "bollinger_lower": _bollinger("Mean of the last bars less a multiple of their standard deviation.", -1),
    "vwap": Function(
        "Mean of (high + low + close) / 3 over the last bars, weighted by volume.",
        lambda args, params, rows: _vwap(args, int(params[0]), rows),
        inputs=("high", "low", "close", "volume"),
        numbers=(_BARS,),
        before=_window,
    ),
    "ago": Function(
        "The series as it was that many bars ago.",
        lambda args, params, rows: rolling.last(args[0], rows, int(params[0])),
        ("series",),
        numbers=(_BARS,),
        before=_delay,
    ),
    "abs": Function("Size without the sign.", lambda args, _, rows: np.abs(args[0][-rows:]), ("series",)),
    "max": _pairwise("The larger of two.", np.maximum),
    "min": _pairwise("The smaller of two.", np.minimum),
}

#: These say whether something holds, and rest on the bar before as well.
CROSSINGS: Mapping[str, str] = {
    "crosses_above": "a is above b now and was not at the bar before.",
    "crosses_below": "a is below b now and was not at the bar before.",
}
NAMES = (*FUNCTIONS, *CROSSINGS)
SERIES = FIELDS
