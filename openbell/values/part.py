"""What the tables of a plan are made of."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from openbell.errors import InputError
from openbell.values.time import duration_text, parse_duration

T = TypeVar("T")


class Part(BaseModel):
    """Base of a plan's tables: immutable, nothing unknown, nothing infinite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a duration such as 30s, 15m, -10m or 1d")
    return told(parse_duration, value)


def told(check: Callable[[str], T], value: str) -> T:
    """Run one of our checks inside a model: pydantic reports ValueErrors together with the key."""
    try:
        return check(value)
    except InputError as error:
        raise ValueError(str(error)) from None


Duration = Annotated[timedelta, BeforeValidator(_duration), PlainSerializer(duration_text, when_used="json")]
