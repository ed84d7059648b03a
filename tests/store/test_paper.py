"""The paper broker's memory: exact, exclusive, all or nothing."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from openbell.errors import StoreError
from openbell.values.account import Account, Position
from openbell.values.orders import Order, OrderState, OrderType, Side
from tests.store.samples import START, D, fill_of, intent_of, slot_at


def account_with(cash="100000"):
    held = {"AAPL": Position("AAPL", D("1.5"), D("33.33333333333333333333333333"), D("-0.01"))}
    return Account("acct", "paper", "USD", D(cash), held, D("200000.000000001"))


def order_of(number, state=OrderState.ACKED):
    return Order(
        f"ob-{number}", "AAPL", Side.BUY, D("0.000000001"), OrderType.TRAILING_STOP, state, START, trail=D("1.5")
    )


def test_account_comes_back_exactly(ledger):
    with ledger.open("acct") as book:
        assert book.account() is None
        book.save_account(account_with())
    with ledger.open("acct") as book:
        assert book.account() == account_with()
        book.save_account(account_with("1e-9"))
        assert book.account().cash == D("1e-9")


def test_account_of_another_book_is_refused(ledger):
    with pytest.raises(StoreError, match="'acct' cannot be kept in the book of 'other'"), ledger.open("other") as book:
        book.save_account(account_with())


def test_exception_takes_back_everything(ledger):
    def fail_half_way():
        with ledger.open("acct") as book:
            book.save_account(account_with())
            book.save_order(order_of(1))
            book.save_note("trail", "1")
            book.add_fill(fill_of(intent_of(slot_at()), 1, "1"))
            raise KeyError

    with pytest.raises(KeyError):
        fail_half_way()
    with ledger.open("acct") as book:
        assert (book.account(), book.order("ob-1"), book.note("trail")) == (None, None, None)
        assert book.fills(START) == ()


def test_open_orders_are_oldest_first_and_leave_when_terminal(ledger):
    with ledger.open("acct") as book:
        for number in (3, 1, 2):
            book.save_order(order_of(number))
        book.save_order(order_of(1, OrderState.FILLED))
        book.save_order(replace(order_of(3), filled=D("1e-10")))
    with ledger.open("acct") as book:
        assert book.open_orders() == (replace(order_of(3), filled=D("1e-10")), order_of(2))
        assert book.order("ob-1") == order_of(1, OrderState.FILLED)
        assert book.order("ob-9") is None


def test_fills_are_oldest_first_from_an_instant_on_and_known_ids_refused(ledger):
    intent = intent_of(slot_at())
    late, early = fill_of(intent, 1, "1", minutes=9), fill_of(intent, 2, "2", minutes=3)
    with ledger.open("acct") as book:
        book.add_fill(late)
        book.add_fill(early)
        assert book.fills(START) == (early, late)
        assert book.fills(late.time) == (late,)
        assert book.fills(late.time + timedelta(microseconds=1)) == ()
    with pytest.raises(StoreError, match="fill-1 of paper account acct is known already"), ledger.open("acct") as book:
        book.add_fill(late)


def test_notes_are_kept_by_account_and_replaced(ledger):
    with ledger.open("acct") as book:
        book.save_note("high", "101")
        book.save_note("high", "102")
    with ledger.open("acct") as book:
        assert (book.note("high"), book.note("low")) == ("102", None)
    with ledger.open("other") as book:
        assert book.note("high") is None


def test_threads_that_add_to_one_account_lose_nothing(ledger):
    with ledger.open("acct") as book:
        book.save_account(account_with("0"))

    def add(_):
        with ledger.open("acct") as book:
            account = book.account()
            book.save_account(replace(account, cash=account.cash + D("0.01")))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    with ledger.open("acct") as book:
        assert book.account().cash == D("0.40")
