"""The points of a sweep: ``fast=5:50:5 slow=50,100,200``, every value exact."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from itertools import product

from openbell import strategies
from openbell.errors import InputError
from openbell.planfiles.overrides import assignments, full_key
from openbell.plugins import find, nearest
from openbell.strategies.base import Strategy
from openbell.values.money import text
from openbell.values.plan import Plan

#: More points than this are a slip of the keyboard.
MOST = 100_000
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?")
_DIGITS = 15

#: Values of one point by the full keys of the plan.
Point = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Axis:
    """One key of the plan and what it is set to in turn: ``key`` in full, ``name`` as it was asked for."""

    name: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """Every combination of the values of some axes; the last axis turns fastest."""

    axes: tuple[Axis, ...]

    def __len__(self) -> int:
        return reduce(lambda count, axis: count * len(axis.values), self.axes, 1)

    def points(self) -> Iterator[Point]:
        """Each point once."""
        keys = [axis.key for axis in self.axes]
        for values in product(*(axis.values for axis in self.axes)):
            yield dict(zip(keys, values, strict=True))


def parse_grid(plan: Plan, texts: Iterable[str]) -> Grid:
    """A grid from ``KEY=VALUES`` each; InputError for a key, a range or a size that cannot be."""
    asked = assignments(texts)
    if not asked:
        raise InputError("a sweep needs at least one KEY=VALUES, such as fast=5:50:5")
    spans = {name: _parts(name, values) for name, values in asked.items()}
    count = reduce(lambda product, span: product * _count(span), spans.values(), 1)
    if count > MOST:
        sizes = " x ".join(f"{_count(span):,}" for span in spans.values())
        raise InputError(f"the grid has {count:,} points ({sizes}), above the limit of {MOST:,}")
    axes = tuple(Axis(name, plan_key(plan, name), _values(span)) for name, span in spans.items())
    for axis in axes:
        _single(axis, axes)
    return Grid(axes)


def plan_key(plan: Plan, name: str) -> str:
    """The full key of a name: a bare one is a parameter of the only strategy that has it, else a key of the plan."""
    if "." in name:
        return full_key(plan, name)
    having = [(number, use) for number, use in enumerate(plan.strategies) if use.enabled and name in _params(use.use)]
    if len(having) > 1:
        which = ", ".join(f"strategies.{use.label}.params.{name}" for _, use in having)
        raise InputError(f"key {name[:60]!r} is a parameter of several strategies: it may be {which}")
    if having:
        return f"strategies.{having[0][0]}.params.{name}"
    try:
        return full_key(plan, name)
    except InputError as error:
        known = {param: None for use in plan.strategies for param in _params(use.use)}
        hint = nearest(name, known)
        raise InputError(f"unknown key {name[:60]!r}{hint}" if hint else str(error)) from None


def _params(use: str) -> Iterable[str]:
    found: type[Strategy] = find(strategies, Strategy, use, "strategy")  # type: ignore[type-abstract]
    return found.model_fields


def _single(axis: Axis, axes: tuple[Axis, ...]) -> None:
    twice = [other.name for other in axes if other.key == axis.key]
    if len(twice) > 1:
        raise InputError(f"{' and '.join(twice)} are the same key, {axis.key}")
    if len(set(axis.values)) < len(axis.values):
        again = next(value for value in axis.values if axis.values.count(value) > 1)
        raise InputError(f"{axis.name}: value {again!r} stands twice")


# --- values --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Span:
    """``start:end:step``, both ends included."""

    start: Decimal
    end: Decimal
    step: Decimal


def _parts(name: str, values: str) -> _Span | tuple[str, ...]:
    """A range, or the values of a list, which are not looked at here."""
    bounds = [part.strip() for part in values.split(":")]
    if len(bounds) == 3 and all(map(_NUMBER.fullmatch, bounds)):
        return _span(name, *map(Decimal, bounds))
    if len(bounds) == 2 and all(map(_NUMBER.fullmatch, bounds)):
        raise InputError(f"{name}: {values!r} has no step; a range is FIRST:LAST:STEP")
    listed = tuple(part.strip() for part in values.split(","))
    if not all(listed):
        raise InputError(f"{name}: {values[:60]!r} has an empty value; a list is 5,10,20 and a range 5:50:5")
    return listed


def _span(name: str, start: Decimal, end: Decimal, step: Decimal) -> _Span:
    if step <= 0:
        raise InputError(f"{name}: step {step} is not above 0")
    if end < start:
        raise InputError(f"{name}: last {end} is before first {start}")
    if any(abs(number) >= Decimal(10) ** _DIGITS for number in (start, end, (end - start) / step)):
        raise InputError(f"{name}: {start}:{end}:{step} is beyond any sensible range")
    return _Span(start, end, step)


def _count(span: _Span | tuple[str, ...]) -> int:
    return len(span) if isinstance(span, tuple) else int((span.end - span.start) / span.step) + 1


def _values(span: _Span | tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(span, tuple):
        return span
    return tuple(text(span.start + number * span.step) for number in range(_count(span)))
