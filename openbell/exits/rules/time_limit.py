"""No position for ever."""

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from pydantic import Field, model_validator

from openbell.exits.base import ExitRule, FloatRow, Holdings, lasting
from openbell.values.part import Duration
from openbell.values.time import duration_text


class TimeLimit(ExitRule):
    """Closes a position that has been held for so many sessions, or for so long."""

    order: ClassVar[int] = 50
    main: ClassVar[str] = "sessions"
    needs: ClassVar[tuple[str, ...]] = ("age", "sessions")
    measures: ClassVar[str] = "held for"

    sessions: int | None = Field(None, ge=1, le=10_000, description="Sessions begun since the one of the entry.")
    duration: Duration | None = Field(None, description="Or time since the entry, closed hours included, from 1m.")

    @model_validator(mode="after")
    def _one(self) -> "TimeLimit":
        if (self.sessions is None) == (self.duration is None):
            raise ValueError("takes one of sessions and duration")
        if self.duration is not None and self.duration < timedelta(minutes=1):
            raise ValueError(f"duration {duration_text(self.duration)} is below 1m")
        return self

    @property
    def limit(self) -> float:
        """Sessions or seconds."""
        return float(self.sessions) if self.duration is None else self.duration.total_seconds()  # type: ignore[arg-type]

    def measure(self, held: Holdings) -> FloatRow:
        """Sessions or seconds since the entry."""
        return held.sessions if self.duration is None else held.age

    def say(self, value: float) -> str:
        """``3 sessions``, or a duration to the second."""
        if self.duration is None:
            return f"{value:g} session" + ("" if value == 1 else "s")
        return lasting(value)

    def conflict(self, others: Mapping[str, ExitRule]) -> str:
        """Nothing is held over night where everything is closed at the end of each session."""
        nightly = others.get("end_of_session")
        if nightly is None or (self.duration is not None and self.duration < timedelta(days=1)):
            return ""
        return f"exits.{self.name} {self.say(self.limit)} is never reached: {nightly.told} closes everything before"
