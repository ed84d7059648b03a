"""Where the steps of alerts are kept."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from openbell.values.alert import AlertEvent, AlertMessage, AlertStanding
from openbell.values.slot import Slot

#: What to tell people of events that are new.
Wording = Callable[[Sequence[AlertEvent]], Sequence[AlertMessage]]


class AlertBook(Protocol):
    """The log of what alerts did. Each method is one transaction."""

    def standings(self, plan: str) -> Mapping[str, Mapping[str, AlertStanding]]:
        """Where each alert of a plan stands, by alert and by symbol; where it never fired it is absent."""

    def apply(self, slot: Slot, fencing: int, events: Sequence[AlertEvent], wording: Wording) -> None:
        """Keep the events together with what people are told of them.

        An event that does not follow the last one of its alert and symbol, or that the slot has already, is left out.
        A stale claim is a StoreError.
        """

    def kept(self, slot: Slot) -> tuple[AlertEvent, ...]:
        """All that was kept in a slot, oldest first."""

    def events(self, plan: str | None = None, alert: str | None = None, limit: int = 50) -> tuple[AlertEvent, ...]:
        """Newest first."""
