"""When the bell of a job rings, and how often that usually is."""

import re
from datetime import timedelta
from functools import cache
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import Field, field_validator, model_validator

from openbell.values.part import Duration, Part

_AREA = re.compile(r"^(UTC|[A-Z][A-Za-z_]+/[A-Za-z0-9_+\-/]+)$")


@cache
def check_zone(name: str) -> str:
    """An IANA area/location zone or UTC; abbreviations such as EST have no clock changes and are refused."""
    if _AREA.match(name) and name in available_timezones():
        return name
    raise ValueError(f"{name!r} is not an IANA zone such as America/New_York (abbreviations are refused)")


Zone = Annotated[str, Field(max_length=64)]


class Schedule(Part):
    """When a job's bell rings: exactly one of ``cron``, ``every`` and ``at``, or ``enabled = false`` alone."""

    enabled: bool = Field(True, description="Whether the job works at all; every run of one that does not is a skip.")
    cron: str | None = Field(None, description="Five-field cron expression in the zone.")
    every: Duration | None = Field(
        None, description="Interval inside the session, from the open: whole minutes to 24h, or 30s for exits."
    )
    at: tuple[str, ...] = Field(
        (), description="Instants of the session in whole minutes: open+5m, close-10m, close+5m."
    )
    zone: Zone | None = Field(None, description="IANA zone of the cron; default the window's.")

    @field_validator("zone")
    @classmethod
    def _zone(cls, zone: str | None) -> str | None:
        return None if zone is None else check_zone(zone)

    @model_validator(mode="after")
    def _one(self) -> "Schedule":
        given = [name for name in ("cron", "every", "at") if getattr(self, name)]
        if len(given) != 1 and (given or self.enabled):
            raise ValueError(f"needs exactly one of cron, every and at, got {', '.join(given) or 'none'}")
        if self.every is not None and not timedelta(seconds=30) <= self.every <= timedelta(hours=24):
            raise ValueError(f"every {self.every} is not between 30s and 24h")
        return self

    @property
    def words(self) -> str:
        """When it rings, as a person reads it."""
        if self.cron:
            return f"{self.cron} {self.zone or ''}".strip()
        return f"every {self.every}" if self.every else ", ".join(self.at)


#: The usual cadence of each job.
CADENCE = {
    "trade": Schedule(every=timedelta(minutes=15)),
    "exits": Schedule(every=timedelta(seconds=30)),
    "orders": Schedule(every=timedelta(minutes=1)),
    "positions": Schedule(every=timedelta(minutes=5)),
    "prices": Schedule(every=timedelta(minutes=5)),
    "alerts": Schedule(every=timedelta(minutes=5)),
    "snapshot": Schedule(at=("close+5m",)),
    "recover": Schedule(cron="*/5 * * * *"),
    "heartbeat": Schedule(cron="*/5 * * * *"),
    "notify": Schedule(cron="*/5 * * * *"),
}
