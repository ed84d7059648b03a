"""The kill switch by its epochs, and the breakers by the database's clock."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from openbell.errors import StoreError
from openbell.ports import Level
from openbell.store.connect import now
from openbell.values.orders import OrderState
from tests.store.samples import event_of, frozen_order, slot_at

#: Races of H08; the full thousand takes half a minute.
RACES = int(os.environ.get("OPENBELL_TEST_RACES", "150"))
HALTED, ACTIVE, REDUCE = Level.HALTED, Level.ACTIVE, Level.REDUCE_ONLY


def test_each_setting_is_a_new_epoch(journal):
    assert journal.set_switch(HALTED, "ann", "drill").epoch == 1
    after = journal.set_switch(ACTIVE, "bob", "drill over", 1)
    assert (after.level, after.epoch, after.actor, after.reason) == (ACTIVE, 2, "bob", "drill over")
    assert journal.switch() == after


def test_a_setting_from_an_old_epoch_is_refused_and_says_what_is_there(journal):
    journal.set_switch(HALTED, "ann", "smoke")
    for level in (ACTIVE, REDUCE):
        with pytest.raises(StoreError, match=r"epoch 1 \(halted by ann: smoke\), not at 0"):
            journal.set_switch(level, "bob", "all fine", 0)
    assert journal.switch().epoch == 1


def test_H08_a_halt_is_never_too_late(journal):
    journal.set_switch(REDUCE, "ann", "careful")
    assert journal.set_switch(HALTED, "bob", "fire", 0).level is HALTED


@pytest.mark.parametrize(("actor", "reason"), [("", "fine"), ("ann", ""), ("ann", " ")])
def test_going_on_needs_actor_and_reason(journal, actor, reason):
    journal.set_switch(HALTED, "ann", "smoke")
    with pytest.raises(StoreError, match="needs an actor and a reason"):
        journal.set_switch(ACTIVE, actor, reason, 1)
    assert journal.set_switch(HALTED, "", "").level is HALTED


def test_H08_kill_and_resume_at_once_always_end_halted(journal):
    """Both saw the same epoch: whoever comes first, the halt stands."""

    def resume(epoch):
        try:
            return journal.set_switch(ACTIVE, "ann", "fine", epoch)
        except StoreError:
            return None

    with ThreadPoolExecutor(2) as pool:
        for _ in range(RACES):
            epoch = journal.switch().epoch
            both = pool.submit(resume, epoch), pool.submit(journal.set_switch, HALTED, "bob", "fire", epoch)
            for each in both:
                each.result()
            assert journal.switch().level is HALTED


# --- breakers --------------------------------------------------------------------------------------------------


def fail(journal, times, dependency="broker", **more):
    return [journal.count("demo", "trade", dependency, "timed out", **more) for _ in range(times)][-1]


def succeed(journal, times=1, dependency="broker"):
    return [journal.count("demo", "trade", dependency, "") for _ in range(times)][-1]


def wait(store, minutes):
    """Let the breakers' time pass."""
    with store.writing() as connection:
        sqlite = connection.dialect.name == "sqlite"
        ago = f"- {minutes * 60_000_000}" if sqlite else f"- interval '{minutes} minutes'"
        connection.execute(text(f"UPDATE breakers SET opened_at = opened_at {ago}, retry_at = retry_at {ago}"))


def minutes_to_retry(store, breaker):
    with store.reading() as connection:
        return round((breaker.retry_at - now(connection)).total_seconds() / 60)


def test_ten_failures_in_a_row_open_it_and_nine_do_not(journal, store):
    assert not fail(journal, 9).open
    opened = fail(journal, 1)
    assert (opened.open, opened.failures, opened.reason, opened.latched) == (True, 10, "timed out", False)
    assert minutes_to_retry(store, opened) == 5


def test_ten_of_the_last_twenty_open_it(journal):
    for _ in range(9):
        succeed(journal)
        assert not fail(journal, 1).open
    succeed(journal)
    assert fail(journal, 1).open


def test_old_failures_are_forgotten(journal):
    fail(journal, 9)
    succeed(journal, 20)
    assert not fail(journal, 9).open


def test_at_once_opens_on_the_first_failure(journal):
    assert fail(journal, 1, at_once=True).open


def test_cool_down_doubles_to_an_hour_when_the_probe_fails(journal, store):
    fail(journal, 1, at_once=True)
    waits = []
    for _ in range(5):
        wait(store, 60)
        waits.append(minutes_to_retry(store, fail(journal, 1)))
    assert waits == [10, 20, 40, 60, 60]


def test_three_good_probes_close_it_and_a_bad_one_starts_again(journal, store):
    fail(journal, 1, at_once=True)
    assert succeed(journal, 5).probes == 0  # not due yet
    wait(store, 5)
    assert (succeed(journal, 2).probes, succeed(journal).open) == (2, False)
    fail(journal, 1, at_once=True)
    wait(store, 5)
    succeed(journal, 2)
    assert (fail(journal, 1).probes, journal.breaker("demo", "trade").open) == (0, True)


def test_closed_breaker_starts_from_nothing(journal, store):
    fail(journal, 10)
    wait(store, 5)
    succeed(journal, 3)
    again = fail(journal, 9)
    assert (again.open, again.failures) == (False, 9)


