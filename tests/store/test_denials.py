"""Orders that the gate denied: one row a slot, and still orders to whoever asks for them."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, text, update

from openbell.stages.flatten import flatten_slot
from openbell.store.order_tables import DENIALS, INTENTS, ORDER_EVENTS, ORDERS
from openbell.store.verify import verify
from openbell.values.orders import OrderState, Side
from openbell.values.verdict import Decision
from tests.store.samples import HOUR, intent_of, slot_at, verdict_of


def freeze(journal, day, plan="demo"):
    """KO is denied between MSFT and AAPL."""
    slot = slot_at(day, plan=plan)
    journal.claim(slot, f"run-{plan}-{day}", HOUR)
    intents = [intent_of(slot), intent_of(slot, "KO", "7"), intent_of(slot, "MSFT", "5", Side.SELL)]
    first, denied, last = intents
    verdicts = [verdict_of(last), verdict_of(denied, Decision.DENIED, "0"), verdict_of(first)]
    return journal.freeze(slot, 1, "acct", intents, verdicts)


def test_denied_orders_of_a_slot_are_one_row_and_no_orders(store, journal):
    freeze(journal, 0)
    with store.reading() as connection:
        rows = [connection.execute(select(func.count()).select_from(t)).scalar() for t in (DENIALS, INTENTS, ORDERS)]
        assert rows == [1, 2, 2]
        assert connection.execute(select(func.count()).select_from(ORDER_EVENTS)).scalar() == 2


def test_denied_orders_are_listed_in_their_place_among_the_others(journal, history):
    for day in range(2):
        freeze(journal, day)
    listed = history.orders()
    assert [row.symbol for row in listed] == ["AAPL", "KO", "MSFT"] * 2
    assert [row.run_id for row in listed] == ["run-demo-1"] * 3 + ["run-demo-0"] * 3
    denied = listed[1]
    assert (denied.state, denied.quantity, denied.side) == (OrderState.DENIED, 7, "buy")
    assert denied.detail == "order_quantity: 10, limit at most 9"
    assert denied.updated == slot_at(1).planned


def test_H07_orders_of_a_flatten_are_of_its_time_and_not_of_the_count_that_names_its_slot(journal, history):
    slot, before = flatten_slot("demo", 3, slot_at().session), datetime.now(UTC)
    journal.claim(slot, "run-1", HOUR)
    denied, approved = intent_of(slot), intent_of(slot, "KO")
    verdicts = [verdict_of(denied, Decision.DENIED, "0"), verdict_of(approved)]
    journal.freeze(slot, 1, "acct", [denied, approved], verdicts)
    assert all(abs((row.updated - before).total_seconds()) < 60 for row in history.orders())
    assert [row.symbol for row in history.orders()] == ["KO", "AAPL"]
    assert history.orders()[0].state is OrderState.APPROVED


@pytest.mark.parametrize("limit", range(1, 8))
def test_list_of_orders_is_cut_after_the_newest(journal, history, limit):
    for day in range(2):
        freeze(journal, day)
    assert history.orders(limit=limit) == history.orders()[:limit]
    assert len(history.orders(limit=limit)) == min(limit, 6)


def test_denied_orders_belong_to_their_plan_and_are_never_open(journal, history):
    freeze(journal, 0, "other")
    freeze(journal, 0)
    assert [row.plan for row in history.orders("other")] == ["other"] * 3
    assert history.orders(open_only=True) == ()


def test_plan_that_was_denied_as_a_whole_is_frozen(journal, history):
    slot = slot_at()
    journal.claim(slot, "run-1", HOUR)
    intent = intent_of(slot)
    frozen = journal.freeze(slot, 1, "acct", [intent], [verdict_of(intent, Decision.DENIED, "0")])
    assert journal.frozen(slot) == frozen
    assert [row.state for row in history.orders()] == [OrderState.DENIED]
    freeze(journal, 1)
    assert [row.symbol for row in history.orders(limit=4)] == ["AAPL", "KO", "MSFT", "AAPL"]


def test_I5_changed_denial_is_found(url, store, journal):
    freeze(journal, 0)
    if store.engine.dialect.name != "sqlite":
        pytest.skip("one database is enough to see the chain")
    with store.writing() as connection:
        connection.execute(text("DROP TRIGGER denials_no_update"))
        connection.execute(update(DENIALS).values(plan="edited"))
    found = [finding.row for check in verify(url) for finding in check.findings if check.code == "I5"]
    assert "denials 1" in found
