"""What one connection may spend of an account's requests, and how long it waits for its turn."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from openbell.errors import StoreError
from openbell.ports.budget import RequestBudget, Unlimited
from openbell.specs import ordinary, patience, pause

#: A venue that says "too many" without saying until when is left alone for so long; and no word holds for longer.
UNTOLD, LONGEST = timedelta(seconds=3), timedelta(seconds=60)
#: Between two tries, since others may be faster when a request comes free.
LEAST = timedelta(milliseconds=50)
_ZERO = timedelta(0)


@dataclass(frozen=True, slots=True)
class Allowance:
    """Waits up to ``patience`` for a request; ``urgent`` tells whether the run may spend what is kept for exits."""

    budget: RequestBudget = field(default_factory=Unlimited)
    urgent: Callable[[], bool] = ordinary
    wait: Callable[[timedelta], None] = pause
    patience: Callable[[], timedelta] = patience

    def enter(self, urgent: bool = False, patience: timedelta | None = None) -> timedelta:
        """Take a request; zero when it may be sent, else how long it would still take.

        A budget that cannot be read lets pass what is urgent and nothing else.
        """
        left = self.patience() if patience is None else patience
        hurry = urgent or self.urgent()
        while span := self._take(hurry):
            span = max(span, LEAST)
            if span > left:
                return span
            self.wait(span)
            left -= span
        return _ZERO

    def told(self, refused: bool, remaining: str, back: timedelta | None, most: str = "") -> None:
        """What came back with an answer; ``refused`` when it says that there were too many."""
        left = 0 if refused else _number(remaining)
        if left is None:
            return
        span = UNTOLD if back is None else min(max(back, _ZERO), LONGEST)
        try:
            self.budget.told(left, span, _number(most))
        except StoreError:
            return  # the venue repeats its word with the next answer

    def _take(self, urgent: bool) -> timedelta:
        try:
            return self.budget.take(urgent)
        except StoreError:
            return _ZERO if urgent else LONGEST


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
