"""A broker's word, late, twice or out of order: each execution once, and the same end whatever the order."""

from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from openbell.errors import IllegalTransition, StoreError
from openbell.ports import Level, OrderEvent
from openbell.store import close, open_history, open_journal, upgrade
from openbell.store.verify import verify
from openbell.values.orders import OrderState, Purpose, Side
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

S = OrderState


@pytest.fixture
def sending(journal):
    slot = slot_at()
    intent = intent_of(slot)
    journal.claim(slot, "run", HOUR)
    journal.freeze(slot, 1, "acct", [intent], [verdict_of(intent)])
    journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, PASS)
    return intent


def kinds(incidents):
    return [(found.kind, found.subject) for found in incidents]


def test_B10_a_fill_after_the_cancel_is_applied_keeps_the_state_and_opens_a_break(url, journal, history):
    intent = frozen_order(journal)
    journal.record(event_of(intent, S.CANCELED))
    for _ in range(2):
        assert journal.report(event_of(intent, S.CANCELED, 2), [fill_of(intent, 1, "4")]) is S.CANCELED
    (order,) = history.orders()
    assert (order.state, order.filled, order.detail) == (S.CANCELED, D(4), "late fill fill-1")
    assert history.positions()[0].quantity == D(4)
    assert kinds(history.breaks()) == [("LATE_FILL", "fill-1")]
    assert journal.switch().level is Level.ACTIVE
    assert all(check.ok for check in verify(url))


def test_I13_more_than_was_ordered_halts_everything_with_an_alert(journal, history):
    intent = frozen_order(journal)
    journal.record(event_of(intent, S.FILLED), [fill_of(intent, 1, "10")])
    journal.report(event_of(intent, S.FILLED, 2), [fill_of(intent, 2, "0.5")])
    assert kinds(history.alerts()) == [("OVERFILL", intent.id)]
    switch = journal.switch()
    assert (switch.level, switch.actor) == (Level.HALTED, "openbell")
    assert "10.5" in switch.reason
    assert history.positions()[0].quantity == D("10.5")


def test_I13_overfill_in_an_ordinary_step_halts_as_well(journal):
    intent = frozen_order(journal)
    journal.record(event_of(intent, S.FILLED), [fill_of(intent, 1, "10.000000001")])
    assert journal.switch().level is Level.HALTED


def test_B32_a_fill_taken_back_leaves_the_books_as_if_it_had_never_been(url, journal, history):
    intent = frozen_order(journal)
    journal.record(event_of(intent, S.PARTIAL), [fill_of(intent, 1, "4", "90")])
    journal.record(event_of(intent, S.FILLED, 2), [fill_of(intent, 2, "6", "101", minutes=2)])
    for _ in range(2):
        journal.report(event_of(intent, S.FILLED, 3, "erroneous"), busts=["fill-1"])
    (order,), (position,) = history.orders(), history.positions()
    assert (order.filled, order.average_price) == (D(6), D(101))
    assert (position.quantity, position.average_price, position.strategies) == (D(6), D(101), {"sma": D(6)})
    assert len(history.fills()) == 2
    assert kinds(history.breaks()) == [("BUST", "fill-1")]
    assert all(check.ok for check in verify(url))


def test_B32_a_fill_of_another_order_cannot_be_taken_back(journal):
    intent = frozen_order(journal)
    with pytest.raises(StoreError, match="is not a fill of order"):
        journal.report(event_of(intent, S.ACKED), busts=["fill-9"])


def test_B11_an_old_status_changes_nothing_and_writes_nothing(store, journal):
    intent = frozen_order(journal)
    journal.report(event_of(intent, S.PARTIAL, 5), [fill_of(intent, 1, "4")])
    for event in (event_of(intent, S.ACKED, 1), event_of(intent, S.PARTIAL, 5), event_of(intent, S.PENDING_CANCEL, 4)):
        assert journal.report(event, [fill_of(intent, 1, "4")]) is S.PARTIAL
    with store.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM order_events")).scalar() == 4


def test_a_report_on_an_order_being_sent_goes_by_way_of_acked(store, journal, sending):
    assert journal.report(event_of(sending, S.CANCELED, 2)) is S.CANCELED
    with store.reading() as connection:
        states = connection.execute(text("SELECT state FROM order_events ORDER BY sequence")).scalars().all()
    assert states == ["approved", "sending", "acked", "canceled"]


def test_a_contradicting_end_opens_a_break_and_changes_nothing(journal, history):
    intent = frozen_order(journal)
    journal.report(event_of(intent, S.EXPIRED))
    assert journal.report(event_of(intent, S.REJECTED, 2)) is S.EXPIRED
    assert kinds(history.breaks()) == [("STATUS", intent.id)]


