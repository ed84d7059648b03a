"""From executions to trades: what was bought and sold from flat to flat."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openbell.replay.result import Columns, Fills, Floats, Trades

#: Quantities are whole numbers of these parts.
_PARTS = 1e9

Places = NDArray[np.intp]
Wholes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Legs:
    """Parts of fills, each into a position or out of it, by column and then by time; arrays of shape (L,).

    ``fill`` is the number of the execution, ``held`` what is held after it in billionths, ``trade`` the number of the
    position that it belongs to.
    """

    fill: Places
    column: Columns
    size: Floats
    price: Floats
    fee: Floats
    into: NDArray[np.bool_]
    held: Wholes
    trade: Places


def trades_of(fills: Fills, closed: np.datetime64, marks: Floats) -> Trades:
    """Positions from flat to flat; those that are open at the end are marked at ``marks`` (N,) as of ``closed``."""
    legs = _legs(fills)
    first = np.flatnonzero(np.diff(legs.trade, prepend=-1))
    last = np.append(first[1:], len(legs.trade))[: len(first)] - 1
    largest = np.maximum.reduceat(np.abs(legs.held), first) if len(first) else np.empty(0, np.int64)
    sign = np.sign(legs.held[first]).astype(np.float64)
    still = legs.held[last] != 0
    column, times = legs.column[first], fills.times.astype("datetime64[ns]")
    opened = times[legs.fill[first]]
    ended = np.where(still, closed.astype("datetime64[ns]"), times[legs.fill[last]])
    entered, paid, left, got, fees = _sums(legs, len(first))
    rest = np.where(still, np.abs(legs.held[last]) / _PARTS, 0.0)
    left, got = left + rest, got + np.where(still, rest * marks[column], 0.0)
    # Ties go by the last fill of what has ended, then by the first of what has not.
    order = np.lexsort((np.where(still, len(fills) + legs.fill[first], legs.fill[last]), opened, ended))
    return Trades(
        column=column[order],
        opened=opened[order],
        closed=ended[order],
        quantity=(sign * (largest / _PARTS))[order],
        entry=(paid / entered)[order],
        exit=(got / left)[order],
        profit=(sign * (got - paid) - fees)[order],
        fees=fees[order],
        open=still[order],
    )


def _legs(fills: Fills) -> _Legs:
    """The fills by column; one that goes through zero is two, and its fee goes with each part."""
    by = np.argsort(fills.column, kind="stable").astype(np.intp)
    signed = np.rint(fills.signed[by] * _PARTS).astype(np.int64)
    before, after = _running(fills.column[by], signed)
    crosses = before * 1.0 * after < 0
    twice = np.repeat(np.arange(len(by)), 1 + crosses)
    second = np.append(False, np.diff(twice) == 0) if len(twice) else np.zeros(0, np.bool_)
    through = crosses[twice]
    start = np.where(second, 0, before[twice])
    end = np.where(through & ~second, 0, after[twice])
    size = np.abs(fills.signed[by][twice])
    part = np.where(through, np.abs(end - start) / _PARTS, size)
    column = fills.column[by][twice]
    fee = np.where(through, fills.fee[by][twice] * part / size, fills.fee[by][twice])
    into = np.abs(end) > np.abs(start)
    trade = np.cumsum((start == 0) & into) - 1
    return _Legs(by[twice], column, part, fills.price[by][twice], fee, into, end, trade)


def _running(column: Columns, signed: Wholes) -> tuple[Wholes, Wholes]:
    """What is held before and after each fill of its column; the fills of a column lie together."""
    total = np.cumsum(signed)
    first = np.flatnonzero(np.diff(column, prepend=-1))
    base = np.repeat((total - signed)[first], np.diff(np.append(first, len(column))))
    return total - signed - base, total - base


def _sums(legs: _Legs, trades: int) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """By trade: quantity and money in, quantity and money out, fees."""
    money, into = legs.size * legs.price, legs.into
    return (
        _sum(legs, legs.size, into, trades),
        _sum(legs, money, into, trades),
        _sum(legs, legs.size, ~into, trades),
        _sum(legs, money, ~into, trades),
        _sum(legs, legs.fee, np.ones(len(into), np.bool_), trades),
    )


def _sum(legs: _Legs, values: Floats, which: NDArray[np.bool_], trades: int) -> Floats:
    summed: Floats = np.bincount(legs.trade[which], values[which], trades).astype(np.float64)
    return summed
