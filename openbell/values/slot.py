"""The point of a schedule that a run answers to."""

from dataclasses import dataclass
from datetime import date, datetime

from openbell.errors import InputError
from openbell.values.time import as_utc, iso


@dataclass(frozen=True, slots=True)
class Slot:
    """One planned instant of one job of one plan: whoever starts it, it is the same slot.

    ``planned`` lies on the schedule's own grid, in UTC; ``session`` is the exchange's session date that it
    belongs to, or the local date where the market is closed.
    """

    plan: str
    job: str
    planned: datetime
    session: date

    def __post_init__(self) -> None:
        if self.planned != as_utc(self.planned, "planned") or self.planned.utcoffset():
            raise InputError(f"planned {self.planned.isoformat()} of slot {self.plan}/{self.job} is not in UTC")

    @property
    def key(self) -> str:
        """Text that names the slot in the store, in ids and on the command line."""
        return f"{self.plan}/{self.job}/{iso(self.planned)}"
