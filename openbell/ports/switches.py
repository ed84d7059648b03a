"""The kill switch and the breakers, as the store keeps them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Level(StrEnum):
    """The kill switch."""

    ACTIVE = "active"
    REDUCE_ONLY = "reduce_only"
    HALTED = "halted"


@dataclass(frozen=True, slots=True)
class Switch:
    """Where the kill switch stands; unreadable counts as HALTED."""

    level: Level
    epoch: int
    actor: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Breaker:
    """State of the breaker of one dependency of a job of a plan.

    ``broker``, ``data`` and ``store`` count failures, ``rejects`` the orders that the broker refuses; ``loss`` and
    ``orders`` are limits of the plan, and latch when they are reached.
    ``failures`` counts consecutive ones. Open until ``retry_at``; from then on one read-only probe is due
    (half-open), and ``probes`` good ones in a row close it. Latched breakers wait for a person.
    """

    open: bool
    failures: int
    reason: str = ""
    dependency: str = ""
    opened_at: datetime | None = None
    retry_at: datetime | None = None
    probes: int = 0
    latched: bool = False
