"""The outbox on both databases: nothing twice, nothing lost, one deliverer at a time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from openbell.errors import StoreError
from openbell.ports import Level
from openbell.stages.outbox import GIVEN_UP, TRIES
from openbell.store import open_outbox
from openbell.store.outbox_tables import DELIVERIES
from openbell.store.verify import verify
from openbell.values.message import MessageState, Severity
from tests.notifiers.samples import NOW, OPS, message
from tests.store.samples import record_of

WINDOW, LEASE = timedelta(minutes=15), timedelta(seconds=90)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def outbox(url):
    return open_outbox(url)


def put(outbox, *messages, now=NOW, window=WINDOW):
    return outbox.put("demo", (), messages, window, now)


def claim(outbox, now=NOW, target=OPS):
    return outbox.claim("demo", target, now, LEASE)


def test_same_row_for_the_same_target_is_one_message_however_often_it_is_put(outbox):
    assert put(outbox, message(), message(), message(target="slack-webhook/ops")) == 2
    assert put(outbox, message(body="other words")) == 0
    assert len(outbox.messages()) == 2


def test_what_was_put_comes_back_as_it_was(outbox):
    put(outbox, message(body="12 µ§ 🔔\nsecond line", level=Severity.CRITICAL))
    (found,) = outbox.messages(MessageState.WAITING, "demo")
    assert found.message == message(body="12 µ§ 🔔\nsecond line", level=Severity.CRITICAL)
    assert (found.state, found.tries, found.times) == (MessageState.WAITING, 0, 1)
    assert outbox.messages(plan="other") == ()


def test_what_matters_most_goes_first_and_then_the_oldest(outbox):
    levels = [Severity.INFO, Severity.CRITICAL, Severity.ERROR, Severity.CRITICAL, Severity.WARNING]
    put(outbox, *(message(f"runs/{n}", level=level, created=NOW + n * MINUTE) for n, level in enumerate(levels)))
    order = [claim(outbox, NOW + timedelta(hours=1)).message.source for _ in levels]
    assert order == ["runs/1", "runs/3", "runs/2", "runs/4", "runs/0"]
    assert claim(outbox) is None


def test_claimed_message_is_nobody_elses_until_the_lease_is_over(outbox):
    put(outbox, message())
    assert claim(outbox).tries == 1
    assert claim(outbox, NOW + LEASE - timedelta(seconds=1)) is None
    assert claim(outbox, NOW + LEASE).tries == 2


def test_S22_deliverers_that_race_send_each_message_once(outbox):
    put(outbox, *(message(f"runs/{n}") for n in range(12)))
    with ThreadPoolExecutor(4) as pool:
        claimed = [found for found in pool.map(lambda _: claim(outbox), range(16)) if found]
    assert sorted(found.message.source for found in claimed) == sorted(f"runs/{n}" for n in range(12))


def test_try_is_logged_and_sent_is_the_end(outbox, store):
    put(outbox, message())
    outbox.settle(claim(outbox), MessageState.WAITING, NOW + MINUTE, "answered 503", NOW)
    assert claim(outbox) is None
    outbox.settle(claim(outbox, NOW + MINUTE), MessageState.SENT, NOW + MINUTE, "", NOW + MINUTE)
    (sent,) = outbox.messages(MessageState.SENT)
    assert (sent.tries, sent.error) == (2, "")
    with store.reading() as connection:
        rows = connection.execute(select(DELIVERIES).order_by(DELIVERIES.c.number)).all()
    assert [(row.attempt, row.state, row.detail) for row in rows] == [(1, "waiting", "answered 503"), (2, "sent", "")]
    assert {row.message for row in rows} == {message().id}


def test_deliverer_that_was_away_too_long_has_no_say_any_more(outbox):
    put(outbox, message())
    slow = claim(outbox)
    quick = claim(outbox, NOW + LEASE)
    outbox.settle(quick, MessageState.SENT, NOW + LEASE, "", NOW + LEASE)
    outbox.settle(slow, MessageState.FAILED, NOW, "no answer", NOW + LEASE)
    assert [found.state for found in outbox.messages()] == [MessageState.SENT]


# --- merging -------------------------------------------------------------------------------------------------


def test_same_trouble_is_told_once_and_then_with_a_count(outbox):
    put(outbox, message("runs/1", key="broken"))
    outbox.settle(claim(outbox), MessageState.SENT, NOW, "", NOW)
    for number in range(2, 6):
        at = NOW + number * MINUTE
        put(outbox, message(f"runs/{number}", key="broken", created=at), now=at)
    assert claim(outbox, NOW + 14 * MINUTE) is None
    held = claim(outbox, NOW + WINDOW)
    assert (held.message.source, held.times, held.last_seen) == ("runs/2", 4, NOW + 5 * MINUTE)
    merged = outbox.messages(MessageState.MERGED)
    assert {found.merged_into for found in merged} == {held.id}
    assert outbox.tally("demo") == {
        MessageState.WAITING: 1,
        MessageState.SENT: 1,
        MessageState.FAILED: 0,
        MessageState.MERGED: 3,
    }


def test_other_troubles_and_other_targets_are_not_merged(outbox):
    put(outbox, message("runs/1", key="a"), message("runs/2", key="b"), message("runs/3", target="x/y", key="a"))
    assert outbox.messages(MessageState.MERGED) == ()


def test_message_that_is_being_sent_takes_nothing_in(outbox):
    put(outbox, message("runs/1", key="broken"))
    claim(outbox)
    put(outbox, message("runs/2", key="broken"))
    assert outbox.messages(MessageState.MERGED) == ()
    assert {found.next_try for found in outbox.messages(MessageState.WAITING)} == {NOW, NOW + WINDOW}


# --- giving up -----------------------------------------------------------------------------------------------


def test_what_waited_too_long_is_given_up_once(outbox):
    put(outbox, message("runs/1", expires=NOW + MINUTE), message("runs/2"))
    assert claim(outbox, NOW + MINUTE).message.source == "runs/2"
    assert [lost.message.source for lost in outbox.give_up(NOW + MINUTE)] == ["runs/1"]
    assert outbox.give_up(NOW + MINUTE) == ()
    assert outbox.messages(MessageState.FAILED)[0].error == GIVEN_UP


def test_process_that_dies_in_every_try_cannot_try_for_ever(outbox):
    put(outbox, message())
    now = NOW
    for _ in range(TRIES):
        assert claim(outbox, now) is not None
        now += LEASE
    assert claim(outbox, now) is None
    assert len(outbox.give_up(now)) == 1


def test_failed_messages_wait_again_with_all_their_tries(outbox):
    put(outbox, message("runs/1"), message("runs/2"), message("runs/3", target="x/y"))
    for _ in range(2):
        outbox.settle(claim(outbox), MessageState.FAILED, NOW, "answered 404", NOW)
    later = NOW + timedelta(days=3)
    assert outbox.retry([message("runs/1").id, message("runs/3").id], None, later, later + MINUTE) == 1
    assert outbox.retry([], "other", later, later + MINUTE) == 0
    assert outbox.retry([], "demo", later, later + MINUTE) == 1
    assert claim(outbox, later).tries == 1


# --- reading the logs ----------------------------------------------------------------------------------------


def read(outbox, since=NOW - timedelta(days=9999), plan="demo"):
    found = outbox.unread(plan, since)
    outbox.put(plan, found, (), WINDOW, NOW)
    return [(noted.log, noted.kind) for noted in found]


def test_every_row_of_the_logs_is_read_once_for_each_plan(outbox, journal):
    journal.seal(record_of(), None)
    journal.alert("UNKNOWN_ORDER", "ob-1", "no answer")
    journal.set_switch(Level.HALTED, "ann", "fire drill")
    journal.count("demo", "trade", "broker", "401", at_once=True)
    journal.open_break("paper", "FOREIGN_TRADE", "AAPL", "5 more than ours")
    rows = [("runs", "trade"), ("alerts", "UNKNOWN_ORDER"), ("switches", "halted"), ("breaker_events", "opened")]
    assert sorted(read(outbox)) == sorted([*rows, ("breaks", "FOREIGN_TRADE")])
    assert read(outbox) == []
    journal.alert("VANISHED", "ob-2", "gone")
    assert read(outbox) == [("alerts", "VANISHED")]
    others = read(outbox, plan="other")
    assert ("alerts", "VANISHED") in others
    assert {log for log, _ in others} == {"alerts", "switches", "breaks"}


def test_plan_that_never_read_does_not_begin_with_old_news(outbox, journal):
    journal.alert("UNKNOWN_ORDER", "ob-1", "no answer")
    future = NOW + timedelta(days=3650)
    assert read(outbox, since=future) == []
    journal.alert("VANISHED", "ob-2", "gone")
    assert read(outbox, since=future) == [("alerts", "VANISHED")]


def test_message_and_mark_are_one_transaction(outbox, journal):
    journal.alert("UNKNOWN_ORDER", "ob-1", "no answer")
    found = outbox.unread("demo", NOW - timedelta(days=9999))
    broken = message("runs/2", created=NOW.replace(tzinfo=None))
    with pytest.raises(StoreError, match="zone"):
        outbox.put("demo", found, [message(), broken], WINDOW, NOW)
    assert outbox.messages() == ()
    assert len(outbox.unread("demo", NOW)) == 1


def test_long_backlog_is_read_in_pieces_without_a_gap(outbox, journal):
    assert read(outbox) == []
    for number in range(230):
        journal.alert("TEST", f"subject-{number}", "detail")
    first, second = outbox.unread("demo", NOW), []
    outbox.put("demo", first, (), WINDOW, NOW)
    second = outbox.unread("demo", NOW)
    assert [noted.number for noted in (*first, *second)] == list(range(1, 231))


def test_verify_covers_the_log_of_deliveries(outbox, url):
    put(outbox, message())
    outbox.settle(claim(outbox), MessageState.SENT, NOW, "", NOW)
    assert [check.findings for check in verify(url) if check.findings] == []


def test_P07_edited_delivery_is_found_and_named(outbox, url, store):
    put(outbox, message())
    outbox.settle(claim(outbox), MessageState.FAILED, NOW, "answered 404", NOW)
    sqlite = store.engine.dialect.name == "sqlite"
    with store.writing() as connection:
        connection.execute(text(f"DROP TRIGGER deliveries_{'no_update' if sqlite else 'insert_only ON deliveries'}"))
        connection.execute(text("UPDATE deliveries SET detail = 'taken'"))
    found = [finding for check in verify(url) for finding in check.findings]
    assert "deliveries 1" in [finding.row for finding in found]
