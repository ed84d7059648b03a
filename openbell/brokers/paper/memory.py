"""A ledger in memory: the same promises as the one in the store, for replays and tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from openbell.errors import StoreError
from openbell.values.account import Account
from openbell.values.orders import Fill, Order


@dataclass(slots=True)
class _Kept:
    """What is committed of one account."""

    account: Account | None = None
    orders: dict[str, Order] = field(default_factory=dict)
    working: dict[str, Order] = field(default_factory=dict)
    fills: dict[str, Fill] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def take(self, changes: "_Kept") -> None:
        """Commit the changes of a transaction."""
        self.account = changes.account
        for client_id, order in changes.orders.items():
            self.orders[client_id] = self.working[client_id] = order
            if order.state.terminal:
                del self.working[client_id]
        self.fills |= changes.fills
        self.notes |= changes.notes


class MemoryBook:
    """One account inside a transaction: changes are kept apart until it ends well."""

    def __init__(self, kept: _Kept) -> None:
        self._kept = kept
        self._changes = _Kept(account=kept.account)

    def commit(self) -> None:
        """Make the changes last."""
        self._kept.take(self._changes)

    def account(self) -> Account | None:
        """The account, or None before the first save."""
        return self._changes.account

    def save_account(self, account: Account) -> None:
        """Keep cash and positions."""
        self._changes.account = account

    def order(self, client_id: str) -> Order | None:
        """One order by our id."""
        return self._changes.orders.get(client_id) or self._kept.orders.get(client_id)

    def open_orders(self) -> tuple[Order, ...]:
        """Orders that are not terminal, oldest first."""
        newest = {**self._kept.working, **self._changes.orders}
        return tuple(order for order in newest.values() if not order.state.terminal)

    def save_order(self, order: Order) -> None:
        """Keep an order, new or changed."""
        self._changes.orders[order.client_id] = order

    def add_fill(self, fill: Fill) -> None:
        """Keep a fill; a known id is refused with StoreError."""
        if fill.id in self._kept.fills or fill.id in self._changes.fills:
            raise StoreError(f"fill {fill.id} is known already")
        self._changes.fills[fill.id] = fill

    def fills(self, since: datetime) -> tuple[Fill, ...]:
        """Fills at or after ``since``, oldest first; of one instant in the order they were added."""
        every = (*self._kept.fills.values(), *self._changes.fills.values())
        return tuple(sorted((fill for fill in every if fill.time >= since), key=lambda fill: fill.time))

    def note(self, key: str) -> str | None:
        """A small text kept with the account."""
        return self._changes.notes.get(key, self._kept.notes.get(key))

    def save_note(self, key: str, text: str) -> None:
        """Keep a small text."""
        self._changes.notes[key] = text


class MemoryLedger:
    """Paper accounts of one process; threads take turns, an error leaves everything as it was."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._accounts: dict[str, _Kept] = {}

    @contextmanager
    def open(self, account_id: str) -> Iterator[MemoryBook]:
        """A book under an exclusive transaction."""
        with self._lock:
            book = MemoryBook(self._accounts.setdefault(account_id, _Kept()))
            yield book
            book.commit()

    @contextmanager
    def peek(self, account_id: str) -> Iterator[MemoryBook]:
        """A book whose changes are dropped. What is committed meanwhile may show: nothing here waits."""
        yield MemoryBook(self._accounts.setdefault(account_id, _Kept()))
