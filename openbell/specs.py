"""What a plan says about a venue, and how that becomes an adapter.

A feed or broker is added by one module that defines a subclass of ``FeedSpec`` or ``BrokerSpec``; its fields are
what ``[feed.params]`` or ``[account.params]`` of a plan may hold.
"""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import sleep
from typing import ClassVar

from openbell.plugins import Plugin
from openbell.ports import Broker, MarketFeed, PaperLedger
from openbell.ports.budget import RequestBudget, Unlimited

#: How long a question waits for its turn: before a run may send anything, and from then on, when three of them come
#: before each order and must fit into half a lease.
EARLY, SENDING = timedelta(seconds=30), timedelta(seconds=5)


def pause(span: timedelta) -> None:
    """Let real time pass."""
    sleep(span.total_seconds())


def unlimited(name: str, most: int) -> RequestBudget:  # noqa: ARG001
    """No budget at all."""
    return Unlimited()


def patience() -> timedelta:
    """How long a question may wait for its turn while nothing hangs on it."""
    return EARLY


def ordinary() -> bool:
    """Nothing of what is kept for exits."""
    return False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an adapter may lean on: the installation's folders, the run's clock, the plan's exchange.

    ``cache`` is where bars may be kept on disk, None: in the data folder; ``kept`` is where an adapter may keep what
    must outlive the process, None: nowhere. ``max_age`` is how old the plan lets a bar be (``Wanted.max_age``), None:
    as the timeframe says. ``budget`` is the one of a name with so many requests a minute; ``urgent`` tells whether the
    run at work may spend all of it, ``patience`` how long a question may wait.
    """

    data: Path
    exchange: str
    now: Callable[[], datetime]
    max_age: timedelta | None = None
    wait: Callable[[timedelta], None] = pause
    cache: Path | None = None
    budget: Callable[[str, int], RequestBudget] = unlimited
    urgent: Callable[[], bool] = ordinary
    patience: Callable[[], timedelta] = patience
    kept: Path | None = None


class FeedSpec(Plugin):
    """Settings of a feed."""

    #: Whether its bars come over a network, and are worth keeping on disk unless the plan says otherwise.
    remote: ClassVar[bool] = True
    #: Whether the feed itself asks again what was not answered; then nobody else does.
    asks_again: ClassVar[bool] = False

    @abstractmethod
    def open(self, around: Surroundings) -> MarketFeed:
        """The feed, ready to answer; nothing is fetched yet."""


class BrokerSpec(Plugin):
    """Settings of an account at a broker."""

    @property
    def environment(self) -> str:
        """``paper`` or ``live`` where the settings alone decide it, else empty; it must agree with the plan's mode."""
        return ""

    @abstractmethod
    def open(self, account: str, around: Surroundings, feed: MarketFeed, ledger: PaperLedger) -> Broker:
        """The account's broker; only the paper broker uses feed and ledger."""
