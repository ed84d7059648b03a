"""The identity of one run: what its stages are told, and all that they are told."""

from dataclasses import dataclass
from datetime import datetime

from openbell.values.slot import Slot


@dataclass(frozen=True, slots=True)
class Ring:
    """One ringing of the bell.

    ``clock`` is the one reading of the clock and ``as_of`` the instant that is decided for; they differ only
    when ``as_of`` was given, which ``simulated`` tells. ``fencing`` is the number of the slot's claim, 0 for a
    dry run, which claims nothing and sends nothing.
    """

    slot: Slot
    run_id: str
    fencing: int
    clock: datetime
    as_of: datetime
    simulated: bool
    dry_run: bool
