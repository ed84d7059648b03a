"""P08: a store that was restored from an old copy sends nothing, says so, and waits for a person."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from openbell import store
from openbell.errors import BrokerUnavailable
from openbell.jobs import trading
from openbell.ports import Level
from openbell.stages.recover import recovered_work
from openbell.values.orders import OrderIntent, OrderType, Purpose, Side
from openbell.values.record import Outcome
from tests.faultbroker.process import FaultBroker
from tests.orders.desks import HOURLY, SYMBOLS, hours_ago, open_desk
from tests.orders.venues import posts, taken, venue_desk

TEN = len(SYMBOLS)


@pytest.fixture(scope="module", params=[True, False], ids=["unique ids", "no unique ids"])
def process(request, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultBroker]:
    with FaultBroker(tmp_path_factory.mktemp("broker") / "ledger.jsonl", request.param) as double:
        yield double


def copied(home):
    """A backup of the store as it stands."""
    path = home / "backup.db"
    with closing(sqlite3.connect(home / "openbell.db")) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)
    return path


def restore(home, desk, backup):
    store.close(desk.settings.url)
    for end in ("-wal", "-shm"):
        (home / f"openbell.db{end}").unlink(missing_ok=True)
    backup.replace(home / "openbell.db")


def alerts(desk):
    return [(alert.kind, alert.subject) for alert in desk.history.alerts()]


def test_P08_a_restored_store_never_sends_the_ids_of_today_again(home, tape, process):
    process.reset()
    desk = venue_desk(process, tape, **HOURLY)
    backup = copied(home)
    trading.trade(desk, "today", planned=hours_ago(1))
    before = posts(process)
    assert len(before) == 5
    restore(home, desk, backup)
    again = venue_desk(process, tape, **HOURLY)
    record = trading.trade(again, "after", planned=hours_ago(1))
    assert (record.outcome, record.code) == (Outcome.SKIPPED, "STATE_ROLLBACK")
    assert "5 orders of ours that this store never had" in record.guards[-1].detail
    assert (posts(process), len(taken(process))) == (before, 5)
    switch = again.journal.switch()
    assert (switch.level, switch.actor, switch.reason.partition(":")[0]) == (Level.HALTED, "openbell", "STATE_ROLLBACK")
    ((kind, subject),) = alerts(again)
    assert (kind, subject in before) == ("STATE_ROLLBACK", True)
    assert [found.kind for found in again.history.breaks()] == ["STATE_ROLLBACK"]
    assert trading.trade(venue_desk(process, tape, **HOURLY), "halted", planned=hours_ago(0)).code == "HALTED"


def test_P08_an_order_that_only_rests_is_found_too(desk, wire):
    wire.paper.submit(resting("ob-" + "a" * 26))
    record = trading.trade(desk, "one")
    assert (record.code, wire.posts) == ("STATE_ROLLBACK", [])
    assert alerts(desk) == [("STATE_ROLLBACK", "ob-" + "a" * 26)]


def resting(name, symbol="S0"):
    terms = {"type": OrderType.LIMIT, "limit_price": Decimal(50)}
    return OrderIntent(name, "x", 0, symbol, Side.BUY, Decimal(1), Purpose.ENTRY, Decimal(100), **terms)


def test_P08_orders_of_other_hands_are_none_of_this(desk, wire):
    wire.paper.submit(resting("by-hand"))
    assert trading.trade(desk, "one").outcome is Outcome.COMPLETED
    assert desk.journal.switch().level is Level.ACTIVE


def test_P08_what_a_person_has_accepted_halts_nothing_any_more_and_what_is_new_does(desk, wire, home):
    wire.paper.submit(resting("ob-" + "a" * 26))
    trading.trade(open_desk(home, wire, **HOURLY), "one", planned=hours_ago(3))
    desk.journal.set_switch(Level.ACTIVE, "ann", "it was the old machine")
    record = trading.trade(open_desk(home, wire, **HOURLY), "two", planned=hours_ago(2))
    assert record.outcome is Outcome.COMPLETED
    assert len(wire.posts) == TEN
    fill = wire.paper.fills(datetime.now(UTC) - timedelta(hours=1))[0]
    strange = replace(fill, id="x", client_id="ob-" + "b" * 26, time=datetime.now(UTC) + timedelta(minutes=2))
    wire.fills = lambda since: (*wire.paper.fills(since), strange)
    record = trading.trade(open_desk(home, wire, **HOURLY), "three", planned=hours_ago(1))
    assert record.code == "STATE_ROLLBACK"
    assert sorted(alerts(desk)) == [("STATE_ROLLBACK", "ob-" + "a" * 26), ("STATE_ROLLBACK", "ob-" + "b" * 26)]


def test_P08_recovery_finds_it_as_well_and_says_that_everything_is_halted(desk, wire):
    wire.paper.submit(resting("ob-" + "a" * 26))
    done = desk.recovery("recover", passes=2).recover()
    worked = recovered_work(done)
    assert (done.clean, worked.outcome, worked.code) == (False, Outcome.FAILED, "STATE_ROLLBACK")
    assert "everything is halted" in done.words()
    assert desk.journal.switch().level is Level.HALTED
    assert desk.recovery("recover-2", passes=2).recover().clean


def test_P08_a_broker_that_does_not_answer_stops_the_run_and_halts_nothing(desk, wire):
    def silent(since):
        raise BrokerUnavailable("no answer")

    wire.fills = silent
    record = trading.trade(desk, "one")
    assert (record.outcome, record.code, wire.posts) == (Outcome.SKIPPED, "BROKER_UNAVAILABLE", [])
    assert desk.journal.switch().level is Level.ACTIVE


def test_P08_a_dry_run_halts_nothing(desk, wire):
    wire.paper.submit(resting("ob-" + "a" * 26))
    assert trading.trade(desk, "one", dry_run=True).outcome is Outcome.COMPLETED
    assert (alerts(desk), desk.journal.switch().level) == ([], Level.ACTIVE)


def test_P08_executions_are_asked_for_from_an_hour_before_the_newest_that_is_known(desk, wire, home):
    trading.trade(open_desk(home, wire, **HOURLY), "one", planned=hours_ago(2))
    newest = desk.history.fills("book", limit=1)[0].time
    asked = []

    def fills(since):
        asked.append(since)
        return wire.paper.fills(since)

    wire.fills = fills
    trading.trade(open_desk(home, wire, **HOURLY), "two", planned=hours_ago(1))
    assert asked[0] == newest - timedelta(hours=1)
