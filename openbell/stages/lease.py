"""The lease on a slot while a run works: short, so that a dead run is noticed soon, and renewed on the way."""

from collections.abc import Callable
from datetime import timedelta
from time import monotonic

from openbell.ports import Journal
from openbell.values.slot import Slot

#: How long a run may go without a sign of life before another may take its slot. Longer than any single wait
#: (a request takes 7 s at most), shorter than the age at which a market order is not sent again (60 s).
LEASE = timedelta(seconds=30)
#: A claim holds for so many times the span until something may be sent: questions before that may take long.
UNSENT = 3


class Lease:
    """Keeps a claim alive; costs a write only when less than half of the lease remains."""

    __slots__ = ("_fencing", "_journal", "_kept", "_slot", "_span", "_ticks")

    def __init__(
        self,
        journal: Journal,
        slot: Slot,
        fencing: int,
        span: timedelta = LEASE,
        ticks: Callable[[], float] = monotonic,
        held: timedelta | None = None,
    ) -> None:
        """``held`` is what the slot was claimed for, default ``span``."""
        self._journal, self._slot, self._fencing, self._span, self._ticks = journal, slot, fencing, span, ticks
        self._kept = ticks() + ((held or span) - span).total_seconds()

    def keep(self) -> None:
        """Renew when due; a StoreError when another run has taken the slot. Nothing to do for a dry run."""
        if self._ticks() - self._kept > self._span.total_seconds() / 2:
            self._renew(self._span)

    def stretch(self) -> None:
        """Longer, for questions that may take long while nothing has been sent yet."""
        self._renew(UNSENT * self._span)

    def shorten(self) -> None:
        """Back to the span: from here on an order may be under way, and a death must show soon."""
        self._renew(self._span)

    def _renew(self, span: timedelta) -> None:
        if self._fencing:
            self._journal.renew(self._slot, self._fencing, span)
            self._kept = self._ticks() + (span - self._span).total_seconds()
