"""From the store to a target over a real socket, with a clock that the test turns."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from openbell import notifiers, store
from openbell.jobs.delivery import AT_ONCE, Dispatch, by_variable, deliver
from openbell.ports import Level
from openbell.stages.outbox import BACKOFF, TRIES, UNDELIVERED
from openbell.values.message import MessageState
from tests.notifiers.receiver import Receiver, answer, receiving
from tests.notifiers.samples import OPS, message, plan
from tests.stages.records import AS_OF, failed_record, sample_record, skipped_record

SECOND = "env:OPENBELL_NOTIFY_SECOND"
WAITING, SENT, FAILED = MessageState.WAITING, MessageState.SENT, MessageState.FAILED
MINUTE = timedelta(minutes=1)


class Office:
    """A store, a plan with its targets, and a clock."""

    def __init__(self, url, tmp_path):
        self.url = url
        self.journal = store.open_journal(url, tmp_path / "HALT")
        self.outbox = store.open_outbox(url)
        self.history = store.open_history(url)
        # The store's logs carry the database's time, records their own.
        self.now = datetime.now(UTC)

    def seal(self, record, number=1):
        at = self.now
        self.journal.seal(record.model_copy(update={"id": f"run-{number:06}", "finished": at, "as_of": AS_OF}), None)

    def deliver(self, plan, opening=None):
        return deliver(
            Dispatch(plan, self.outbox, self.history, self.journal, opening or by_variable(plan), lambda: self.now)
        )

    def states(self, target=OPS):
        return [found.state for found in self.outbox.messages(limit=200) if found.message.target == target]


@pytest.fixture
def office(tmp_path):
    url = f"sqlite:///{tmp_path / 'openbell.db'}"
    store.upgrade(url)
    yield Office(url, tmp_path)
    store.close(url)


@pytest.fixture
def second():
    with receiving() as made:
        yield made


@pytest.fixture(autouse=True)
def addresses(receiver: Receiver, second: Receiver, monkeypatch):
    monkeypatch.setenv("OPENBELL_NOTIFY_OPS", receiver.url())
    monkeypatch.setenv("OPENBELL_NOTIFY_SECOND", second.url())


def target(to=OPS, **more):
    return {"to": to, "private": True, **more}


def subjects(receiver):
    return [received.json["subject"] for received in receiver.received]


def test_L01_sealed_record_reaches_its_target_once(office, receiver):
    office.seal(sample_record())
    told = plan(target())
    assert office.deliver(told).rounds[0].sent == 1
    assert office.deliver(told).rounds[0].sent == 0
    (received,) = receiver.received
    assert received.json["subject"] == "demo trade: completed"
    assert received.json["source"] == "runs/1"
    assert "openbell show run-000001" in received.json["body"]


def test_L01_nothing_is_told_that_the_plan_does_not_ask_for(office, receiver):
    office.seal(skipped_record())
    office.seal(sample_record(dry_run=True), 2)
    assert office.deliver(plan(target())).new == 0
    assert office.deliver(plan(target(), enabled=False)).rounds == ()
    assert receiver.received == []


def test_I03_alerts_switch_breakers_and_breaks_are_told_at_their_levels(office, receiver, second):
    office.journal.alert("UNKNOWN_ORDER", "ob-1", "no answer from the broker")
    office.journal.set_switch(Level.HALTED, "ann", "fire drill")
    office.journal.count("demo", "trade", "broker", "401 unauthorized", at_once=True)
    office.journal.open_break("paper", "FOREIGN_TRADE", "AAPL", "5 more than ours")
    office.now += MINUTE
    office.deliver(plan(target(), target(SECOND, levels=["critical"])))
    assert subjects(receiver)[0] == "openbell kill switch: HALTED"
    assert sorted(subjects(receiver)[1:]) == [
        "demo: broker breaker of trade opened",
        "openbell alert: UNKNOWN_ORDER ob-1",
        "openbell break: FOREIGN_TRADE AAPL",
    ]
    assert subjects(second) == ["openbell kill switch: HALTED"]


def test_targets_of_two_plans_hear_of_an_alert_once(office, receiver):
    office.journal.alert("UNKNOWN_ORDER", "ob-1", "no answer")
    office.now += MINUTE
    for name in ("demo", "other"):
        office.deliver(plan(target()).model_copy(update={"name": name}))
    assert len(receiver.received) == 1


def test_retries_notifications_5_and_then_an_alert_that_the_others_hear_of(office, receiver, second):
    receiver.script = [answer(503)]
    told = plan(target(), target(SECOND))
    office.seal(sample_record())
    for wait in (*BACKOFF, timedelta(0)):
        office.deliver(told)
        office.deliver(told)
        office.now += wait
    assert len(receiver.received) == TRIES == 5
    assert office.states() == [FAILED]
    (alert,) = office.history.alerts()
    assert (alert.kind, alert.subject, alert.detail) == (UNDELIVERED, OPS, "answered 503")
    office.now += MINUTE
    office.deliver(told)
    assert subjects(second)[-1] == f"openbell alert: {UNDELIVERED} {OPS}"
    assert len(receiver.received) == 5


def test_S22_alert_about_a_target_is_closed_when_it_takes_messages_again(office, receiver):
    receiver.script = [answer(404), answer(200)]
    office.seal(sample_record())
    office.deliver(plan(target()))
    assert len(office.history.alerts()) == 1
    office.seal(sample_record(), 2)
    office.deliver(plan(target()))
    assert office.history.alerts() == ()


def test_dead_target_costs_one_try_a_pass_however_much_waits(office, receiver):
    receiver.script = [answer(503)]
    for number in range(5):
        office.seal(sample_record(), number)
    round_ = office.deliver(plan(target())).rounds[0]
    assert (round_.sent, round_.error, round_.final) == (0, "answered 503", False)
    assert len(receiver.received) == 1
    assert office.states() == [WAITING] * 5


def test_S22_slow_target_does_not_hold_up_the_others(office, receiver, second):
    receiver.script = ["hang"]
    told = plan(target(), target(SECOND))
    office.seal(sample_record())
    started, arrived = time.monotonic(), []

    def opening(each):
        made = notifiers.open_target(each, live=False)
        made._timeout = 2.0
        return made

    watcher = threading.Thread(target=lambda: arrived.append(wait_for(second, started)))
    watcher.start()
    rounds = {done.target: done for done in office.deliver(told, opening).rounds}
    watcher.join()
    assert rounds[SECOND].sent == 1
    assert rounds[OPS].error == "no answer within 2 s"
    assert arrived[0] < 1.5


def wait_for(receiver, since):
    while not receiver.received and time.monotonic() - since < 10:
        time.sleep(0.01)
    return time.monotonic() - since


def test_same_failure_minute_after_minute_is_told_once_a_window_with_its_count(office, receiver):
    told = plan(target(), merge="15m")
    for number in range(31):
        office.seal(failed_record(), number)
        office.deliver(told)
        office.now += MINUTE
    assert subjects(receiver) == [
        "demo trade: failed",
        "demo trade: failed (15 times)",
        "demo trade: failed (15 times)",
    ]
    assert "This came 15 times" in receiver.received[1].json["body"]


def test_target_without_its_variable_is_an_alert_and_no_error_of_the_pass(office, monkeypatch, receiver, second):
    monkeypatch.delenv("OPENBELL_NOTIFY_OPS")
    office.seal(sample_record())
    rounds = {done.target: done for done in office.deliver(plan(target(), target(SECOND))).rounds}
    assert rounds[OPS].error == "environment variable OPENBELL_NOTIFY_OPS is not set, or empty"
    assert rounds[SECOND].sent == 1
    assert [alert.subject for alert in office.history.alerts()] == [OPS]


def test_message_of_a_target_that_no_plan_names_any_more_is_given_up(office):
    old = message(created=office.now, expires=office.now + MINUTE)
    office.outbox.put("gone", (), [old], MINUTE, office.now)
    office.now += MINUTE
    office.deliver(plan())
    assert office.states() == [FAILED]


def test_old_news_is_not_told(office, receiver):
    told = plan(target(), expire="1h")
    office.deliver(told)
    office.seal(sample_record())
    office.now += timedelta(hours=2)
    assert office.deliver(told).new == 0
    assert receiver.received == []


def test_plan_that_is_new_begins_with_the_run_that_just_ended_and_not_with_last_week(office, receiver):
    last_week = office.now - timedelta(days=7)
    before, office.now = office.now, last_week
    office.seal(sample_record(), 1)
    office.now = before
    office.seal(sample_record(), 2)
    office.deliver(plan(target()))
    assert [received.json["source"] for received in receiver.received] == ["runs/2"]


def test_pass_ends_although_there_is_always_more(office, receiver):
    told = plan(target())
    rows = [
        message(f"runs/{n}", created=office.now, expires=office.now + timedelta(days=1)) for n in range(AT_ONCE + 5)
    ]
    office.outbox.put("demo", (), rows, timedelta(0), office.now)
    assert office.deliver(told).rounds[0].sent == AT_ONCE
    assert office.deliver(told).rounds[0].sent == 5


def test_what_a_pass_did_is_told_as_a_job_tells_it(office, receiver):
    receiver.script = [answer(404)]
    office.seal(sample_record())
    worked = office.deliver(plan(target())).worked(waiting=3)
    assert worked.message == f"no messages sent, 3 waiting, 1 given up; {OPS}: answered 404"
    assert worked.counters == {"new": 1, "sent": 0, "failed": 1, "waiting": 3}
    assert worked.details == {"errors": [f"{OPS}: answered 404"]}
