"""Reading the store: pages, filters, looking a run up."""

import pytest

from openbell.errors import InputError
from openbell.values.orders import OrderState
from openbell.values.record import Outcome
from tests.store.samples import D, event_of, fill_of, frozen_order, record_of, slot_at


@pytest.fixture
def sealed(journal):
    """Seven runs of two plans, every third skipped; returns their ids, oldest first."""
    names = []
    for day in range(7):
        outcome = Outcome.SKIPPED if day % 3 == 2 else Outcome.COMPLETED
        slot = slot_at(day, plan="other" if day % 2 else "demo")
        names.append(f"{day:04d}-run-of-the-day")
        journal.seal(record_of(slot, names[-1], outcome, message=f"day {day}"), None)
    return names


def test_pages_run_from_the_newest_to_the_oldest_without_overlap(history, sealed):
    seen, before = [], None
    while page := history.runs(limit=3, before=before):
        seen += [run.id for run in page]
        before = page[-1].id
    assert seen == sealed[::-1]


def test_summary_tells_what_the_record_says(history, sealed):
    (newest,) = history.runs(limit=1)
    record = history.run(newest.id)
    names = ("id", "plan", "job", "slot", "planned", "session", "outcome", "message", "as_of", "equity", "counters")
    assert [getattr(newest, name) for name in names] == [getattr(record, name) for name in names]
    assert newest.planned.utcoffset().total_seconds() == 0


def test_runs_can_be_narrowed_to_a_plan_and_an_outcome(history, sealed):
    assert [run.id for run in history.runs(plan="other")] == [sealed[5], sealed[3], sealed[1]]
    assert [run.id for run in history.runs(outcome="skipped")] == [sealed[5], sealed[2]]
    assert [run.id for run in history.runs(plan="other", outcome="skipped")] == [sealed[5]]
    assert [run.id for run in history.runs(plan="other", before=sealed[5], limit=1)] == [sealed[3]]
    assert history.runs(plan="nobody") == ()


def test_page_before_a_run_that_does_not_exist_is_an_input_error(history, sealed):
    with pytest.raises(InputError, match="no run 'nothing'"):
        history.runs(before="nothing")


def test_run_is_found_by_id_and_by_a_unique_beginning_of_eight(history, sealed):
    assert history.run(sealed[3]).message == "day 3"
    assert history.run("0003-run").message == "day 3"
    assert history.run("0003-ru") is None
    assert history.run("9999-run-of") is None


def test_beginning_that_fits_two_runs_is_an_input_error(journal, history):
    for day, name in enumerate(("abcdefgh-1", "abcdefgh-2", "abcdefgh")):
        journal.seal(record_of(slot_at(day), name), None)
    assert history.run("abcdefgh").id == "abcdefgh"
    with pytest.raises(InputError, match="more than one run, such as abcdefgh-1 and abcdefgh-2"):
        history.run("abcdefgh-")


def test_wildcards_in_a_beginning_are_only_letters(history, sealed):
    assert history.run("%%%%%%%%") is None
    assert history.run("____-run") is None


def test_run_is_found_by_slot_and_the_newest_wins(journal, history, sealed):
    slot = slot_at(3, plan="other")
    journal.seal(record_of(slot, "a-second-start", Outcome.SKIPPED, code="DUPLICATE_RUN"), None)
    assert history.run(slot.key).id == "a-second-start"
    assert history.run("demo/trade/1999-01-01T00:00:00Z") is None


def test_orders_and_fills_are_newest_first_and_cut(journal, history):
    intents = [frozen_order(journal, slot_at(day, plan="demo" if day else "other")) for day in range(3)]
    for number, intent in enumerate(intents):
        journal.record(event_of(intent, OrderState.FILLED), [fill_of(intent, number, "10")])
    assert [row.client_id for row in history.orders(limit=2)] == [intents[2].id, intents[1].id]
    assert [row.client_id for row in history.orders("other")] == [intents[0].id]
    assert [fill.id for fill in history.fills(limit=2)] == ["fill-2", "fill-1"]
    assert history.fills("nobody") == ()
    assert history.positions("nobody") == ()
    assert history.positions("acct")[0].quantity == D(30)
