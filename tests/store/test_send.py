"""The last gate inside the transaction of a send: what it sees, and that no two runs can both pass it."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from openbell.errors import IllegalTransition, StoreError
from openbell.ports import Exposure, Forbidden, Level, Lookup, OrderEvent, Reduced
from openbell.values.orders import OrderState, Side
from openbell.values.record import Outcome
from tests.store.racers import LIMIT, PRICE, claim_one, send_some, together, within_limit, worth
from tests.store.samples import (
    HOUR,
    PASS,
    START,
    D,
    event_of,
    fill_of,
    frozen_order,
    intent_of,
    slot_at,
    verdict_of,
)

# These start many processes; two such files at once would starve each other.
pytestmark = pytest.mark.xdist_group("heavy")

S = OrderState
#: How often each race of processes is run, on a store of its own.
races = pytest.mark.parametrize("race", range(int(os.environ.get("OPENBELL_TEST_RACES", "3"))))


@pytest.fixture
def sendable(journal):
    slot = slot_at()
    intent = intent_of(slot)
    journal.claim(slot, "run-1", HOUR)
    journal.freeze(slot, 1, "acct", [intent], [verdict_of(intent)])
    return slot, intent


def seen_by_gate(journal, slot, intent):
    seen = []
    journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, lambda exposure: seen.append(exposure))
    return seen[0]


def test_gate_sees_positions_and_working_orders_of_all_plans_of_the_account(journal, sendable):
    filled = frozen_order(journal, slot_at(plan="other"), symbol="KO")
    journal.record(event_of(filled, S.FILLED), [fill_of(filled, 1, "10")])
    partly = frozen_order(journal, slot_at(1, plan="other"), symbol="MSFT", side=Side.SELL)
    journal.record(event_of(partly, S.PARTIAL), [fill_of(partly, 2, "4")])
    gone = frozen_order(journal, slot_at(2, plan="other"), symbol="TSLA")
    journal.record(event_of(gone, S.CANCELED))
    slot, intent = sendable
    exposure = seen_by_gate(journal, slot, intent)
    assert exposure.positions == {"KO": D(10), "MSFT": D(-4)}
    (order,) = exposure.working
    assert (order.client_id, order.symbol, order.side, order.state) == (partly.id, "MSFT", Side.SELL, S.PARTIAL)
    assert (order.quantity, order.filled, order.remaining, order.average_price) == (D(10), D(4), D(6), D("100.5"))


def test_gate_sees_what_may_be_at_the_broker_and_never_the_order_itself(journal):
    slot = slot_at()
    sent, unknown, next_one = (intent_of(slot, symbol) for symbol in ("AAPL", "MSFT", "KO"))
    intents = [sent, unknown, next_one]
    journal.claim(slot, "run", HOUR)
    journal.freeze(slot, 1, "acct", intents, [verdict_of(intent) for intent in intents])
    for intent in (sent, unknown):
        journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS)
    journal.record(event_of(unknown, S.UNKNOWN))
    exposure = seen_by_gate(journal, slot, next_one)
    assert [(order.symbol, order.state) for order in exposure.working] == [("AAPL", S.SENDING), ("MSFT", S.UNKNOWN)]
    assert exposure.orders_today == 2
    again = seen_by_gate(journal, slot, unknown)
    assert {order.symbol for order in again.working} == {"AAPL", "KO"}
    assert again.orders_today == 2


def test_I7_an_order_that_was_lowered_reserves_what_it_went_with(journal):
    slot = slot_at()
    first, second = (intent_of(slot, symbol) for symbol in ("AAPL", "MSFT"))
    journal.claim(slot, "run", HOUR)
    journal.freeze(slot, 1, "acct", [first, second], [verdict_of(first), verdict_of(second)])
    journal.begin_send(slot, 1, event_of(first, S.SENDING), False, lambda _: Reduced(D(3), "3 of 10"))
    (working,) = seen_by_gate(journal, slot, second).working
    assert (working.quantity, working.remaining) == (D(3), D(3))


def test_orders_today_are_those_of_the_plan_in_the_session(journal, sendable):
    for slot in (slot_at(plan="other"), slot_at(-1), slot_at(job="exits")):
        frozen_order(journal, slot, symbol="KO", leg=3)
    slot, intent = sendable
    assert seen_by_gate(journal, slot, intent).orders_today == 1


def test_orders_of_the_last_minute_are_those_of_the_plan_in_all_its_slots_by_the_time_of_their_mark(journal, sendable):
    for days, plan, seconds in ((1, "demo", 0), (2, "demo", -59), (3, "demo", -60), (4, "other", 0)):
        earlier = slot_at(days, plan=plan)
        before = intent_of(earlier, symbol="KO")
        claim = journal.claim(earlier, f"run-{earlier.key}", HOUR)
        journal.freeze(earlier, claim.fencing, "acct", [before], [verdict_of(before)])
        journal.begin_send(earlier, claim.fencing, event_of(before, S.SENDING, minutes=seconds / 60), False, PASS)
    slot, intent = sendable
    assert seen_by_gate(journal, slot, intent).orders_last_minute == 2


def test_a_gate_that_forbids_leaves_nothing_written(store, journal, sendable):
    slot, intent = sendable
    no = Forbidden("GROSS", "too much")
    assert journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, lambda _: no) == no
    assert journal.frozen(slot).states == {intent.id: S.APPROVED}
    with store.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM order_events")).scalar() == 1


def test_a_gate_that_fails_sends_nothing(journal, sendable):
    def broken(_):
        raise StoreError("no price")

    slot, intent = sendable
    with pytest.raises(StoreError, match="no price"):
        journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, broken)
    assert journal.frozen(slot).states == {intent.id: S.APPROVED}


def test_the_switch_is_asked_before_the_gate(journal, sendable):
    slot, intent = sendable
    journal.set_switch(Level.HALTED, "ann", "drill")
    asked = []
    forbidden = journal.begin_send(slot, 1, event_of(intent, S.SENDING), True, asked.append)
    assert (forbidden.code, asked) == ("HALTED", [])


def test_an_unknown_order_is_sent_again_under_a_new_gate_decision(journal, history, sendable):
    slot, intent = sendable
    journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS)
    journal.record(event_of(intent, S.UNKNOWN))
    no = Forbidden("GROSS", "too much")
    assert journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, lambda _: no) == no
    assert journal.begin_send(slot, 1, event_of(intent, S.SENDING, 5), False, PASS) is None
    (order,) = journal.unsettled()
    assert (order.state, order.sent) == (S.SENDING, START)


def test_S05_threads_share_one_limit_and_never_exceed_it_by_a_cent(journal, url):
    watched = []

    def watching(exposure):
        answer = within_limit(exposure)
        watched.append((worth(exposure) + (0 if answer else PRICE), answer))
        return answer

    def run(number):
        slot = slot_at(number, plan=f"plan-{number}")
        intents = [intent_of(slot, f"S{number}X{n}", "1") for n in range(3)]
        journal.claim(slot, f"run-{number}", HOUR)
        journal.freeze(slot, 1, "acct", intents, [verdict_of(intent) for intent in intents])
        marks = [OrderEvent(intent.id, S.SENDING, START) for intent in intents]
        return sum(journal.begin_send(slot, 1, mark, False, watching) is None for mark in marks)

    with ThreadPoolExecutor(16) as pool:
        sent = sum(pool.map(run, range(16)))
    assert max(value for value, _ in watched) <= LIMIT
    assert sent == LIMIT // PRICE == 29


@races
def test_I7_sixteen_processes_share_one_limit_and_use_it_up(url, journal, history, race):
    sent = sum(int(answer) for answer in together("send", url, 16, 4))
    assert sent == LIMIT // PRICE
    working = [order for order in history.orders(open_only=True, limit=1000) if order.state is S.ACKED]
    assert sum((order.quantity for order in working), Decimal(0)) * PRICE <= LIMIT
    assert len(working) == sent


@races
def test_S02_fifty_processes_claim_one_slot_and_one_works(url, journal, race):
    answers = together("claim", url, 50)
    assert sorted(answers) == ["running"] * 49 + ["won"]


def test_racers_do_what_the_races_need(url):
    assert claim_one(url, 1, 0) == "won"
    assert send_some(url, 2, 2) == 2


# --- leases and what is left -----------------------------------------------------------------------------------


def test_renewed_lease_keeps_the_slot(journal):
    journal.claim(slot_at(), "run-1", timedelta(seconds=2))
    journal.renew(slot_at(), 1, HOUR)
    assert journal.claim(slot_at(), "run-2", HOUR).kind == "running"
    journal.renew(slot_at(), 1, timedelta(0))
    assert journal.claim(slot_at(), "run-2", HOUR).kind == "resumed"


def test_I9_a_stale_or_run_out_or_closed_claim_cannot_be_renewed(journal):
    journal.claim(slot_at(), "run-1", timedelta(0))
    with pytest.raises(StoreError, match="ran out"):
        journal.renew(slot_at(), 1, HOUR)
    journal.claim(slot_at(), "run-2", HOUR)
    with pytest.raises(StoreError, match="stale"):
        journal.renew(slot_at(), 1, HOUR)
    journal.release(slot_at(), 2, Outcome.COMPLETED, "")
    with pytest.raises(StoreError, match="closed already"):
        journal.renew(slot_at(), 2, HOUR)


def test_expired_lists_slots_that_nobody_finished_oldest_first(journal):
    for day, lease in ((2, timedelta(0)), (1, timedelta(0)), (3, HOUR), (0, timedelta(0))):
        journal.claim(slot_at(day), f"run-{day}", lease)
    journal.release(slot_at(0), 1, Outcome.FAILED, "ERROR")
    assert journal.expired() == ((slot_at(1), 1, "run-1"), (slot_at(2), 1, "run-2"))


def test_unsettled_lists_what_is_not_terminal_with_its_slot(journal):
    done, partly = frozen_order(journal), frozen_order(journal, slot_at(1))
    journal.record(event_of(done, S.CANCELED))
    journal.record(event_of(partly, S.PARTIAL), [fill_of(partly, 1, "4")])
    journal.release(slot_at(1), 1, Outcome.COMPLETED, "")
    slot = slot_at(2)
    waiting = intent_of(slot, "KO")
    journal.claim(slot, "run-2", HOUR)
    journal.freeze(slot, 1, "else", [waiting], [verdict_of(waiting, quantity="7")])
    first, second = journal.unsettled()
    assert (first.intent, first.plan, first.account, first.slot) == (partly, "demo", "acct", slot_at(1))
    assert (first.state, first.quantity, first.filled, first.sent) == (S.PARTIAL, D(10), D(4), START)
    assert (first.fencing, first.slot_open) == (1, False)
    assert (second.state, second.quantity, second.sent, second.slot_open) == (S.APPROVED, D(7), None, True)
    assert journal.unsettled("else") == (second,)


def test_lookups_are_those_since_the_last_send_mark(journal, sendable):
    slot, intent = sendable
    with pytest.raises(StoreError, match="never marked SENDING"):
        journal.looked_up(Lookup(intent.id, START, False))
    journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS)
    journal.looked_up(Lookup(intent.id, START, False, "all pages"))
    journal.looked_up(Lookup(intent.id, START + HOUR, True))
    assert [found.found for found in journal.lookups(intent.id)] == [False, True]
    assert journal.lookups(intent.id)[0] == Lookup(intent.id, START, False, "all pages")
    journal.record(event_of(intent, S.UNKNOWN))
    journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS)
    assert journal.lookups(intent.id) == ()


# --- one commit for what came to light together ----------------------------------------------------------------


def test_C12_steps_before_an_event_are_written_with_it_or_not_at_all(store, journal, history, sendable):
    slot, intent = sendable
    journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS)
    with pytest.raises(IllegalTransition):
        journal.record(event_of(intent, S.SENDING), before=[event_of(intent, S.ACKED)])
    assert journal.frozen(slot).states == {intent.id: S.SENDING}
    journal.record(event_of(intent, S.FILLED), [fill_of(intent, 1, "10")], [event_of(intent, S.ACKED)])
    assert journal.frozen(slot).states == {intent.id: S.FILLED}
    with store.reading() as connection:
        states = connection.execute(text("SELECT state FROM order_events ORDER BY sequence")).scalars().all()
    assert states == ["approved", "sending", "acked", "filled"]


def test_exposure_is_empty_before_anything_happened(journal, sendable):
    assert seen_by_gate(journal, *sendable) == Exposure({}, (), 0)
