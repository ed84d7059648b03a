"""What a run depends on: feeds that flap, brokers that are silent, people who press twice."""

from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest

from openbell.errors import FeedUnavailable
from openbell.jobs import trading
from openbell.values.record import Outcome
from tests.faultbroker.process import FaultBroker
from tests.faults import trader
from tests.faults.double import CANARY, KEY
from tests.orders.desks import open_desk

MINUTES = {"trade": {"every": "1m"}}


def test_S19_a_feed_that_fails_every_other_time_opens_the_breaker_too(desk, wire, home):
    bars, asked = wire.tape.bars, []

    def flap(*question):
        asked.append(question)
        if len(asked) % 2:
            raise FeedUnavailable("no prices")
        return bars(*question)

    wire.tape.bars = flap
    now = datetime.now(UTC)
    for number in range(40, 0, -1):
        planned = now - timedelta(minutes=number)
        record = trading.trade(open_desk(home, wire, schedule=MINUTES), f"run-{number}", planned)
        if record.code == "BREAKER":
            break
    # The tenth failure is the nineteenth outcome: no ten of them came in a row.
    assert (record.outcome, len(asked)) == (Outcome.SKIPPED, 19)
    assert desk.journal.breaker("demo", "trade").dependency == "data"


@pytest.fixture
def silent(home):
    """A desk of the crash trials on a broker that takes questions and never answers."""
    with FaultBroker(home / "ledger.jsonl") as broker:
        broker.keys(KEY, CANARY)
        desk = trader.desk_of(trader.Setup(home, broker.url, datetime.now(UTC)))
        broker.script({"verb": "GET", "path": "/v2/*", "delay": 60, "times": 0})
        yield desk


def test_S17_a_broker_that_never_answers_ends_the_run_in_seconds_and_frees_its_slot(silent):
    start = monotonic()
    record = trading.trade(silent, "run-1")
    assert monotonic() - start < 20
    assert (record.outcome, record.code) == (Outcome.SKIPPED, "BROKER_UNAVAILABLE")
    assert silent.journal.expired() == ()
    assert silent.journal.unsettled() == ()


def test_S04_a_second_click_or_a_click_beside_the_schedule_is_a_skip_that_names_the_first_run(desk, wire, home):
    first = trading.trade(desk, "click-1")
    second = trading.trade(open_desk(home, wire), "click-2")
    scheduled = trading.trade(open_desk(home, wire), "bell", planned=first.planned)
    assert first.outcome is Outcome.COMPLETED
    for late in (second, scheduled):
        assert (late.outcome, late.code, late.slot) == (Outcome.SKIPPED, "DUPLICATE_RUN", first.slot)
        assert "click-1" in late.message
    assert len(wire.posts) == len(set(wire.accepted)) == 10
