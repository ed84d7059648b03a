"""What is told to whom, at which level, in which words, and when it is tried."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openbell.stages.outbox import BACKOFF, TRIES, UNDELIVERED, Standing, messages_of, place, settled, told
from openbell.stages.report import headline
from openbell.values.message import Failed, MessageState, Noted, Sent, Severity
from openbell.values.notify import Notify
from openbell.values.record import Outcome
from tests.notifiers.samples import NOW, OPS, message, posted
from tests.stages.records import failed_record, sample_record, skipped_record

WINDOW = timedelta(minutes=15)
SECOND = "slack-webhook/ops"


def notify(*targets, **changes):
    return Notify.model_validate({"targets": targets or [{"to": OPS}], **changes})


def run(outcome="completed", job="trade", **counters):
    return Noted("runs", 7, NOW, job, "run-7", "done", plan="demo", code=outcome, counters=counters)


def noted(log, kind, subject="ob-1", detail="what happened", **changes):
    return Noted(log, 3, NOW, kind, subject, detail, **changes)


def messages(row, record=None, settings=None):
    return list(messages_of(settings or notify(), "demo", row, record))


# --- what is told --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "is_told"),
    [
        (run(), True),
        (run("skipped"), False),
        (run("failed"), True),
        (run("interrupted"), True),
        (run("missed", job="orders"), True),
        (run(job="prices"), False),
        (run("failed", job="prices"), True),
        (run("failed", job="notify"), False),
        (run(job="orders", checked=9), False),
        (run(job="orders", filled=1), True),
        (run(job="orders", canceled=1), True),
        (run(job="orders", rejected=1), True),
        (noted("alerts", "UNKNOWN_ORDER"), True),
        (noted("breaks", "FOREIGN_TRADE"), True),
        (noted("switches", "halted"), True),
        (noted("breaker_events", "opened"), True),
    ],
)
def test_L01_what_is_told_by_default(row, is_told):
    assert told(Notify(), row) is is_told
    assert bool(messages(row)) is is_told


def test_B03_skips_are_told_when_the_plan_asks():
    assert told(notify(on=["skipped"]), run("skipped"))
    assert told(notify(on=["skipped"], jobs=["prices"]), run("skipped", job="prices"))
    assert not told(notify(on=["skipped"]), run())


@pytest.mark.parametrize("log", ["alerts", "breaks", "switches", "breaker_events"])
def test_L01_each_kind_can_be_switched_off(log):
    row = noted(log, "halted")
    assert messages(row)
    assert not messages(row, settings=notify(on=["completed"]))
    assert not messages(row, settings=notify(enabled=False))


@pytest.mark.parametrize(
    ("row", "level"),
    [
        (run(), "info"),
        (run(unknown=1), "error"),
        (run(job="orders", rejected=1), "warning"),
        (run("failed"), "error"),
        (run("interrupted"), "error"),
        (noted("alerts", "UNKNOWN_ORDER"), "error"),
        (noted("alerts", "STATE_ROLLBACK"), "critical"),
        (noted("alerts", "CANCEL_STUCK"), "warning"),
        (noted("breaks", "MISSED_FILL"), "error"),
        (noted("switches", "halted"), "critical"),
        (noted("switches", "reduce_only"), "error"),
        (noted("switches", "active"), "warning"),
        (noted("breaker_events", "opened"), "error"),
        (noted("breaker_events", "closed"), "info"),
    ],
)
def test_levels_decide_which_target_is_told(row, level):
    (found,) = messages(row)
    assert found.level.value == level
    others = [other.value for other in Severity if other.value != level]
    both = notify({"to": OPS, "levels": others}, {"to": SECOND, "levels": [level]})
    assert [found.target for found in messages(row, settings=both)] == [SECOND]


def test_F07_skip_is_a_warning_unless_the_calendar_or_the_plan_says_so():
    settings = notify(on=["skipped"])
    for record, level in ((skipped_record(), Severity.INFO), (halted_run(), Severity.WARNING)):
        (found,) = messages(run("skipped"), record, settings)
        assert found.level is level


def halted_run():
    return skipped_record().model_copy(update={"code": "ACCOUNT_RISK"})


def test_target_is_not_told_that_it_cannot_be_told():
    row, both = noted("alerts", UNDELIVERED, OPS), notify({"to": OPS}, {"to": SECOND})
    assert [found.target for found in messages(row, settings=both)] == [SECOND]


# --- in which words ------------------------------------------------------------------------------------------


def test_L02_text_of_a_run_is_its_record():
    record = sample_record()
    (found,) = messages(run(), record)
    assert found.subject == "demo trade: completed"
    lines = found.body.splitlines()
    assert lines[0] == headline(record)
    assert lines[-1] == f"openbell show {record.id}"
    for order in record.orders:
        assert any(order.symbol in line for line in lines[1:-2])


def test_L02_failure_says_why():
    record = failed_record()
    (found,) = messages(run("failed"), record)
    assert found.subject == "demo trade: failed"
    assert record.message in found.body


def test_texts_from_outside_are_one_clean_line():
    (found,) = messages(noted("alerts", "UNKNOWN_ORDER", detail="<script>\x1b[31m\nSet by root\n" + "x" * 5000))
    assert "<script>" not in found.body
    assert "\x1b" not in found.body
    assert len(found.body) < 400
    assert len(found.body.splitlines()) == 2


def test_switch_and_breaker_say_who_and_why():
    (halt,) = messages(noted("switches", "halted", "kill switch", "prices look wrong", actor="ann"))
    assert halt.subject == "openbell kill switch: HALTED"
    assert halt.body == "prices look wrong\nSet by ann, 2026-11-24 14:35 UTC."
    (opened,) = messages(noted("breaker_events", "opened", "broker breaker of trade", "401", actor="openbell"))
    assert opened.subject == "demo: broker breaker of trade opened"


def test_same_row_and_target_is_the_same_message_and_the_same_trouble_has_the_same_key():
    assert messages(run())[0].id == messages(run())[0].id
    other = Noted("runs", 8, NOW, "trade", "run-8", "done", plan="demo", code="failed")
    assert messages(run("failed"))[0].key == messages(other)[0].key
    assert messages(run("failed"))[0].id != messages(other)[0].id
    went_well = Noted("runs", 8, NOW, "trade", "run-8", "done", plan="demo", code="completed")
    assert messages(run())[0].key != messages(went_well)[0].key


# --- when it is tried ----------------------------------------------------------------------------------------


def test_retries_five_tries_and_then_no_more():
    waits, now = [], NOW
    for tries in range(1, TRIES + 1):
        after = settled(posted(tries=tries), Failed("answered 503"), now)
        waits.append(after.next_try - now)
        now = after.next_try
    assert TRIES == 5
    assert tuple(waits[:-1]) == BACKOFF == tuple(sorted(BACKOFF))
    assert after.state is MessageState.FAILED


def test_final_answers_are_not_tried_again_and_success_ends_it():
    assert settled(posted(), Failed("answered 404", final=True), NOW).state is MessageState.FAILED
    assert settled(posted(tries=5), Sent(), NOW).state is MessageState.SENT


@given(st.timedeltas(timedelta(0), timedelta(days=30)), st.integers(1, TRIES - 1))
def test_wish_of_a_target_only_makes_the_wait_longer_and_not_without_end(wish, tries):
    wait = settled(posted(tries=tries), Failed("busy", after=wish), NOW).next_try - NOW
    assert BACKOFF[tries - 1] <= wait <= max(BACKOFF[tries - 1], timedelta(hours=1))


def test_message_is_given_up_when_its_time_ends_before_the_next_try():
    late = posted(message=message(expires=NOW + timedelta(seconds=30)))
    after = settled(late, Failed("busy"), NOW)
    assert (after.state, after.said) == (MessageState.FAILED, "busy; its time is over before the next try")


@given(st.lists(st.integers(0, 7200), min_size=1, max_size=60), st.integers(1, 1800))
def test_one_trouble_over_and_over_is_told_at_most_once_a_window_and_none_is_lost(seconds, window_seconds):
    """A target that takes everything at once: send whatever is due after each arrival, count what was told."""
    window, sent, waiting = timedelta(seconds=window_seconds), [], None
    told_of = 0
    for second in sorted(seconds):
        now = NOW + timedelta(seconds=second)
        if waiting and waiting[0] <= now:
            sent.append(waiting[0])
            told_of, waiting = told_of + waiting[1], None
        likes = [Standing(f"s{at}", MessageState.SENT, 1, at) for at in sent]
        likes += [Standing("waiting", MessageState.WAITING, 0, waiting[0])] if waiting else []
        placed = place(likes, window, now)
        if placed.into:
            waiting = (waiting[0], waiting[1] + 1)
        elif placed.next_try <= now:
            sent.append(now)
            told_of += 1
        else:
            waiting = (placed.next_try, 1)
    if waiting:
        sent.append(waiting[0])
        told_of += waiting[1]
    assert told_of == len(seconds)
    assert all(later - earlier >= window for earlier, later in pairwise(sent))


def test_nothing_is_merged_without_a_window():
    likes = [Standing("waiting", MessageState.WAITING, 0, NOW), Standing("sent", MessageState.SENT, 1, NOW)]
    assert place(likes, timedelta(0), NOW).next_try == NOW
    assert not place(likes, timedelta(0), NOW).into


def test_outcomes_of_records_are_what_a_plan_can_name():
    known = Notify.model_fields["on"].default
    assert {outcome.value for outcome in Outcome} - {"skipped"} <= set(known)
