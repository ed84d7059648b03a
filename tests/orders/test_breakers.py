"""What stops a job: orders that the broker refuses, keys that it does not take, limits that were reached."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from openbell.jobs import trading
from openbell.jobs.closing import flatten
from openbell.risk.gate import latches
from openbell.stages.resolve import resolve
from openbell.values.job import EXITS
from openbell.values.record import Outcome
from openbell.values.verdict import Decision, Ruling
from tests.orders.desks import HOURLY, SYMBOLS, open_desk, plan_of, states

TEN = len(SYMBOLS)


def later(home, wire, hours, **changes):
    """The run of another slot."""
    desk = open_desk(home, wire, **HOURLY | changes)
    planned = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)
    return trading.trade(desk, f"hour-{hours}", planned=planned)


def pass_minutes(desk, minutes):
    path = desk.settings.url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as kept, kept:
        kept.execute("UPDATE breakers SET retry_at = retry_at - ?", (minutes * 60_000_000,))


def test_B07_five_refused_orders_stop_the_entries_of_a_basket_and_the_runs_after_it(desk, wire, home):
    wire.faults = dict.fromkeys(range(1, 20), "refused")
    later(home, wire, 3)
    assert states(desk) == ["rejected"] * 5 + ["abandoned"] * (TEN - 5)
    assert len(wire.posts) == 5
    last = desk.history.orders()[0]
    assert last.detail == "BREAKER: rejects: 40310000: insufficient buying power"
    blocked = later(home, wire, 2)
    assert (blocked.outcome, blocked.code) == (Outcome.SKIPPED, "BREAKER")
    wire.faults.clear()
    pass_minutes(desk, 6)
    probes = [later(home, wire, hours).code for hours in (1, 0)]
    assert probes == ["BREAKER_PROBE"] * 2
    assert len(wire.posts) == 5
    third = later(home, wire, 4)
    assert third.outcome is Outcome.COMPLETED
    assert len(wire.posts) == TEN  # what was refused a moment ago is not tried again so soon


def test_a_dry_run_counts_no_probe(desk, wire, home):
    desk.journal.count("demo", "trade", "broker", "keys refused", at_once=True)
    pass_minutes(desk, 6)
    said = [trading.trade(open_desk(home, wire, **HOURLY), f"dry-{n}", dry_run=True).code for n in range(3)]
    assert said == ["BREAKER_PROBE"] * 3
    standing = desk.journal.breaker("demo", "trade")
    assert (standing.open, standing.probes) == (True, 0)


def test_a_loss_in_the_first_session_of_an_account_stops_entries(wire, home):
    halt = {"daily_loss_halt": "0.02", "drawdown_halt": "0.5", "max_position_weight": 1, "max_order_notional": 500_000}
    sizing = {"use": "fixed_cash", "params": {"notional": 400_000}, "max_trade": 500_000}
    later(home, wire, 3, universe=SYMBOLS[:1], sizing=sizing, risk=halt)
    wire.tape.price = Decimal(80)
    denied = later(home, wire, 2, universe=SYMBOLS[1:2], risk=halt)
    assert [(verdict.rule, verdict.limit) for verdict in denied.verdicts] == [("daily_loss_halt", "0.0200")]
    assert len(wire.posts) == 1


def test_B07_four_refused_orders_stop_nothing_and_are_not_sent_again(desk, wire, home):
    wire.faults = dict.fromkeys((1, 3, 5, 7), "refused")
    later(home, wire, 3)
    assert sorted(states(desk)) == ["filled"] * (TEN - 4) + ["rejected"] * 4
    assert len(wire.posts) == len({key for _, key in wire.posts}) == TEN
    assert desk.journal.unsettled() == ()


def test_B07_refused_orders_never_hold_back_an_exit(desk, wire, home):
    later(home, wire, 3)
    wire.faults = dict.fromkeys(range(TEN + 1, TEN + 8), "refused")
    done = flatten(desk, "test", "out", "flatten-1")
    assert len(wire.posts) == 2 * TEN
    assert len(done.left) == 7


@pytest.mark.parametrize(
    ("risk", "dependency", "rule"),
    [
        ({"daily_loss_halt": "0.0004", "drawdown_halt": "0.0005"}, "loss", "drawdown_halt"),
        ({"max_orders_per_run": 4, "max_orders_per_day": 4}, "orders", "max_orders_per_day"),
        ({"max_orders_per_run": 4, "max_orders_per_minute": 4}, "rate", "max_orders_per_minute"),
    ],
)
def test_a_limit_that_was_reached_holds_the_job_until_a_person_resets_it(desk, wire, home, risk, dependency, rule):
    terms = {"risk": {"max_positions": 20, "max_orders_per_run": 20, **risk}}
    later(home, wire, 5, **terms)
    wire.tape.price = Decimal(93)
    later(home, wire, 4, **terms)
    wire.tape.price = Decimal(100)  # all is well again, but nobody has looked
    standing = desk.journal.breaker("demo", "trade")
    assert (standing.dependency, standing.latched, standing.reason.partition(":")[0]) == (dependency, True, rule)
    count = len(wire.posts)
    blocked = later(home, wire, 3, **terms)
    assert (blocked.code, "openbell breaker reset" in blocked.guards[-1].detail) == ("BREAKER", True)
    pass_minutes(desk, 6000)
    assert later(home, wire, 2, **terms).code == "BREAKER"
    assert len(wire.posts) == count
    desk.journal.reset_breaker("demo", "trade", "ann", "looked at it")
    assert later(home, wire, 1, **terms).outcome is Outcome.COMPLETED


def test_a_dry_run_latches_nothing(desk, wire, home):
    terms = {"risk": {"max_positions": 20, "max_orders_per_run": 4, "max_orders_per_day": 4}}
    trading.trade(open_desk(home, wire, **terms), "dry", dry_run=True)
    assert desk.journal.breakers() == ()


def test_a_latched_job_leaves_what_protects_alone(desk, wire):
    desk.journal.latch("demo", "trade", "loss", "drawdown_halt: 0.1 against 0.05")
    assert not desk.journal.breaker("demo", EXITS.name).open
    assert flatten(desk, "test", "out", "flatten-1").flat


def test_what_cannot_be_measured_latches_nothing():
    rules = resolve(plan_of()).rules
    reached = Ruling("daily_loss_halt", Decision.DENIED, "0.0300", "0.0200", Decimal(0))
    assert latches(rules, reached) == "loss"
    unknown = [rule.unknown("equity", "0.02") for rule in rules if rule.latches]
    assert len(unknown) == len([rule for rule in rules if rule.latches]) == 4
    assert {latches(rules, ruling) for ruling in unknown} == {""}
