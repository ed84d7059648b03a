"""Prices seen since a position was opened: kept over ticks, gone when it closes or turns."""

from dataclasses import replace
from datetime import timedelta

import pytest

from openbell.store import open_exit_marks
from openbell.values.orders import OrderState, Purpose, Share, Side
from tests.store.samples import HOUR, PASS, START, D, event_of, fill_of, intent_of, slot_at, verdict_of

NOW = START + timedelta(days=1)


@pytest.fixture
def marks(url):
    return open_exit_marks(url)


@pytest.fixture
def traded(journal):
    """Trades of one symbol in a row, each a filled order of its own slot: (side, quantity), a minute apart."""
    count = [0]

    def trade(side, quantity, symbol="AAPL", plan="demo", strategy="sma"):
        count[0] += 1
        slot = slot_at(days=count[0], plan=plan)
        shares = (Share(strategy, D(quantity) * side.sign),)
        intent = intent_of(slot, symbol, quantity, side, shares, Purpose.ENTRY)
        claim = journal.claim(slot, f"run-{count[0]}", HOUR)
        journal.freeze(slot, claim.fencing, "acct", [intent], [verdict_of(intent)])
        assert journal.begin_send(slot, claim.fencing, event_of(intent, OrderState.SENDING), False, PASS) is None
        fill = fill_of(intent, count[0], quantity, minutes=count[0])
        journal.record(event_of(intent, OrderState.FILLED), [fill], [event_of(intent, OrderState.ACKED)])
        return fill.time

    return trade


def seen(marks, high, low, symbol="AAPL"):
    """A tick at which the prices of one symbol have been seen."""
    watch = marks.read("demo", "acct")
    entries = [replace(e, high=D(high), low=D(low)) if e.symbol == symbol else e for e in watch.entries]
    marks.tick("demo", "acct", NOW, watch.fill, entries)


def held(marks, symbol="AAPL"):
    return next((entry for entry in marks.read("demo", "acct").entries if entry.symbol == symbol), None)


def test_nothing_held_and_never_looked_at_is_an_empty_watch(marks):
    watch = marks.read("demo", "acct")
    assert (watch.entries, watch.fill, watch.last) == ((), 0, None)


def test_a_position_is_known_by_the_fills_that_made_it(marks, traded):
    opened = traded(Side.BUY, "10")
    traded(Side.BUY, "5", strategy="rsi")
    entry = held(marks)
    assert entry.books == {"sma": D(10), "rsi": D(5)}
    assert (entry.opened, entry.high, entry.low) == (opened, None, None)


def test_prices_seen_stay_while_the_position_grows_and_shrinks(marks, traded):
    opened = traded(Side.BUY, "10")
    seen(marks, "120", "90")
    traded(Side.BUY, "5")
    traded(Side.SELL, "12")
    entry = held(marks)
    assert (entry.opened, entry.high, entry.low) == (opened, D(120), D(90))
    assert marks.read("demo", "acct").last == NOW


def test_prices_seen_are_gone_once_the_position_was_closed_also_between_two_ticks(marks, traded):
    traded(Side.BUY, "10")
    seen(marks, "120", "90")
    traded(Side.SELL, "10")
    again = traded(Side.BUY, "10")
    entry = held(marks)
    assert (entry.opened, entry.high, entry.low) == (again, None, None)


def test_what_was_forgotten_stays_forgotten_when_no_price_is_known_at_the_next_tick(marks, traded):
    traded(Side.BUY, "10")
    seen(marks, "120", "90")
    traded(Side.SELL, "10")
    again = traded(Side.BUY, "10")
    watch = marks.read("demo", "acct")
    marks.tick("demo", "acct", NOW, watch.fill, watch.entries)
    entry = held(marks)
    assert (entry.opened, entry.high) == (again, None)


def test_prices_seen_are_gone_when_a_long_position_turns_short(marks, traded):
    traded(Side.BUY, "10")
    seen(marks, "120", "90")
    turned = traded(Side.SELL, "15")
    entry = held(marks)
    assert entry.books == {"sma": D(-5)}
    assert (entry.opened, entry.high, entry.low) == (turned, None, None)


def test_a_closed_position_leaves_no_row(marks, traded, store):
    traded(Side.BUY, "10")
    seen(marks, "120", "90")
    traded(Side.SELL, "10")
    watch = marks.read("demo", "acct")
    assert watch.entries == ()
    marks.tick("demo", "acct", NOW, watch.fill, watch.entries)
    with store.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM exit_marks").scalar() == 0


def test_another_plan_in_the_same_account_has_positions_of_its_own(marks, traded):
    traded(Side.BUY, "10")
    seen(marks, "120", "90")
    traded(Side.BUY, "3", plan="other")
    assert held(marks).books == {"sma": D(10)}
    assert marks.read("other", "acct").entries[0].books == {"sma": D(3)}
    assert marks.read("other", "acct").entries[0].high is None
