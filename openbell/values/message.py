"""Messages for people on their way out, and what they are made from."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class Severity(StrEnum):
    """How much a message matters, least first."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class MessageState(StrEnum):
    """Where a message stands; one that is merged is told by another one, with a count."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Noted:
    """One row of a log of the store that somebody may want to know of: ``log`` names the table, ``number`` the row.

    runs: ``kind`` is the job, ``subject`` the run's id, ``code`` the outcome. alerts, breaks: kind and subject as they
    are.
    switches: ``kind`` is the new level. breaker_events: ``kind`` is what happened, ``subject`` job and dependency.
    An empty ``plan`` concerns all of them.
    """

    log: str
    number: int
    time: datetime
    kind: str
    subject: str
    detail: str
    plan: str = ""
    code: str = ""
    actor: str = ""
    counters: Mapping[str, int] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """Name of the row in the store."""
        return f"{self.log}/{self.number}"


@dataclass(frozen=True, slots=True)
class Message:
    """A text for one target. ``key`` is the same for what says the same, ``source`` names the row that it tells of."""

    source: str
    target: str
    plan: str
    level: Severity
    kind: str
    key: str
    subject: str
    body: str
    created: datetime
    expires: datetime

    @property
    def id(self) -> str:
        """The same row told to the same target is the same message, whoever writes it."""
        return "msg-" + hashlib.sha256(f"{self.source}\n{self.target}".encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Posted:
    """A message as the outbox has it. ``times`` is how many it stands for, the newest of them at ``last_seen``."""

    message: Message
    state: MessageState
    next_try: datetime
    tries: int
    times: int
    last_seen: datetime
    error: str = ""
    merged_into: str = ""

    @property
    def id(self) -> str:
        """Id of the message."""
        return self.message.id


@dataclass(frozen=True, slots=True)
class Sent:
    """The target took the message."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The target did not take the message, or nobody knows; ``detail`` holds no address and no secret.

    ``final``: trying again is no use. ``after``: the target asked to be left alone for so long.
    """

    detail: str
    final: bool = False
    after: timedelta | None = None


Delivery = Sent | Failed
