"""Nothing over night."""

from datetime import timedelta
from typing import ClassVar

from pydantic import Field, field_validator

from openbell.exits.base import ExitRule, Flags, FloatRow, Holdings, lasting
from openbell.values.part import Duration
from openbell.values.time import duration_text

#: A sweep must have the time to come by, and the order to be filled.
LEAST, MOST = timedelta(minutes=1), timedelta(hours=12)


class EndOfSession(ExitRule):
    """Closes every position so long before the session ends, also on a half day."""

    order: ClassVar[int] = 60
    main: ClassVar[str] = "before"
    needs: ClassVar[tuple[str, ...]] = ("left",)
    measures: ClassVar[str] = "until the session ends"

    before: Duration = Field(timedelta(minutes=5), description="How long before the close, 1m to 12h.")

    @field_validator("before")
    @classmethod
    def _in_bounds(cls, before: timedelta) -> timedelta:
        if not LEAST <= before <= MOST:
            raise ValueError(f"{duration_text(before)} is not between {duration_text(LEAST)} and {duration_text(MOST)}")
        return before

    @property
    def limit(self) -> float:
        """Seconds before the close."""
        return self.before.total_seconds()

    def measure(self, held: Holdings) -> FloatRow:
        """Seconds until the close."""
        return held.left

    def reached(self, measured: FloatRow) -> Flags:
        """At the limit and below it."""
        return measured <= self.limit

    def say(self, value: float) -> str:
        """A duration to the second."""
        return lasting(value)

    @property
    def told(self) -> str:
        """With its duration as a plan writes it."""
        return f"exits.{self.name} {duration_text(self.before)}"
