"""What the snapshot job reads and keeps."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

from openbell.values.money import ZERO
from openbell.values.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Figures:
    """What the store knows of an account besides its positions; ``flows`` and ``activity`` are since ``previous``.

    ``adjustment`` is the newest one that is counted.
    """

    previous: Snapshot | None = None
    realized: Decimal = ZERO
    fees: Decimal = ZERO
    activity: Decimal = ZERO
    flows: Decimal = ZERO
    unexplained: Decimal = ZERO
    adjustment: int = 0


class SnapshotBook(Protocol):
    """The store as the snapshot job needs it. Each method is one transaction."""

    def of(self, account: str, session: date) -> Snapshot | None:
        """The snapshot of a session, if it was taken."""

    def figures(self, account: str, session: date) -> Figures:
        """What a snapshot of the session is made of."""

    def keep(self, snapshot: Snapshot, figures: Figures) -> Snapshot:
        """Keep a snapshot; the first of its account and session wins, and is returned."""

    def snapshots(self, account: str, limit: int = 500) -> tuple[Snapshot, ...]:
        """Oldest first, the last ``limit`` sessions."""
