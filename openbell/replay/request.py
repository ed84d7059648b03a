"""What is asked of a replay."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from openbell.ports import MarketFeed
from openbell.values.plan import Plan

#: Called now and then with how many slots of how many are done.
Progress = Callable[[int, int], None]


def silent(done: int, of: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Request:
    """A plan over the sessions ``start`` to ``end``, both included.

    ``cash`` None is what the account's params open with (a plan for a real broker: 100,000). With ``keep`` every
    slot's intents and verdicts are kept, at a cost.
    """

    plan: Plan
    feed: MarketFeed
    start: date
    end: date
    cash: Decimal | None = None
    keep: bool = False
    progress: Progress = silent
