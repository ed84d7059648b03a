"""The memory of the paper broker."""

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from openbell.values.account import Account
from openbell.values.orders import Fill, Order


class PaperBook(Protocol):
    """One paper account inside one write transaction; saved when the transaction ends, or not at all."""

    def account(self) -> Account | None:
        """The account, or None before the first save."""

    def save_account(self, account: Account) -> None:
        """Keep cash and positions."""

    def order(self, client_id: str) -> Order | None:
        """One order by our id."""

    def open_orders(self) -> tuple[Order, ...]:
        """Orders that are not terminal, oldest first."""

    def save_order(self, order: Order) -> None:
        """Keep an order, new or changed."""

    def add_fill(self, fill: Fill) -> None:
        """Keep a fill; a known id is refused."""

    def fills(self, since: datetime) -> tuple[Fill, ...]:
        """Fills at or after ``since``, oldest first."""

    def note(self, key: str) -> str | None:
        """A small text kept with the account, such as the extreme price of a trailing stop."""

    def save_note(self, key: str, text: str) -> None:
        """Keep a small text."""


class PaperLedger(Protocol):
    """Where paper accounts live across processes."""

    def open(self, account_id: str) -> AbstractContextManager[PaperBook]:
        """A book under an exclusive write transaction."""

    def peek(self, account_id: str) -> AbstractContextManager[PaperBook]:
        """A book that is only read, as it stood at one moment; it holds nobody back."""