def test_an_abandoned_order_that_fills_moves_the_books_and_opens_breaks(journal, history, sending):
    journal.record(event_of(sending, S.UNKNOWN))
    journal.record(event_of(sending, S.ABANDONED))
    assert journal.report(event_of(sending, S.FILLED, 3), [fill_of(sending, 1, "10")]) is S.ABANDONED
    assert history.positions()[0].quantity == D(10)
    assert set(kinds(history.breaks())) == {("LATE_FILL", "fill-1"), ("STATUS", sending.id)}


def test_P08_a_broker_that_knows_an_order_never_sent_is_refused(journal):
    slot = slot_at()
    intent = intent_of(slot)
    journal.claim(slot, "run", HOUR)
    journal.freeze(slot, 1, "acct", [intent], [verdict_of(intent)])
    with pytest.raises(IllegalTransition, match="was never sent"):
        journal.report(event_of(intent, S.ACKED))


def test_only_a_brokers_words_are_reports(journal, sending):
    with pytest.raises(StoreError, match="not a broker's word"):
        journal.report(event_of(sending, S.UNKNOWN))


# --- permutations ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('books') / 'a.db'}"
    upgrade(url)
    yield open_journal(url), open_history(url), url
    close(url)


_numbers = count()


def scripts(intent, parts, end):
    """The broker's words on an order that fills in parts, and how it ends."""
    fills = [fill_of(intent, f"{intent.id}-{n}", part, f"10{n}", minutes=n + 2) for n, part in enumerate(parts)]
    words = [(OrderEvent(intent.id, S.ACKED, START + timedelta(minutes=1)), ())]
    words += [(OrderEvent(intent.id, S.PARTIAL, fill.time), (fill,)) for fill in fills]
    words.append((OrderEvent(intent.id, S.PENDING_CANCEL, START + timedelta(minutes=20)), ()))
    return [*words, (OrderEvent(intent.id, end, START + timedelta(minutes=30)), tuple(fills[-1:]))]


def outcome(journal, history, words, symbol, side):
    for event, fills in words:
        journal.report(event, fills)
    order = next(row for row in history.orders(limit=5) if row.client_id == words[0][0].client_id)
    position = next(row for row in history.positions() if row.symbol == symbol)
    return (
        (order.state, order.filled, order.average_price),
        (position.quantity, position.average_price, position.realized, position.strategies),
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(st.decimals("0.1", "3", places=3), min_size=1, max_size=3),
    end=st.sampled_from([S.CANCELED, S.EXPIRED, S.FILLED]),
    side=st.sampled_from(list(Side)),
    data=st.data(),
)
def test_B11_I19_any_order_and_any_repetition_of_reports_ends_the_same(books, parts, end, side, data):
    journal, history, _ = books
    results = []
    for shuffled in (False, True):
        number = next(_numbers)
        slot, symbol = slot_at(number), f"S{number}"
        intent = frozen_order(journal, slot, symbol=symbol, quantity="20", side=side, purpose=Purpose.ENTRY)
        words = scripts(intent, parts, end)
        if shuffled:
            again = data.draw(st.lists(st.sampled_from(words), max_size=3))
            words = data.draw(st.permutations([*words, *again]))
        results.append(outcome(journal, history, words, symbol, side))
    assert results[0] == results[1]


def test_I19_books_after_all_permutations_verify(books):
    journal, _, url = books
    frozen_order(journal, slot_at(9999))
    assert [found for check in verify(url) for found in check.findings] == []


def test_C15_a_fill_that_comes_before_an_older_one_gives_the_same_position(journal, history):
    positions = []
    for number, order in enumerate(((1, 2, 3), (3, 1, 2))):
        symbol = f"SYM{number}"
        buy = frozen_order(journal, slot_at(number), symbol=symbol)
        sell = frozen_order(journal, slot_at(number + 10), symbol=symbol, side=Side.SELL)
        fills = {
            1: (buy, fill_of(buy, f"{number}-1", "3", "10", minutes=1)),
            2: (sell, fill_of(sell, f"{number}-2", "5", "13", minutes=2)),
            3: (buy, fill_of(buy, f"{number}-3", "7", "11", minutes=3)),
        }
        for key in order:
            intent, fill = fills[key]
            journal.report(event_of(intent, S.PARTIAL, 4), [fill])
        (row,) = (row for row in history.positions() if row.symbol == symbol)
        positions.append((row.quantity, row.average_price, row.realized))
    assert positions[0] == positions[1]
