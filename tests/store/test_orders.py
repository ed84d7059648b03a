"""The frozen plan, the send mark, order events, and the projections that move with them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from openbell.errors import IllegalTransition, StoreError
from openbell.ports import Forbidden, Level, OrderEvent, Reduced
from openbell.store.order_tables import ORDER_EVENTS, ORDERS
from openbell.store.watch_tables import SWITCHES
from openbell.values.orders import OrderState, Side
from openbell.values.record import Outcome
from openbell.values.verdict import Decision
from tests.store.samples import (
    HOUR,
    PASS,
    START,
    D,
    event_of,
    fill_of,
    intent_of,
    slot_at,
    verdict_of,
)

S = OrderState


@pytest.fixture
def plan(journal):
    """A claimed slot with two approved intents and a denied one, not frozen yet."""
    slot = slot_at()
    journal.claim(slot, "run-1", HOUR)
    intents = [intent_of(slot), intent_of(slot, "MSFT", "5", Side.SELL), intent_of(slot, "KO", "7")]
    verdicts = [verdict_of(intents[2], Decision.DENIED, "0"), verdict_of(intents[1], Decision.CLIPPED, "4")]
    return slot, intents, [*verdicts, verdict_of(intents[0])]


def set_switch(store, level, epoch=1):
    row = {"epoch": epoch, "level": level, "actor": "ann", "reason": "drill", "time": START}
    with store.writing() as connection:
        connection.execute(insert(SWITCHES), row)


# --- freeze --------------------------------------------------------------------------------------------------


def test_freeze_gives_back_the_plan_in_its_own_order(journal, plan):
    slot, intents, verdicts = plan
    frozen = journal.freeze(slot, 1, "acct", intents, verdicts)
    assert frozen.intents == tuple(intents)
    assert frozen.verdicts == tuple(verdicts)
    assert frozen.states == {intents[0].id: S.APPROVED, intents[1].id: S.APPROVED, intents[2].id: S.DENIED}
    assert journal.frozen(slot) == frozen


def test_first_frozen_plan_wins_over_a_later_one(journal, plan):
    slot, intents, verdicts = plan
    first = journal.freeze(slot, 1, "acct", intents, verdicts)
    other = intent_of(slot, "TSLA")
    assert journal.freeze(slot, 1, "acct", [other], [verdict_of(other)]) == first


def test_empty_plan_is_frozen_as_well(journal, plan):
    slot, intents, verdicts = plan
    assert journal.frozen(slot) is None
    assert journal.freeze(slot, 1, "acct", [], []).intents == ()
    assert journal.freeze(slot, 1, "acct", intents, verdicts).intents == ()


def test_freeze_needs_one_verdict_for_each_intent(journal, plan):
    slot, intents, verdicts = plan
    for broken in (verdicts[:2], [*verdicts, verdicts[0]]):
        with pytest.raises(StoreError, match="one verdict for each intent"):
            journal.freeze(slot, 1, "acct", intents, broken)
    assert journal.frozen(slot) is None


def test_I9_freeze_under_a_stale_claim_is_refused(journal):
    slot, intent = slot_at(), intent_of(slot_at())
    journal.claim(slot, "run-1", timedelta(0))
    journal.claim(slot, "run-2", HOUR)
    with pytest.raises(StoreError, match="stale"):
        journal.freeze(slot, 1, "acct", [intent], [verdict_of(intent)])
    assert journal.frozen(slot) is None


def test_freeze_of_a_closed_slot_is_refused(journal, plan):
    slot, intents, verdicts = plan
    journal.release(slot, 1, Outcome.FAILED, "ERROR")
    with pytest.raises(StoreError, match="closed already as failed"):
        journal.freeze(slot, 1, "acct", intents, verdicts)


def test_I10_an_intent_id_is_frozen_once_whatever_the_slot(journal, plan):
    slot, intents, verdicts = plan
    journal.freeze(slot, 1, "acct", intents, verdicts)
    journal.claim(slot_at(1), "run-2", HOUR)
    with pytest.raises(StoreError, match=r"(?i)unique"):
        journal.freeze(slot_at(1), 1, "acct", intents[:1], [verdict_of(intents[0])])
    assert journal.frozen(slot_at(1)) is None


# --- begin_send ----------------------------------------------------------------------------------------------


@pytest.fixture
def sendable(journal):
    slot = slot_at()
    intent = intent_of(slot)
    journal.claim(slot, "run-1", HOUR)
    journal.freeze(slot, 1, "acct", [intent], [verdict_of(intent)])
    return slot, intent


def state_of(journal, slot):
    return next(iter(journal.frozen(slot).states.values()))


def test_begin_send_marks_the_order_once(journal, sendable):
    slot, intent = sendable
    assert journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS) is None
    assert state_of(journal, slot) is S.SENDING
    with pytest.raises(IllegalTransition, match="from sending to sending"):
        journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS)


def test_twenty_threads_begin_one_send_and_one_may(journal, sendable):
    slot, intent = sendable

    def send(_):
        try:
            return journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS)
        except IllegalTransition:
            return "refused"

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(send, range(20)))
    assert answers.count(None) == 1
    assert answers.count("refused") == 19


def test_I9_send_under_a_stale_claim_is_refused(journal):
    slot, intent = slot_at(), intent_of(slot_at())
    journal.claim(slot, "run-1", timedelta(0))
    journal.freeze(slot, 1, "acct", [intent], [verdict_of(intent)])
    journal.claim(slot, "run-2", HOUR)
    with pytest.raises(StoreError, match="stale"):
        journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS)
    assert journal.begin_send(slot, 2, event_of(intent, S.SENDING), False, PASS) is None


def test_send_after_the_lease_ran_out_is_refused(journal):
    slot, intent = slot_at(), intent_of(slot_at())
    journal.claim(slot, "run-1", timedelta(0))
    journal.freeze(slot, 1, "acct", [intent], [verdict_of(intent)])
    with pytest.raises(StoreError, match=r"lease on slot .* ran out"):
        journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS)
    assert state_of(journal, slot) is S.APPROVED


def test_halted_switch_forbids_every_send_and_nothing_is_written(store, journal, sendable):
    slot, intent = sendable
    set_switch(store, "halted")
    forbidden = journal.begin_send(slot, 1, event_of(intent, S.SENDING), True, PASS)
    assert forbidden == Forbidden("HALTED", "ann: drill (epoch 1)")
    assert state_of(journal, slot) is S.APPROVED


def test_reduce_only_lets_through_what_reduces(store, journal, sendable):
    slot, intent = sendable
    set_switch(store, "reduce_only")
    assert journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS).code == "REDUCE_ONLY"
    assert journal.begin_send(slot, 1, event_of(intent, S.SENDING), True, PASS) is None


def test_newest_epoch_of_the_switch_counts_and_an_unknown_level_halts(store, journal):
    assert journal.switch().level is Level.ACTIVE
    set_switch(store, "halted", 1)
    set_switch(store, "active", 2)
    assert (journal.switch().level, journal.switch().epoch) == (Level.ACTIVE, 2)
    set_switch(store, "paused", 3)
    assert journal.switch().level is Level.HALTED


def test_halt_file_halts_and_is_named(journal, sendable, tmp_path):
    slot, intent = sendable
    (tmp_path / "HALT").touch()
    forbidden = journal.begin_send(slot, 1, event_of(intent, S.SENDING), True, PASS)
    assert forbidden.code == "HALTED"
    assert str(tmp_path / "HALT") in forbidden.detail
    assert journal.switch().level is Level.HALTED


def test_begin_send_takes_only_sending_and_only_orders_of_its_slot(journal, sendable):
    slot, intent = sendable
    with pytest.raises(StoreError, match="cannot begin to be sent as acked"):
        journal.begin_send(slot, 1, event_of(intent, S.ACKED), False, PASS)
    journal.claim(slot_at(1), "run-2", HOUR)
    with pytest.raises(StoreError, match="belongs to slot"):
        journal.begin_send(slot_at(1), 1, event_of(intent, S.SENDING), False, PASS)
    with pytest.raises(StoreError, match="in no frozen plan"):
        journal.begin_send(slot, 1, OrderEvent("ob-nobody", S.SENDING, START), False, PASS)


def test_a_gate_may_lower_the_quantity_and_the_mark_says_so(store, journal, sendable):
    slot, intent = sendable
    less = Reduced(D("7.5"), "7.5 of 10 by gross: 1.01 against 1")
    assert journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, lambda _: less) == less
    with store.reading() as connection:
        events = select(ORDER_EVENTS.c.state, ORDER_EVENTS.c.quantity, ORDER_EVENTS.c.detail)
        assert [tuple(row) for row in connection.execute(events)][1:] == [("sending", D("7.5"), less.detail)]
        assert connection.execute(select(ORDERS.c.quantity)).scalar() == D("7.5")
    frozen = journal.frozen(slot)
    assert (frozen.intents[0].quantity, frozen.reduced) == (D(10), {intent.id: D("7.5")})
    assert [order.quantity for order in journal.unsettled()] == [D("7.5")]


@pytest.mark.parametrize("quantity", ["10", "10.000000001", "0", "-1"])
def test_no_gate_may_raise_the_quantity_or_send_nothing(journal, sendable, quantity):
    slot, intent = sendable
    with pytest.raises(StoreError, match="cannot go with"):
        journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, lambda _: Reduced(D(quantity), ""))
    assert state_of(journal, slot) is S.APPROVED


def test_an_order_that_was_marked_before_is_not_lowered_again(journal, sendable):
    slot, intent = sendable
    journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, lambda _: Reduced(D(8), ""))
    journal.record(event_of(intent, S.UNKNOWN))
    with pytest.raises(StoreError, match="of 8 cannot go with 7"):
        journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, lambda _: Reduced(D(7), ""))
    assert journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS) is None
    assert [order.quantity for order in journal.unsettled()] == [D(8)]


def test_I13_more_than_an_order_was_lowered_to_halts(journal, sendable):
    slot, intent = sendable
    journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, lambda _: Reduced(D(8), ""))
    journal.record(event_of(intent, S.ACKED))
    journal.record(event_of(intent, S.PARTIAL), [fill_of(intent, 1, "9")])
    assert journal.switch().level is Level.HALTED


# --- record --------------------------------------------------------------------------------------------------


# --- activity ------------------------------------------------------------------------------------------------
