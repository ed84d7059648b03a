"""One canonical text form, so that equal things hash equally on every machine."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from pydantic import BaseModel

from openbell.errors import InputError
from openbell.values import money
from openbell.values.time import iso


def plain(value: Any) -> Any:
    """The value as JSON types: Decimal and instants as text, mappings with text keys.

    A value with a method ``canonical`` says itself how it is written.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InputError(f"{value!r} is not finite and has no canonical form")
        return value
    if isinstance(value, Decimal):
        return money.text(value)
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    return _plain_composite(value)


def _plain_composite(value: Any) -> Any:
    if isinstance(value, Enum):
        return plain(value.value)
    own = getattr(type(value), "canonical", None)
    if own is not None:
        return plain(own(value))
    if isinstance(value, BaseModel):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    raise InputError(f"{type(value).__name__} has no canonical form")


def dumps(value: Any) -> str:
    """Canonical JSON: sorted keys, no white space, finite numbers only."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON, in hex."""
    return hashlib.sha256(dumps(value).encode()).hexdigest()
