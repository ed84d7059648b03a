"""The ledger in memory keeps the promises of the port."""

from datetime import timedelta
from decimal import Decimal

import pytest

from openbell.brokers.paper.memory import MemoryLedger
from openbell.errors import StoreError
from openbell.values.account import Account
from openbell.values.orders import Fill, Order, OrderState, OrderType, Side
from tests.contracts.paper_venue import START

D = Decimal
ACCOUNT = Account("a", "paper", "USD", D(100), {}, D(100))


def order(client_id, state=OrderState.ACKED):
    return Order(client_id, "AAPL", Side.BUY, D(1), OrderType.MARKET, state, START)


def fill(number, seconds):
    return Fill(f"x-{number}", "x", "AAPL", Side.BUY, D(1), D(1), D(0), START + timedelta(seconds=seconds))


def change_everything_and_break(ledger):
    with ledger.open("a") as book:
        book.save_account(ACCOUNT)
        book.save_order(order("o", OrderState.FILLED))
        book.add_fill(fill(1, 0))
        book.save_note("n", "text")
        raise OSError("power")


def test_what_was_kept_is_found_by_the_next_transaction():
    ledger = MemoryLedger()
    with ledger.open("a") as book:
        assert (book.account(), book.order("o"), book.note("n")) == (None, None, None)
        book.save_account(ACCOUNT)
        book.save_order(order("o"))
        book.save_note("n", "text")
        assert (book.account(), book.order("o"), book.note("n")) == (ACCOUNT, order("o"), "text")
    with ledger.open("a") as book:
        assert (book.account(), book.order("o"), book.note("n")) == (ACCOUNT, order("o"), "text")
    with ledger.open("b") as book:
        assert (book.account(), book.order("o"), book.note("n")) == (None, None, None)


def test_a_transaction_that_ends_in_an_error_is_taken_back_whole():
    ledger = MemoryLedger()
    with ledger.open("a") as book:
        book.save_order(order("o"))
    with pytest.raises(OSError, match="power"):
        change_everything_and_break(ledger)
    with ledger.open("a") as book:
        assert (book.account(), book.order("o"), book.note("n")) == (None, order("o"), None)
        assert (book.fills(START), book.open_orders()) == ((), (order("o"),))


def test_open_orders_are_oldest_first_and_leave_when_terminal():
    ledger = MemoryLedger()
    with ledger.open("a") as book:
        for name in ("1", "2", "3"):
            book.save_order(order(name))
    with ledger.open("a") as book:
        book.save_order(order("2", OrderState.CANCELED))
        book.save_order(order("1", OrderState.PARTIAL))
        book.save_order(order("4"))
        assert [o.client_id for o in book.open_orders()] == ["1", "3", "4"]
    with ledger.open("a") as book:
        assert [o.client_id for o in book.open_orders()] == ["1", "3", "4"]
        assert book.order("2").state is OrderState.CANCELED


def test_fills_are_oldest_first_from_an_instant_on_and_each_is_kept_once():
    ledger = MemoryLedger()
    with ledger.open("a") as book:
        for number, seconds in ((1, 5), (2, 0), (3, 5)):
            book.add_fill(fill(number, seconds))
        with pytest.raises(StoreError, match="x-1 is known"):
            book.add_fill(fill(1, 9))
    with ledger.open("a") as book:
        assert [f.id for f in book.fills(START)] == ["x-2", "x-1", "x-3"]
        assert [f.id for f in book.fills(START + timedelta(seconds=5))] == ["x-1", "x-3"]
        with pytest.raises(StoreError, match="x-2 is known"):
            book.add_fill(fill(2, 9))
