"""The way out for messages: the outbox that keeps them, and the notifiers that take them to people."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from openbell.values.message import Delivery, Message, MessageState, Noted, Posted


class Notifier(Protocol):
    """One target. ``send`` tries once, takes at most half a minute, and never raises for what the network does."""

    def send(self, posted: Posted) -> Delivery:
        """Deliver the message; a repeated delivery carries the same id."""


class Outbox(Protocol):
    """Messages on their way out. Each method is one transaction; ``now`` is the caller's clock."""

    def unread(self, plan: str, since: datetime) -> tuple[Noted, ...]:
        """What the logs say that was not read for the plan yet, oldest first, a few hundred rows at most.

        For a plan that never read, what was written after ``since``.
        """

    def put(
        self, plan: str, read: Sequence[Noted], messages: Sequence[Message], window: timedelta, now: datetime
    ) -> int:
        """Keep the messages and note the rows as read; those known already change nothing. Returns how many are new.

        One that says the same as another to the same target within ``window`` is merged, or waits until it is over.
        """

    def claim(self, plan: str, target: str, now: datetime, lease: timedelta) -> Posted | None:
        """The message that is due and matters most, counted as tried; nobody else gets it before ``lease`` is over."""

    def settle(self, posted: Posted, state: MessageState, next_try: datetime, said: str, now: datetime) -> None:
        """Log what came of the claimed try; a claim that was lost to another changes nothing else."""

    def give_up(self, now: datetime) -> tuple[Posted, ...]:
        """Give up every waiting message whose time or tries are used up, whatever its plan; returns them."""

    def messages(
        self, state: MessageState | None = None, plan: str | None = None, limit: int = 50
    ) -> tuple[Posted, ...]:
        """Newest first."""

    def retry(self, ids: Sequence[str], plan: str | None, now: datetime, expires: datetime) -> int:
        """Let failed messages wait again with all their tries, all of them when no id is given; returns how many."""

    def tally(self, plan: str | None = None) -> Mapping[MessageState, int]:
        """How many messages stand where."""
