"""Where paper accounts live: one book per account, under an exclusive write transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Table, bindparam, func, insert, select

from openbell.errors import StoreError
from openbell.ports import PaperBook
from openbell.store.connect import Store
from openbell.store.paper_tables import PAPER_ACCOUNTS, PAPER_FILLS, PAPER_NOTES, PAPER_ORDERS
from openbell.store.prepared import by, change
from openbell.store.texts import fill_columns, fill_of
from openbell.values.account import Account
from openbell.values.money import text
from openbell.values.orders import Fill, Order

ACCOUNT = TypeAdapter(Account)
#: The note that tells what an account was opened with.
OPENING = "opening cash"
_ORDER = TypeAdapter(Order)
_OPEN = (
    select(PAPER_ORDERS.c.body)
    .where(PAPER_ORDERS.c.account == bindparam("account"), PAPER_ORDERS.c.open)
    .order_by(PAPER_ORDERS.c.number)
)
_NUMBERS = {
    table: select(func.max(table.c.number)).where(table.c.account == bindparam("account"))
    for table in (PAPER_ORDERS, PAPER_FILLS)
}


@dataclass(frozen=True, slots=True)
class SqlPaperBook:
    """``ports.PaperBook`` inside an open transaction; open orders are read once until one is saved."""

    connection: Connection
    account_id: str
    _open: list[tuple[Order, ...]] = field(default_factory=list)

    def account(self) -> Account | None:
        """The account, or None before the first save."""
        found = self.connection.execute(by(PAPER_ACCOUNTS, "id"), {"id": self.account_id}).first()
        return None if found is None else ACCOUNT.validate_json(found.body)

    def save_account(self, account: Account) -> None:
        """Keep the account; StoreError when it is another one's."""
        if account.id != self.account_id:
            raise StoreError(f"account {account.id!r} cannot be kept in the book of {self.account_id!r}")
        body = ACCOUNT.dump_json(account).decode()
        if self._save(PAPER_ACCOUNTS, {"id": account.id}, {"body": body}, {}) and not account.positions:
            self.save_note(OPENING, text(account.cash))

    def order(self, client_id: str) -> Order | None:
        """One order by our id."""
        of = {"account": self.account_id, "client_id": client_id}
        found = self.connection.execute(by(PAPER_ORDERS, "account", "client_id"), of).first()
        return None if found is None else _ORDER.validate_json(found.body)

    def open_orders(self) -> tuple[Order, ...]:
        """Orders that are not terminal, in the order of their first save."""
        if not self._open:
            bodies = self.connection.execute(_OPEN, {"account": self.account_id}).scalars()
            self._open.append(tuple(_ORDER.validate_json(body) for body in bodies))
        return self._open[0]

    def save_order(self, order: Order) -> None:
        """Keep an order, new or changed."""
        self._open.clear()
        key = {"account": self.account_id, "client_id": order.client_id}
        values = {"open": not order.state.terminal, "body": _ORDER.dump_json(order).decode()}
        self._save(PAPER_ORDERS, key, values, {"number": self._next(PAPER_ORDERS)})

    def add_fill(self, fill: Fill) -> None:
        """Keep a fill; a known id is a StoreError."""
        of = {"account": self.account_id, "id": fill.id}
        if self.connection.execute(by(PAPER_FILLS, "account", "id"), of).first():
            raise StoreError(f"fill {fill.id} of paper account {self.account_id} is known already")
        row = {"account": self.account_id, "number": self._next(PAPER_FILLS), **fill_columns(fill)}
        self.connection.execute(insert(PAPER_FILLS), row)

    def fills(self, since: datetime) -> tuple[Fill, ...]:
        """Fills at or after ``since``, oldest first."""
        columns = PAPER_FILLS.c
        query = (
            select(PAPER_FILLS)
            .where(columns.account == self.account_id, columns.time >= since)
            .order_by(columns.time, columns.number)
        )
        return tuple(fill_of(row) for row in self.connection.execute(query))

    def note(self, key: str) -> str | None:
        """A small text kept with the account."""
        of = {"account": self.account_id, "key": key}
        found = self.connection.execute(by(PAPER_NOTES, "account", "key"), of).first()
        return None if found is None else str(found.text)

    def save_note(self, key: str, text: str) -> None:
        """Keep a small text."""
        self._save(PAPER_NOTES, {"account": self.account_id, "key": key}, {"text": text}, {})

    def _next(self, table: Table) -> int:
        return (self.connection.execute(_NUMBERS[table], {"account": self.account_id}).scalar() or 0) + 1

    def _save(self, table: Table, key: dict[str, Any], values: dict[str, Any], once: dict[str, Any]) -> bool:
        """Update, or insert together with what is set only once; tells whether the row is new."""
        of = {f"of_{name}": value for name, value in key.items()}
        new = not self.connection.execute(change(table, *key), {**of, **values}).rowcount
        if new:
            self.connection.execute(insert(table), {**key, **once, **values})
        return new


@dataclass(frozen=True, slots=True)
class SqlPaperLedger:
    """``ports.PaperLedger`` on a store."""

    store: Store

    @contextmanager
    def open(self, account_id: str) -> Iterator[PaperBook]:
        """A book that nobody else has open; any exception takes back everything done in it."""
        with self.store.writing(f"paper/{account_id}") as connection:
            yield SqlPaperBook(connection, account_id)

    @contextmanager
    def peek(self, account_id: str) -> Iterator[PaperBook]:
        """A book of one moment, which writers do not wait for."""
        with self.store.reading() as connection:
            yield SqlPaperBook(connection, account_id)
