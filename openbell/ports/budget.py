"""How many requests an account may put to its venue, shared by everything that asks there."""

from datetime import timedelta
from typing import Protocol

#: Part of every minute's requests, in per cent, that only exits, cancels and reconciliation may spend.
KEPT = 30


class RequestBudget(Protocol):
    """The requests of one account at one venue, whichever process or host of this store sends them."""

    def take(self, urgent: bool) -> timedelta:
        """Spend one request; zero when it may be sent, else how long until there may be one. Never waits.

        What is not ``urgent`` leaves ``KEPT`` per cent untouched. StoreError when the store cannot be written.
        """

    def told(self, left: int, back: timedelta, most: int | None = None) -> None:
        """The venue's own word: ``left`` requests until all are there again ``back`` from now, of ``most`` in all.

        It only ever lowers the budget: what others spent is unknown until the venue tells.
        """


class Unlimited:
    """No budget: for venues that set no limit, and for adapters without a store."""

    def take(self, urgent: bool) -> timedelta:  # noqa: ARG002
        """Always."""
        return timedelta(0)

    def told(self, left: int, back: timedelta, most: int | None = None) -> None:
        """Nothing to lower."""
