"""What the exits job keeps: prices seen since each position was opened, and when it last looked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """A plan's position in one symbol, as its own fills have it.

    ``books`` is the signed part of each strategy, ``opened`` the fill that took the position away from zero or to the
    other side. ``high`` and ``low`` are the prices seen since then, None until one was.
    """

    symbol: str
    books: Mapping[str, Decimal]
    opened: datetime
    high: Decimal | None = None
    low: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """The positions of a plan, the newest fill of the account that they know of, and the last tick if there was one."""

    entries: tuple[Entry, ...]
    fill: int = 0
    last: datetime | None = None


class ExitMarks(Protocol):
    """The store as the exits job needs it. Each method is one transaction."""

    def read(self, plan: str, account: str) -> Watch:
        """What the plan holds by its fills, by symbol; prices seen in a position that was closed since are gone."""

    def accounts(self, plan: str) -> tuple[str, ...]:
        """The accounts in which strategies of a plan hold something."""

    def tick(self, plan: str, account: str, time: datetime, fill: int, entries: Sequence[Entry]) -> None:
        """Note a look at ``time`` and keep the entries; those of no other symbol remain. Writes what has changed."""
