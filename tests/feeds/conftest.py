"""Two providers of the same prices, each behind a socket of its own."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest

from openbell.calendar.exchange import exchange
from openbell.feeds.failover import FailoverFeed
from tests.feeds.frames import SYMBOLS, XNYS, daily
from tests.feeds.source import Source, SourceFeed
from tests.feeds.tapes import Tape

PRICES = dict.fromkeys(SYMBOLS, ("100.00", "100.02"))


class Providers:
    """``first`` and ``second`` with the feeds that read them; ``waits`` are the pauses that nobody slept through."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.first = stack.enter_context(Source(daily(60), PRICES))
        self.second = stack.enter_context(Source(daily(60), PRICES))
        self.waits: list[timedelta] = []
        self.elapsed = 0.0

    def feed(self, number: int, **settings) -> SourceFeed:
        source = (self.first, self.second)[number]
        settings = {"provider": ("first", "second")[number], **settings}
        made = SourceFeed(source.port, **settings)
        self.stack.callback(made.close)
        return made

    def wait(self, span: timedelta) -> None:
        self.waits.append(span)
        self.elapsed += span.total_seconds()

    def both(self, *feeds: SourceFeed, **settings) -> FailoverFeed:
        """Both as one feed, on a clock that only pauses move."""
        feeds = feeds or (self.feed(0), self.feed(1))
        settings = {"wait": self.wait, "ticks": lambda: self.elapsed, **settings}
        return FailoverFeed(feeds, exchange(XNYS), **settings)


@pytest.fixture
def providers() -> Iterator[Providers]:
    with ExitStack() as stack:
        yield Providers(stack)


@pytest.fixture
def tape() -> Tape:
    return Tape(daily(60))