def test_the_most_pressing_breaker_of_a_job_is_told(journal):
    assert not journal.breaker("demo", "trade").open
    fail(journal, 2, "data")
    fail(journal, 4, "store")
    assert journal.breaker("demo", "trade").dependency == "store"
    fail(journal, 1, "data", at_once=True)
    assert journal.breaker("demo", "trade").dependency == "data"
    assert not journal.breaker("demo", "exits").open
    assert [(plan, job, found.dependency) for plan, job, found in journal.breakers()] == [
        ("demo", "trade", "data"),
        ("demo", "trade", "store"),
    ]


def test_success_where_nothing_failed_writes_nothing(journal):
    assert not succeed(journal).open
    assert journal.breakers() == ()


def test_reset_closes_all_breakers_of_the_job_and_is_kept(journal, store):
    fail(journal, 10)
    with pytest.raises(StoreError, match="needs an actor and a reason"):
        journal.reset_breaker("demo", "trade", "ann", "")
    journal.reset_breaker("demo", "trade", "ann", "new key")
    assert not journal.breaker("demo", "trade").open
    with store.reading() as connection:
        rows = connection.execute(text("SELECT what, actor, reason FROM breaker_events ORDER BY number")).all()
    assert [tuple(row) for row in rows] == [("opened", "openbell", "timed out"), ("reset", "ann", "new key")]


# --- refused orders, and limits that were reached --------------------------------------------------------------


def refuse(journal, day, code="40310000"):
    intent = frozen_order(journal, slot_at(day))
    journal.record(event_of(intent, OrderState.REJECTED, detail=f"{code}: insufficient buying power"))
    return journal.breaker("demo", "trade")


def test_B07_five_orders_refused_within_a_minute_open_a_breaker_of_their_own(journal, store):
    found = [refuse(journal, day) for day in range(5)]
    assert [breaker.open for breaker in found] == [False] * 4 + [True]
    last = found[-1]
    assert (last.dependency, last.failures, last.latched) == ("rejects", 5, False)
    assert last.reason == "40310000: insufficient buying power"
    assert minutes_to_retry(store, last) == 5
    assert not journal.breaker("demo", "exits").open


def test_B07_refusals_further_apart_than_a_minute_open_nothing(journal, store):
    for day in range(12):
        assert not refuse(journal, day).open
        with store.writing() as connection:
            recent = connection.execute(text("SELECT recent FROM breakers")).scalar_one()
            older = " ".join(str(int(then) - 16) for then in recent.split())
            connection.execute(text("UPDATE breakers SET recent = :older"), {"older": older})


def test_B08_a_refusal_that_comes_later_counts_once_however_often_it_is_told(journal):
    intents = [frozen_order(journal, slot_at(day)) for day in range(4)]
    for intent in intents * 3:
        journal.report(event_of(intent, OrderState.REJECTED, detail="late"))
    assert (journal.breaker("demo", "trade").open, journal.breaker("demo", "trade").failures) == (False, 4)


def test_the_breaker_of_refused_orders_closes_after_three_good_probes(journal, store):
    for day in range(5):
        refuse(journal, day)
    wait(store, 5)
    assert (succeed(journal, 2, "rejects").open, succeed(journal, 1, "rejects").open) == (True, False)


def test_a_latched_breaker_is_closed_by_a_person_alone(journal, store):
    journal.latch("demo", "trade", "loss", "daily_loss_halt: 0.03 against 0.02")
    journal.latch("demo", "trade", "loss", "again")
    wait(store, 6000)
    assert succeed(journal, 10, "loss").latched
    standing = journal.breaker("demo", "trade")
    assert (standing.open, standing.retry_at, standing.reason) == (True, None, "daily_loss_halt: 0.03 against 0.02")
    fail(journal, 1, at_once=True)
    assert journal.breaker("demo", "trade").dependency == "loss"
    journal.reset_breaker("demo", "trade", "ann", "looked at it")
    assert not journal.breaker("demo", "trade").open
    with store.reading() as connection:
        told = connection.execute(text("SELECT dependency, what FROM breaker_events ORDER BY number")).all()
    assert [tuple(row) for row in told] == [
        ("loss", "opened"),
        ("broker", "opened"),
        ("broker", "reset"),
        ("loss", "reset"),
    ]


# --- alerts and breaks -----------------------------------------------------------------------------------------


def test_the_same_alert_counts_once_while_it_is_open(journal, history):
    for _ in range(3):
        journal.alert("UNKNOWN", "ob-1", "nobody knows")
    journal.alert("UNKNOWN", "ob-2", "")
    second, first = history.alerts()
    assert (first.number, first.kind, first.subject, first.detail) == (1, "UNKNOWN", "ob-1", "nobody knows")
    journal.close_alert(1, "ann", "found it")
    assert history.alerts() == (second,)
    journal.alert("UNKNOWN", "ob-1", "again")
    assert [(found.number, found.closed_by) for found in history.alerts(open_only=False)] == [
        (3, ""),
        (2, ""),
        (1, "ann"),
    ]


def test_breaks_are_kept_by_account(journal, history):
    for account in ("a", "a", "b"):
        journal.open_break(account, "POSITION", "AAPL", "10 here, 7 there")
    assert [found.account for found in history.breaks()] == ["b", "a"]
    journal.close_break(1, "ann", "explained")
    journal.close_break(1, "bob", "again")
    assert [found.account for found in history.breaks()] == ["b"]
    assert history.breaks(open_only=False)[1].closed_why == "explained"
    with pytest.raises(StoreError, match="there is no row 9"):
        journal.close_break(9, "ann", "?")
