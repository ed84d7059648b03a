"""A changed plan beside the plan as it is: no change changes nothing, a limit changes what it limits."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from openbell.errors import InputError, PlanError
from openbell.feeds.sample import SampleFeed
from openbell.replay.asking import Wish
from openbell.replay.rehearse import Kinds, new_plan, rehearse, requests
from openbell.replay.request import Request
from openbell.settings import load_settings
from openbell.values.plan import Plan
from openbell.values.verdict import Decision

BODY = {
    "name": "demo",
    "universe": ("AAPL", "FB", "GOOG", "IBM", "MSFT"),
    "schedule": {"trade": {"at": ["open+5m"]}},
    "strategies": ({"use": "sma_crossover", "params": {"fast": 5, "slow": 20}}, {"use": "rsi_reversion"}),
    "sizing": {"use": "fixed_cash", "params": {"notional": 2000}, "max_trade": 5000},
    "risk": {"max_order_notional": 5000},
}


def plan(**changes) -> Plan:
    return Plan.model_validate(BODY | changes)


def rehearsed(then: Plan, now: Plan | None = None):
    span = (SampleFeed(), date(2026, 9, 1), date(2026, 10, 30))
    return rehearse(Request(now or plan(), *span), Request(then, *span))


def test_X06_a_plan_beside_itself_decides_everything_the_same():
    found = rehearsed(plan())
    assert found.changes == ()
    assert found.slots > 30
    assert found.now.closing_cash == found.then.closing_cash
    assert len(found.now.fills) == len(found.then.fills) > 0


def test_X06_what_is_no_decision_changes_none():
    assert rehearsed(plan(description="other words")).changes == ()


def test_X06_a_changed_limit_shows_the_verdicts_that_it_changes():
    found = rehearsed(plan(risk={"max_order_notional": 5000, "max_positions": 1}))
    first = next(change for change in found.changes if change.kind is Kinds.VERDICT)
    assert first.now.verdict.decision is Decision.APPROVED
    assert (first.then.verdict.decision, first.then.verdict.rule) == (Decision.DENIED, "max_positions")
    assert (first.then.verdict.measured, first.then.verdict.limit) == ("2", "1")
    assert "denied by max_positions: 2 against 1" in first.then.words
    assert all(change.now is None for change in found.changes if change.kind is Kinds.ADDED)
    assert sum(found.counts.values()) == len(found.changes)
    assert found.then.closing_cash != found.now.closing_cash


def test_X06_another_size_shows_the_quantities():
    found = rehearsed(plan(sizing={"use": "fixed_cash", "params": {"notional": 1000}, "max_trade": 5000}))
    change = found.changes[0]
    assert change.kind is Kinds.QUANTITY
    assert change.then.intent.quantity < change.now.intent.quantity
    assert change.then.intent.id == change.now.intent.id


def test_X06_a_strategy_less_drops_its_orders_and_a_strategy_more_adds_some():
    less = plan(strategies=BODY["strategies"][:1])
    assert Kinds.DROPPED in rehearsed(less).counts
    assert Kinds.ADDED in rehearsed(plan(), now=less).counts


def test_X06_another_schedule_moves_every_decision():
    found = rehearsed(plan(schedule={"trade": {"at": ["close-10m"]}}))
    assert set(found.counts) == {Kinds.DROPPED, Kinds.ADDED}
    assert [change.slot.planned for change in found.changes] == sorted(change.slot.planned for change in found.changes)


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENBELL_HOME", str(tmp_path))

    def write(text: str):
        path = tmp_path / "changed.toml"
        path.write_text(text)
        return path

    return write


def test_a_changed_plan_may_have_any_file_name_and_goes_under_the_name_of_the_plan(file):
    path = file('name = "another"\nuniverse = ["AAPL"]\n[[strategies]]\nuse = "sma_crossover"\n')
    assert new_plan(path, "demo").name == "demo"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            'name = "x"\nuniverse = ["AAPL"]\nrisks = 1\n[[strategies]]\nuse = "sma_crossover"\n',
            "changed.toml:3: .*'risk'",
        ),
        ('name = "x" "y"\n', "changed.toml:1: column "),
    ],
)
def test_a_changed_plan_that_is_none_is_told_with_file_and_line(file, text, complaint):
    with pytest.raises(PlanError, match=complaint):
        new_plan(file(text), "demo")


def test_the_last_sessions_are_counted_by_the_calendar(file):
    now, then = requests(plan(), plan(), 5, Wish(end=date(2026, 7, 6)), load_settings())
    assert (now.start, now.end) == (then.start, then.end) == (date(2026, 6, 29), date(2026, 7, 6))
    assert now.keep
    assert then.keep
    with pytest.raises(InputError, match="sessions 0 is not between 1 and 20,000"):
        requests(plan(), plan(), 0, Wish(), load_settings())
    with pytest.raises(InputError, match=r"sessions 19999: 19998 sessions before .* is before"):
        requests(plan(), plan(), 19_999, Wish(), load_settings())


def test_both_begin_flat_with_their_own_cash():
    poor = Request(plan(), SampleFeed(), date(2026, 9, 1), date(2026, 10, 30), cash=Decimal(1500))
    found = rehearse(replace(poor, cash=None), poor)
    assert (found.now.opening_cash, found.then.opening_cash) == (Decimal(100_000), Decimal(1500))
    assert found.changes
