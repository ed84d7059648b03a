"""The time that sending and looking up take: what may be waited for, and by which clock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

#: Two look-ups that find nothing must lie this far apart; it must exceed the time in which a broker may not yet
#: show an order that it has (Alpaca users saw up to 10 s).
QUIET = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to wait between look-ups, and the wall clock that they are stamped with.

    ``now`` is the run's own clock, which events are stamped with and ages of orders are counted by; it stands still
    when the past is decided once more.
    """

    now: Callable[[], datetime]
    clock: Callable[[], datetime]
    wait: Callable[[timedelta], None]
    quiet: timedelta = QUIET
