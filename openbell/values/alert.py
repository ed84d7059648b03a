"""What happened to an alert on one symbol, and where it stands."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AlertStep(StrEnum):
    """What can happen to an alert that is watched."""

    FIRED = "fired"
    REARMED = "rearmed"


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One step of one alert on one symbol.

    ``definition`` is the digest of the alert as it was then, ``at`` the bar of a rule or the look of a price.
    ``after`` is the number of the event before it, 0 when there was none: a step is taken once. ``number``, ``slot``
    and ``time`` are given by the store.
    """

    plan: str
    alert: str
    symbol: str
    definition: str
    step: AlertStep
    at: datetime
    detail: str
    after: int = 0
    number: int = 0
    slot: str = ""
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class AlertStanding:
    """Where an alert on one symbol stands since its last event; one that never fired is armed and has none."""

    definition: str
    armed: bool
    since: datetime
    event: int


@dataclass(frozen=True, slots=True)
class AlertMessage:
    """What people are told of the symbols for which one alert fired."""

    kind: str
    subject: str
    detail: str
