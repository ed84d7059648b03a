"""The paper account's memory inside the state of a replay; every fill moves the books that it belongs to."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from openbell.errors import StoreError
from openbell.replay.state import State
from openbell.values.account import Account
from openbell.values.bars import to_datetime64
from openbell.values.job import EXITS
from openbell.values.money import ZERO
from openbell.values.orders import Fill, Order
from openbell.values.shares import split


@dataclass(frozen=True, slots=True)
class StateLedger:
    """``ports.PaperLedger`` and its one book: one thread, and nothing to take back."""

    state: State
    columns: Mapping[str, int]
    seats: Mapping[str, int]

    @contextmanager
    def open(self, account_id: str) -> Iterator["StateLedger"]:
        """The book of the one account."""
        if account_id != self.state.account.id:
            raise StoreError(f"account {account_id!r} is not {self.state.account.id!r}, which is replayed")
        yield self

    @contextmanager
    def peek(self, account_id: str) -> Iterator["StateLedger"]:
        """The same to look at."""
        with self.open(account_id) as book:
            yield book

    def account(self) -> Account:
        """Cash and positions."""
        return self.state.account

    def save_account(self, account: Account) -> None:
        """Keep cash and positions; what is closed is forgotten."""
        held = {symbol: position for symbol, position in account.positions.items() if position.quantity}
        self.state.account = replace(account, positions=held)

    def order(self, client_id: str) -> Order | None:
        """An order that works; the id of one that has ended is a StoreError."""
        known = self.state.orders.get(client_id)
        if known is None and client_id in self.state.ids:
            raise StoreError(f"order {client_id} was placed before")
        return known

    def open_orders(self) -> tuple[Order, ...]:
        """Orders that are not terminal, oldest first."""
        return tuple(self.state.orders.values())

    def save_order(self, order: Order) -> None:
        """Keep an order, new or changed; of one that has ended only the id."""
        self.state.ids.add(order.client_id)
        if not order.state.terminal:
            self.state.orders[order.client_id] = order
            return
        for kept in (self.state.orders, self.state.intents):
            kept.pop(order.client_id, None)
        self.state.notes.pop(f"order:{order.client_id}", None)

    def add_fill(self, fill: Fill) -> None:
        """Keep a fill, and move what the strategies hold."""
        state, column = self.state, self.columns[fill.symbol]
        intent = state.intents[fill.client_id]
        before = state.orders[fill.client_id].filled if fill.client_id in state.orders else ZERO
        sign = fill.side.sign
        earlier = split(intent.shares, before * sign)
        for label, part in split(intent.shares, (before + fill.quantity) * sign).items():
            move(state, label, fill.symbol, part - earlier[label], self.seats.get(label), column)
        execute(state, column, fill, intent.slot.split("/")[1] == EXITS.name)

    def fills(self, since: datetime) -> tuple[Fill, ...]:
        """None: a replay keeps its fills in columns."""
        raise StoreError(f"fills since {since.isoformat()} are kept in columns")

    def note(self, key: str) -> str | None:
        """A small text kept with the account."""
        return self.state.notes.get(key)

    def save_note(self, key: str, text: str) -> None:
        """Keep a small text about an order that works."""
        if key.partition(":")[2] in self.state.orders:
            self.state.notes[key] = text


def move(state: State, label: str, symbol: str, part: Decimal, seat: int | None, column: int) -> None:
    """What a strategy holds changes by a signed part."""
    after = state.book(label, symbol) + part
    if after:
        state.books[label, symbol] = after
    else:
        state.books.pop((label, symbol), None)
    if seat is not None:
        state.booked[seat, column] = float(after)


def execute(state: State, column: int, fill: Fill, exits: bool) -> None:
    """Note an execution in the columns, and when it opened a position or closed it."""
    fills, signed, price = state.fills, float(fill.signed), float(fill.price)
    fills.times.append(int(to_datetime64(fill.time).astype("int64")))
    fills.column.append(column)
    fills.signed.append(signed)
    fills.price.append(price)
    fills.fee.append(float(fill.fee))
    fills.exits.append(exits)
    state.spent += abs(signed) * price
    before = state.account.quantity(fill.symbol)
    after = before + fill.signed
    state.held[column] = float(after)
    if before * after <= 0:
        state.first.pop(fill.symbol, None)
        state.high[column] = state.low[column] = float("nan")
        if after:
            state.opened[fill.symbol] = fill.time
        else:
            state.opened.pop(fill.symbol, None)
