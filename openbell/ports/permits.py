"""What people allow a plan to do, whatever its file says: switched off or on, and armed for a live account."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Act(StrEnum):
    """What a person did."""

    OFF = "off"
    ON = "on"
    ARMED = "armed"


@dataclass(frozen=True, slots=True)
class Arming:
    """The live account that a plan was armed for, as the broker named it, and until when.

    ``plan`` is its hash, ``build`` the code that it was armed for.
    """

    account: str
    environment: str
    plan: str
    expires: datetime
    build: str = ""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a person about a plan, or about one ``job`` of it; appended and never changed.

    ``time`` is the database's, None while it is not written yet.
    """

    plan: str
    act: Act
    actor: str
    reason: str = ""
    job: str = ""
    arming: Arming | None = None
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a plan stands: the word that switched each job off (empty name: the whole plan), and its last arming.

    Switching the plan off ends an arming.
    """

    off: Mapping[str, Word] = field(default_factory=dict)
    armed: Word | None = None


class Permits(Protocol):
    """The store as it keeps the words of people. Each method is one transaction."""

    def standing(self, plan: str) -> Standing:
        """Where a plan stands; one that nobody said anything about may do what its file says."""

    def say(self, word: Word) -> Standing:
        """Keep a word; returns where the plan stands after it. StoreError without an actor."""

    def remembered(self, kind: str, subject: str) -> str:
        """What the open alert of that kind and subject says; empty when there is none."""
