"""Steps of alerts: each is kept once, told once, and adds up to where the alert stands."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from openbell.errors import StoreError
from openbell.store.alerts import SqlAlertBook
from openbell.store.connect import open_store
from openbell.store.verify import verify
from openbell.values.alert import AlertEvent, AlertMessage, AlertStep
from openbell.values.record import Outcome
from tests.store.samples import HOUR, START, slot_at

FIRED = AlertEvent("demo", "low", "IBM", "digest", AlertStep.FIRED, START, "price 9, level 10")
BACK = replace(FIRED, step=AlertStep.REARMED, at=START + HOUR, after=1)


def slot(number=0):
    return replace(slot_at(job="alerts"), planned=START + number * timedelta(minutes=5))


def worded(events):
    return [AlertMessage("PRICE_ALERT", f"low: {event.symbol}", event.detail) for event in events]


@pytest.fixture
def book(store):
    return SqlAlertBook(store)


@pytest.fixture
def take(journal, book):
    """Applies events in a slot of their own."""

    def apply(number, *events):
        fencing = journal.claim(slot(number), f"run-{number}", HOUR).fencing
        book.apply(slot(number), fencing, events, worded)
        return book.kept(slot(number))

    return apply


def test_what_fired_stands_until_it_is_armed_again(take, book):
    (kept,) = take(0, FIRED)
    assert (kept.number, kept.slot, kept.detail) == (1, slot().key, FIRED.detail)
    assert (book.standings("demo")["low"]["IBM"].armed, book.standings("other")) == (False, {})
    take(1, BACK)
    standing = book.standings("demo")["low"]["IBM"]
    assert (standing.armed, standing.since, standing.event, standing.definition) == (True, BACK.at, 2, "digest")
    assert [event.step for event in book.events("demo", "low")] == [AlertStep.REARMED, AlertStep.FIRED]
    assert book.events(limit=1) == book.events()[:1]
    assert book.events("demo", "other") == ()


def test_a_rerun_of_a_slot_keeps_and_tells_nothing_twice(take, book, journal, history):
    first = take(0, FIRED)
    again = replace(FIRED, at=START + timedelta(seconds=20))
    book.apply(slot(), 1, [again, replace(again, after=1)], worded)
    assert book.kept(slot()) == first
    assert len(book.events()) == 1
    assert len(history.alerts(open_only=False)) == 1


def test_of_two_runs_that_saw_the_same_standing_only_one_takes_the_step(take, book):
    take(0, FIRED)
    assert take(1, FIRED) == ()
    assert len(book.events()) == 1


def test_a_run_that_lost_its_slot_writes_nothing(take, book, journal):
    take(0)
    with pytest.raises(StoreError, match=r"claim 7 of slot .* is stale"):
        book.apply(slot(), 7, [FIRED], worded)
    journal.release(slot(), 1, Outcome.COMPLETED, "")
    with pytest.raises(StoreError, match="is closed already"):
        book.apply(slot(), 1, [FIRED], worded)
    assert book.events() == ()


def test_people_are_told_in_the_same_transaction_and_nothing_is_left_open(take, history):
    take(0, FIRED, replace(FIRED, symbol="AAPL"))
    take(1, BACK)
    take(2, replace(FIRED, after=3, at=START + 2 * HOUR))
    told = history.alerts(open_only=False)
    assert [(alert.kind, alert.subject) for alert in told] == [
        ("PRICE_ALERT", "low: IBM"),
        ("PRICE_ALERT", "low: AAPL"),
        ("PRICE_ALERT", "low: IBM"),
    ]
    assert history.alerts() == ()


def test_a_wording_that_fails_keeps_no_step(journal, book):
    fencing = journal.claim(slot(), "run", HOUR).fencing

    def broken(events):
        raise ValueError

    with pytest.raises(ValueError):
        book.apply(slot(), fencing, [FIRED], broken)
    assert book.events() == ()
    assert book.standings("demo") == {}


def test_a_thousand_steps_at_once_are_one_chain(take, url):
    take(0, *(replace(FIRED, symbol=f"S{number}") for number in range(1000)))
    assert [check.name for check in verify(url) if not check.ok] == []


def test_a_standing_that_is_not_what_the_log_left_is_found(take, url):
    take(0, FIRED, replace(FIRED, symbol="AAPL"))
    with open_store(url).writing() as connection:
        connection.execute(text("UPDATE alert_standings SET armed = true WHERE symbol = 'IBM'"))
        connection.execute(text("DELETE FROM alert_standings WHERE symbol = 'AAPL'"))
        columns = "symbol, definition, armed, since, event"
        copied = (
            f"INSERT INTO alert_standings (plan, alert, {columns}) SELECT plan, 'x', {columns} FROM alert_standings"
        )
        connection.execute(text(copied))
    (check,) = [check for check in verify(url) if not check.ok]
    assert check.name == "standings of alerts"
    assert sorted(finding.row for finding in check.findings) == [
        "alert_events 2",
        "alert_standings demo/low/IBM",
        "alert_standings demo/x/IBM",
    ]
