"""A strategy is deleted from a plan while it holds something."""

import pytest

from openbell import store
from openbell.jobs import trading
from openbell.stages.rerun import rerun
from openbell.store.verify import verify
from openbell.values.orders import OrderState
from openbell.values.verdict import Decision
from tests.orders.desks import HOURLY, SYMBOLS, hours_ago, open_desk

FIRST, SECOND = SYMBOLS[:2]


def named(name, symbols=(FIRST,), **about):
    return {"use": "buy_and_hold", "name": name, "universe": symbols, **about}


@pytest.fixture
def orphaned(home, wire):
    """The plan after its only strategy, which bought one symbol, was replaced by one of another name."""
    trading.trade(open_desk(home, wire, strategies=(named("old"),), **HOURLY), "before", planned=hours_ago(2))
    return open_desk(home, wire, strategies=(named("new", (FIRST, SECOND)),), **HOURLY)


def test_H11_entries_wait_while_a_strategy_that_is_gone_holds_something(orphaned):
    record = trading.trade(orphaned, "after", planned=hours_ago(1))
    rules = {verdict.symbol: (verdict.decision, verdict.rule) for verdict in record.verdicts}
    assert rules[SECOND] == (Decision.DENIED, "strategies")
    assert all(order.state is OrderState.DENIED for order in orphaned.history.orders() if order.run_id == "after")
    (alert,) = [alert for alert in orphaned.history.alerts() if alert.kind == trading.ORPHANED]
    assert f"{FIRST} of old" in alert.detail
    assert rerun(record, orphaned.history.bars(record.data.digest)).gated.verdicts == record.verdicts


def test_H11_what_it_held_is_given_to_another_by_name_and_entries_go_on(orphaned, home):
    book = store.open_break_book(orphaned.settings.url)
    ((held,),) = (row.strategies.values() for row in orphaned.history.positions("book"))
    assert book.reassign("demo", "old", "new", "ann", "renamed") == {FIRST: held}
    assert orphaned.history.positions("book")[0].strategies == {"new": held}
    record = trading.trade(orphaned, "after", planned=hours_ago(1))
    assert [order.symbol for order in record.orders if order.state is OrderState.FILLED] == [SECOND]
    assert all(not check.findings for check in verify(orphaned.settings.url))
    assert book.reassign("demo", "old", "new", "ann", "again") == {}


def test_H11_a_strategy_that_is_only_off_keeps_what_it_holds(home, wire):
    trading.trade(open_desk(home, wire, strategies=(named("old"),), **HOURLY), "before", planned=hours_ago(2))
    off = (named("old", enabled=False), named("new", (SECOND,)))
    desk = open_desk(home, wire, strategies=off, **HOURLY)
    record = trading.trade(desk, "after", planned=hours_ago(1))
    assert [order.symbol for order in record.orders if order.state is OrderState.FILLED] == [SECOND]
