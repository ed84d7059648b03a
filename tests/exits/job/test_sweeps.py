"""The exits job on a real store: what it closes, what it leaves alone, and that it never sends twice."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from openbell.errors import BrokerUnavailable, FeedUnavailable
from openbell.jobs import sweeps
from openbell.store.connect import open_store
from openbell.values.record import Outcome
from tests.exits.job.conftest import THREE
from tests.exits.job.rings import scheduled
from tests.exits.job.sales import ALL, HIGH, LOW, alerts, quantities, sent
from tests.orders.desks import states

# --- what is closed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("price", "rule"), [(LOW, "stop_loss"), (HIGH, "take_profit")])
def test_H01_what_a_rule_closes_is_sold_and_the_record_says_why(held, tape, wire, price, rule):
    tape.price = price
    record = scheduled(held, "exits-1")
    assert quantities(wire) == {}
    assert record.outcome is Outcome.COMPLETED
    assert {verdict.rule for verdict in record.verdicts} == {rule}
    assert record.verdicts[0].measured in (
        "loss since entry 11.00 %",
        "gain since entry 20.99 %",
        "gain since entry 21.00 %",
    )
    assert record.counters["sent"] == record.counters["filled"] == ALL
    assert f"S0 by {rule} (filled)" in record.message
    assert not any(held.journal.activity("demo", "book", ago(), ago()).books.values())


def ago():
    return datetime.now(UTC) - timedelta(days=1)


def test_a_run_that_finds_nothing_leaves_one_small_record(held, wire):
    before = written(held)
    record = scheduled(held, "exits-1")
    assert len(quantities(wire)) == ALL
    assert record.message == f"2 looks at {ALL} positions: nothing to close"
    assert (record.data, record.inputs, record.details) == (None, {}, {})
    after = written(held)
    assert {name: after[name] - count for name, count in before.items() if after[name] != count} == {
        "slots": 1,
        "runs": 1,
        "exit_marks": ALL,
        "exit_ticks": 1,
    }
    scheduled(held, "exits-2")
    assert written(held)["exit_ticks"] == 1


def written(desk):
    tables = (
        "slots",
        "runs",
        "frames",
        "intents",
        "order_events",
        "equity_points",
        "alerts",
        "exit_marks",
        "exit_ticks",
    )
    with open_store(desk.settings.url).reading() as connection:
        return {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in tables}


def test_a_run_by_hand_looks_once(held):
    assert sweeps.exits(held, "exits-1").counters["looks"] == 1


def test_nothing_held_asks_for_no_price(desk, tape):
    tape.quotes = lambda symbols, as_of: pytest.fail("a price was asked for")
    record = scheduled(desk, "exits-1")
    assert record.message == "2 looks at no positions: nothing to close"


def test_A02_each_look_has_its_own_slot_and_what_it_sends_a_record_of_its_own(held, tape, open_exits):
    desk = open_exits(hook=lambda: setattr(tape, "price", LOW))
    record = scheduled(desk, "exits-1")
    assert record.counters["looks"] == 2
    assert record.counters["sent"] == ALL
    assert record.orders == ()
    (other,) = [run for run in desk.history.runs() if run.id.startswith("exits-1-")]
    assert other.planned - record.planned == timedelta(seconds=30)
    assert len(desk.history.run(other.id).orders) == ALL
    assert states(desk)[ALL:] == ["filled"] * ALL


def test_a_trailing_stop_remembers_the_best_price_over_runs(held, tape, wire, open_exits):
    plan = {"exits": {"trailing_stop": 0.05}}
    for number, price in enumerate((110, 118, 113)):
        tape.price = Decimal(price)
        scheduled(open_exits(name="demo", **plan), f"exits-{number}")
        outlive(held)
        assert len(quantities(wire)) == ALL
    tape.price = Decimal(112)
    record = scheduled(open_exits(**plan), "exits-last")
    assert quantities(wire) == {}
    assert {verdict.rule for verdict in record.verdicts} == {"trailing_stop"}


def outlive(desk):
    """Free the slots of this half minute, so that the next run has one."""
    with open_store(desk.settings.url).writing() as connection:
        connection.execute(text("DELETE FROM slots WHERE job = 'exits' AND frozen_at IS NULL"))


def test_a_strategy_that_wants_out_closes_its_position(held, tape, wire, open_exits):
    plan = {
        "exits": {"strategy_exit": True, "stop_loss": False},
        "strategies": [{"use": "ts_momentum", "name": "buy_and_hold"}],
    }
    tape.bars = falling(tape.bars)
    record = scheduled(open_exits(**plan), "exits-1")
    assert quantities(wire) == {}
    assert {verdict.rule for verdict in record.verdicts} == {"strategy_exit"}


def falling(bars):
    """Bars that lose a percent a day."""

    def answer(symbols, timeframe, count, as_of):
        from dataclasses import replace

        import numpy as np

        checked = bars(symbols, timeframe, count, as_of)
        path = np.repeat((200 * 0.99 ** np.arange(count))[:, None], len(symbols), axis=1)
        fields = dict.fromkeys(("open", "high", "low", "close"), path)
        return replace(checked, bars=replace(checked.bars, **fields))

    return answer


# --- what is left alone --------------------------------------------------------------------------------------


def test_a_price_that_is_old_closes_nothing_is_counted_and_told_once(held, tape, wire):
    tape.price, tape.stopped = LOW, datetime.now(UTC) - timedelta(minutes=1)
    record = scheduled(held, "exits-1")
    assert len(quantities(wire)) == ALL
    assert record.counters["unpriced"] == ALL
    assert set(record.details["unpriced"]) == set(THREE)
    assert ("EXIT_PRICE_UNKNOWN", "demo") in alerts(held)
    assert len(held.history.alerts(open_only=False)) == 1


def test_the_alert_is_closed_once_prices_are_there_again(held, tape, wire):
    tape.stopped = datetime.now(UTC) - timedelta(minutes=1)
    scheduled(held, "exits-1")
    tape.stopped = None
    outlive(held)
    scheduled(held, "exits-2")
    assert alerts(held) == set()


def test_a_quote_that_is_missing_is_unknown_and_never_zero(held, tape, wire):
    quotes = tape.quotes
    tape.quotes = lambda symbols, as_of: {name: q for name, q in quotes(symbols, as_of).items() if name != "S2"}
    tape.price = LOW
    record = scheduled(held, "exits-1")
    assert set(quantities(wire)) == {"S2"}
    assert record.details["unpriced"] == {"S2": "no quote"}


def test_B20_positions_that_the_broker_does_not_show_are_neither_sold_nor_forgotten(held, tape, wire):
    tape.price = Decimal(110)
    scheduled(held, "exits-1")
    outlive(held)
    tape.price = LOW
    account = wire.account()
    from dataclasses import replace

    wire.account = lambda: replace(account, positions={})
    scheduled(held, "exits-2")
    assert sent(held) == []
    assert held.exit_marks.read("demo", "book").entries[0].high == Decimal("110.005")


@pytest.mark.parametrize("error", [BrokerUnavailable("down"), FeedUnavailable("down")])
def test_B20_without_an_answer_the_run_fails_nothing_is_sent_and_no_look_is_noted(held, tape, wire, error):
    def silent(*_):
        raise error

    if isinstance(error, FeedUnavailable):
        tape.quotes = silent
    else:
        wire.before_question = silent
    record = scheduled(held, "exits-1")
    assert record.outcome in (Outcome.FAILED, Outcome.SKIPPED)
    assert sent(held) == []
    assert held.exit_marks.read("demo", "book").last is None


def test_one_look_that_fails_does_not_end_the_run(held, tape, wire, open_exits):
    good = tape.quotes

    def silent(*_):
        raise FeedUnavailable("down")

    tape.quotes = silent
    tape.price = LOW
    desk = open_exits(hook=lambda: setattr(tape, "quotes", good))
    record = scheduled(desk, "exits-1")
    assert record.outcome is Outcome.COMPLETED
    assert quantities(wire) == {}
    assert "1 failed looks (down)" in record.message


# --- never twice ---------------------------------------------------------------------------------------------


# --- switches ------------------------------------------------------------------------------------------------


def test_verify_is_content_with_what_the_exits_job_wrote(held, tape):
    from openbell.store.verify import verify

    tape.price = LOW
    scheduled(held, "exits-1")
    assert [check for check in verify(held.settings.url) if not check.ok] == []
