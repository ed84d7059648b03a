"""What is drawn of a symbol: its price, when it was held, and its fills."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openbell.replay.result import Columns, Floats, Replayed, Trades
from openbell.replay.statistics import session_days
from openbell.values.bars import Times

#: Points of a line, and fills and positions of a symbol, that are drawn at most.
POINTS, MARKS = 1_200, 400
#: Sessions that are named on a line of bars, at most.
TICKS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Priced:
    """One symbol on a line of days since 1970, or, where ``ticks`` says so, of bars, which have no nights.

    ``held`` are positions from and to, and whether long. ``ticks`` are places with their words. ``fills`` is how many
    there were, of which the last ``len(fill_at)`` are drawn.
    """

    symbol: str
    at: Floats
    price: Floats
    held: Sequence[tuple[float, float, bool]]
    fill_at: Floats
    fill_prices: Floats
    bought: NDArray[np.bool_]
    exits: NDArray[np.bool_]
    fills: int
    ticks: Mapping[float, str]


#: From instants to places on a line.
Places = Callable[[Times], Floats]


def most_traded(replayed: Replayed, most: int) -> Columns:
    """The symbols with the most fills, of equal ones the one with the larger turnover; those without any are out."""
    fills, count = replayed.fills, len(replayed.symbols)
    number = np.bincount(fills.column, minlength=count)
    traded = np.bincount(fills.column, weights=np.abs(fills.signed * fills.price), minlength=count)
    order = np.lexsort((-traded, -number))
    return order[: min(most, int((number > 0).sum()))]


def priced(replayed: Replayed, column: int) -> Priced:
    """What there is to draw of a symbol."""
    fills = replayed.fills
    rows = np.flatnonzero(fills.column == column)
    drawn = rows[-MARKS:]
    since = fills.times[drawn[0]] if len(rows) > len(drawn) else np.datetime64(0, "ns")
    times, price, places, ticks = _intraday(replayed, column) if _few_sessions(replayed) else _daily(replayed, column)
    at, shown = thinned(places(times), price)
    return Priced(
        symbol=replayed.symbols[column],
        at=at,
        price=shown,
        held=_held(replayed.trades, column, since, places),
        fill_at=places(fills.times[drawn]),
        fill_prices=fills.price[drawn],
        bought=fills.signed[drawn] > 0,
        exits=fills.exits[drawn],
        fills=len(rows),
        ticks=ticks,
    )


def _few_sessions(replayed: Replayed) -> bool:
    return not replayed.bars.timeframe.daily and len(replayed.curve.times) < POINTS // 20


def _daily(replayed: Replayed, column: int) -> tuple[Times, Floats, Places, Mapping[float, str]]:
    """The closes of the sessions."""
    return replayed.curve.times, replayed.marks[:, column], _days, {}


def _intraday(replayed: Replayed, column: int) -> tuple[Times, Floats, Places, Mapping[float, str]]:
    """Every bar of the sessions, side by side."""
    bars = replayed.bars
    first = np.searchsorted(bars.times, np.datetime64(replayed.start, "ns"))
    last = np.searchsorted(bars.times, replayed.curve.times[-1], side="right")
    times = bars.times[first:last]
    starts = np.searchsorted(times, replayed.curve.times[:-1], side="right")
    days = session_days(replayed.curve.times).tolist()
    step = -(-len(days) // TICKS)
    ticks = {float(at): f"{day:%d %b}" for at, day in list(zip((0, *starts.tolist()), days, strict=True))[::step]}
    return times, bars.close[first:last, column], lambda when: _among(times, when), ticks


def _days(times: Times) -> Floats:
    days: Floats = times.astype("datetime64[D]").astype(np.float64)
    return days


def _among(times: Times, when: Times) -> Floats:
    places: Floats = np.searchsorted(times, when).astype(np.float64)
    return places


def thinned(times: NDArray[Any], values: Floats, most: int = POINTS) -> tuple[NDArray[Any], Floats]:
    """The line with at most ``most`` points: of each stretch its lowest and its highest."""
    known = np.isfinite(values)
    times, values = times[known], values[known]
    if len(values) <= most:
        return times, values
    edges = np.linspace(0, len(values), most // 2 + 1).astype(np.intp)
    spans = [(begin, values[begin:end]) for begin, end in pairwise(edges)]
    kept = np.unique([begin + int(at) for begin, part in spans for at in (part.argmin(), part.argmax())])
    return times[kept], values[kept]


def _held(trades: Trades, column: int, since: np.datetime64, places: Places) -> list[tuple[float, float, bool]]:
    rows = np.flatnonzero((trades.column == column) & (trades.opened >= since))[-MARKS:]
    spans = zip(places(trades.opened[rows]), places(trades.closed[rows]), trades.quantity[rows] > 0, strict=True)
    return [(float(begin), float(end), bool(long)) for begin, end, long in spans]
