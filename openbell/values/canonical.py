"""One canonical text form, so that equal things hash equally on every machine."""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from operator import attrgetter
from types import NoneType
from typing import Any

from pydantic import BaseModel

from openbell.errors import InputError
from openbell.values import money
from openbell.values.time import iso

#: What stays as it is; found by its exact type, as nearly all values are.
_AS_IT_IS = frozenset({NoneType, str, bool, int})


def plain(value: Any) -> Any:
    """The value as JSON types: Decimal and instants as text, mappings with text keys.

    Fields that follow from the others are left out. A value with a method ``canonical`` says itself how it is written.
    """
    kind: Any = type(value)
    return value if kind in _AS_IT_IS else _form(kind)(value)


@lru_cache(maxsize=256)
def _form(kind: type) -> Callable[[Any], Any]:
    """How values of a type are written."""
    if issubclass(kind, Enum):
        return lambda value: plain(value.value)
    for base, form in _FORMS.items():
        if issubclass(kind, base):
            return form
    own = getattr(kind, "canonical", None)
    if own is not None:
        return lambda value: plain(own(value))
    if issubclass(kind, BaseModel):
        return _of_fields(tuple(kind.model_fields))
    if is_dataclass(kind):
        return _of_fields(tuple(field.name for field in fields(kind) if field.init))
    return next((form for base, form in _COMPOSITES.items() if issubclass(kind, base)), _refused)


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise InputError(f"{value!r} is not finite and has no canonical form")
    return value


def _of_fields(names: tuple[str, ...]) -> Callable[[Any], dict[str, Any]]:
    """All fields are taken in one step: a run writes some thousands of them."""
    if len(names) < 2:
        return lambda value: {name: plain(getattr(value, name)) for name in names}
    taken = attrgetter(*names)

    def form(value: Any) -> dict[str, Any]:
        return {
            name: item if type(item) in _AS_IT_IS else plain(item)
            for name, item in zip(names, taken(value), strict=True)
        }

    return form


def _mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        key if type(key) is str else str(plain(key)): item if type(item) in _AS_IT_IS else plain(item)
        for key, item in value.items()
    }


def _sequence(value: Iterable[Any]) -> list[Any]:
    return [plain(item) for item in value]


def _set(value: Iterable[Any]) -> list[Any]:
    return sorted(plain(item) for item in value)


def _refused(value: Any) -> Any:
    raise InputError(f"{type(value).__name__} has no canonical form")


_FORMS: Mapping[type, Callable[[Any], Any]] = {
    str: lambda value: value,
    int: lambda value: value,
    float: _finite,
    Decimal: money.text,
    datetime: iso,
    date: date.isoformat,
}
_COMPOSITES: Mapping[type, Callable[[Any], Any]] = {
    Mapping: _mapping,
    set: _set,
    frozenset: _set,
    list: _sequence,
    tuple: _sequence,
}


def dumps(value: Any) -> str:
    """Canonical JSON: sorted keys, no white space, finite numbers only."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON, in hex."""
    return hashlib.sha256(dumps(value).encode()).hexdigest()
