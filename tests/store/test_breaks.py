"""What the store keeps of differences: each once, adjustments that rebuild, and looks that release."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from openbell.errors import StoreError
from openbell.ports.breaks import Look, Result
from openbell.store.breaks import SqlBreakBook
from openbell.store.snapshots import SqlSnapshotBook
from openbell.store.verify import verify
from openbell.values.breaks import Cause, Difference, NonTrade
from openbell.values.orders import OrderState, Share
from tests.store.samples import (
    HOUR,
    START,
    D,
    event_of,
    fill_of,
    frozen_order,
    intent_of,
    reconcile_one,
    slot_at,
    verdict_of,
)

MINUTE = timedelta(minutes=1)
BY_HAND = Difference(Cause.FOREIGN_TRADE, "hand-1", "AAPL", "by hand", D(5), D(110), D("-550.01"))
MISSED = Difference(Cause.MISSED_FILL, "fill-1", "AAPL", "missed")


@pytest.fixture
def book(store):
    return SqlBreakBook(store)


@pytest.fixture
def ten(journal):
    """Ten AAPL of a strategy at 100.5, with a fee of a cent."""
    intent = frozen_order(journal)
    journal.record(event_of(intent, OrderState.FILLED), [fill_of(intent, 1, "10")])
    return intent


def look(book, *found, minutes=0, result=None, cash=None, small="0"):
    said = result or (Result.BREAK if found else Result.CLEAN)
    seen = tuple(one.key for one in found)
    return book.note(Look("acct", START + minutes * MINUTE, said, "", cash, seen, D(small)), found)


def wrong(url):
    return [(check.name, found.detail) for check in verify(url) for found in check.findings]


def position(history, symbol="AAPL"):
    return next(row for row in history.positions("acct") if row.symbol == symbol)


def test_the_same_difference_counts_once_while_it_is_open(book):
    for minutes in range(3):
        look(book, BY_HAND, minutes=minutes)
    (found,) = book.breaks()
    assert (found.kind, found.subject, found.symbol, found.quantity, found.cash) == (
        *("FOREIGN_TRADE", "hand-1", "AAPL"),
        *(D(5), D("-550.01")),
    )
    assert book.waiting("acct") == {"AAPL": "break 1: FOREIGN_TRADE hand-1"}
    assert book.waiting("other") == {}


def test_H05_an_accepted_trade_is_external_and_rebuilds(url, book, history, ten):
    look(book, BY_HAND, cash=D(1000))
    book.accept(1, "ann", "mine")
    row = position(history)
    assert (row.quantity, row.strategies) == (D(15), {"sma": D(10)})
    assert book.kept("acct", START).cash == D(1000) - D("550.01")
    assert book.kept("acct", START).taken == {"hand-1"}
    assert wrong(url) == []


def test_a_fill_that_comes_after_an_adjustment_is_put_in_its_place(url, journal, book, history, ten):
    look(book, BY_HAND)
    book.accept(1, "ann", "mine")
    later = frozen_order(journal, symbol="AAPL", slot=slot_at(1))
    journal.record(event_of(later, OrderState.FILLED, 60), [fill_of(later, 2, "10", minutes=2)])
    assert position(history).quantity == D(25)
    assert wrong(url) == []


@pytest.mark.parametrize(("shares", "parts"), [((3, 7), (D(6), D(14))), ((10,), (D(20),))])
def test_a_split_keeps_the_cost_and_every_strategys_part(url, journal, book, history, shares, parts):
    named = tuple(Share(f"s{place}", D(part)) for place, part in enumerate(shares))
    intent = frozen_order(journal, shares=named)
    journal.record(event_of(intent, OrderState.FILLED), [fill_of(intent, 1, "10")])
    look(book, Difference(Cause.SPLIT, "AAPL", "AAPL", "2 for 1", D(10)))
    book.accept(1, "ann", "2 for 1")
    row = position(history)
    assert (row.quantity, row.average_price) == (D(20), D("50.25"))
    assert tuple(row.strategies.values()) == parts
    assert wrong(url) == []


def test_a_duplicate_is_taken_out_of_order_position_and_cash(url, journal, book, history):
    intent = frozen_order(journal)
    journal.record(event_of(intent, OrderState.PARTIAL), [fill_of(intent, 1, "4")])
    look(book, cash=D(1000))
    journal.record(event_of(intent, OrderState.PARTIAL, 2), [fill_of(intent, 2, "4")])
    look(book, Difference(Cause.DUPLICATE, "fill-2", "AAPL", "twice", D(-4)), minutes=5)
    book.accept(1, "ann", "the stream and the list named it differently")
    assert (position(history).quantity, history.orders()[0].filled) == (D(4), D(4))
    assert book.kept("acct", START).cash == D(1000)
    assert wrong(url) == []


def test_a_position_that_is_gone_leaves_at_its_cost(url, book, history, ten):
    look(book, Difference(Cause.MISSING_POSITION, "AAPL", "AAPL", "gone", D(-10), D("100.5")))
    book.accept(1, "ann", "moved to another broker")
    assert history.positions("acct") == ()
    assert wrong(url) == []


@pytest.mark.parametrize(("kind", "flow"), [(NonTrade.DEPOSIT, D(5000)), (NonTrade.INTEREST, D(0))])
def test_H10_cash_is_booked_as_what_it_was(url, store, book, kind, flow):
    look(book, cash=D(1000))
    look(book, Difference(Cause.CASH, "cash", "", "5000 more", cash=D(5000)), minutes=5)
    with pytest.raises(StoreError, match="say what it was"):
        book.accept(1, "ann", "?")
    assert book.breaks()[0].closed is None
    book.accept(1, "ann", "came in", kind)
    assert book.kept("acct", START).cash == D(6000)
    assert SqlSnapshotBook(store).figures("acct", START.date()).flows == flow
    assert wrong(url) == []


def test_small_differences_in_cash_are_booked_at_once(url, book):
    look(book, cash=D(1000))
    look(book, minutes=5, small="-0.37")
    assert book.kept("acct", START).cash == D("999.63")
    assert wrong(url) == []


@pytest.mark.parametrize(("actor", "reason"), [("", "why"), ("ann", " ")])
def test_a_decision_needs_a_name_and_a_reason_and_else_leaves_all_as_it_was(book, history, ten, actor, reason):
    look(book, BY_HAND)
    with pytest.raises(StoreError, match="needs an actor and a reason"):
        book.accept(1, actor, reason)
    assert position(history).quantity == D(10)
    assert len(book.breaks()) == 1


def test_a_break_is_accepted_and_adopted_once(book, history, ten):
    look(book, BY_HAND)
    book.accept(1, "ann", "mine")
    with pytest.raises(StoreError, match="was closed by ann: mine"):
        book.accept(1, "ann", "again")
    book.adopt(1, "demo", "rsi", "ann", "let it be managed")
    assert position(history).strategies == {"rsi": D(5), "sma": D(10)}
    with pytest.raises(StoreError, match="adopted before"):
        book.adopt(1, "demo", "rsi", "ann", "again")


def test_two_known_looks_release_what_was_repaired_and_never_what_waits_for_a_person(book):
    look(book, MISSED, BY_HAND)
    look(book, BY_HAND, minutes=5)
    assert len(book.breaks()) == 2
    look(book, minutes=10, result=Result.UNKNOWN)
    assert len(book.breaks()) == 2
    noted = look(book, BY_HAND, minutes=15)
    assert (noted.released, [found.kind for found in book.breaks()]) == ((1,), ["FOREIGN_TRADE"])


def test_unknown_looks_tell_since_when(book):
    look(book)
    assert book.kept("acct", START).unknown_since is None
    for minutes in (5, 10):
        look(book, minutes=minutes, result=Result.UNKNOWN)
    assert book.kept("acct", START).unknown_since == START + 5 * MINUTE


def test_a_break_that_a_report_opened_tells_its_symbol(journal, book):
    intent = frozen_order(journal)
    journal.record(event_of(intent, OrderState.CANCELED))
    journal.report(event_of(intent, OrderState.CANCELED, 2), [fill_of(intent, 1, "4")])
    assert book.waiting("acct") == {"AAPL": "break 1: LATE_FILL fill-1"}


def test_I21_a_send_learns_of_the_breaks_in_its_own_transaction(journal, book):
    look(book, BY_HAND)
    seen = []
    slot = slot_at()
    intent = intent_of(slot)
    journal.claim(slot, "gate", HOUR)
    journal.freeze(slot, 1, "acct", [intent], [verdict_of(intent)])
    journal.begin_send(slot, 1, event_of(intent, OrderState.SENDING), False, seen.append)
    assert seen[0].breaks == {"AAPL": "break 1: FOREIGN_TRADE hand-1"}


# --- what verify finds -----------------------------------------------------------------------------------------


def test_I12_verify_finds_books_of_cash_that_do_not_add_up(url, store, book):
    look(book, cash=D(1000))
    look(book, minutes=5)
    _edit(store, "looks", "cash", "1001", 2)
    assert any("what was booked makes 1000" in detail for _, detail in wrong(url))


def test_I12_verify_finds_a_snapshot_that_does_not_add_up(url, store):
    reconcile_one(store)
    _edit(store, "snapshots", "total", "1", 1)
    assert any(detail.startswith("total is 1, what it is made of gives 1002.01") for _, detail in wrong(url))


def test_verify_finds_an_adjustment_that_was_changed(url, store):
    reconcile_one(store)
    _edit(store, "adjustments", "quantity", "3", 1)
    names = {name for name, _ in wrong(url)}
    assert {"positions = fills and adjustments", "chains of switches, look-ups, alerts and breaks"} <= names


def _edit(store, table, column, value, number):
    """As somebody would who has the database in his hands."""
    sqlite = store.engine.dialect.name == "sqlite"
    with store.writing() as connection:
        if sqlite:
            connection.execute(text(f"DROP TRIGGER {table}_no_update"))
        else:
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER {table}_insert_only"))
        given = f"'{value}'" if sqlite else value
        connection.execute(text(f"UPDATE {table} SET {column} = {given} WHERE number = {number}"))
