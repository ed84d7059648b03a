"""A replay decides what a live plan decided: the same ids, quantities, verdicts, fills and cash."""

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from openbell.values.record import Outcome
from tests.replay.lived import LAST, PLAN, decisions, executions, live, plan_of, replayed

WATCHED = {
    "trade": {"cron": "35 9,12,14 * * 1-5", "zone": "America/New_York"},
    "exits": {"every": "1h"},
    "orders": {"every": "30m"},
}
EXITS = {"stop_loss": 0.015, "take_profit": 0.03, "trailing_stop": 0.02, "time_limit": {"sessions": 6}}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBELL_HOME", str(tmp_path))
    monkeypatch.delenv("OPENBELL_DATABASE_URL", raising=False)


def agree(last: date = LAST, **changes: Any) -> int:
    """Live and replayed sessions agree; how many orders there were."""
    plan = plan_of(**changes)
    lived, found = live(plan, last=last), replayed(plan, last=last)
    assert decisions(found) == lived.decided()
    assert executions(found) == lived.fills
    assert found.closing_cash == lived.cash
    skipped = Counter(one.code for one in lived.records if one.outcome is Outcome.SKIPPED and one.job == "trade")
    assert found.skips == skipped
    assert found.slots == sum(one.job == "trade" for one in lived.records)
    quick = replayed(plan, last=last, keep=False)
    assert executions(quick) == executions(found)
    assert (quick.denials, quick.clipped, quick.decided) == (found.denials, found.clipped, found.decided)
    return len(lived.fills)


def test_I18_G12_a_replay_of_thirty_sessions_decides_what_the_live_plan_decided():
    """31 sessions, among them a holiday and two half days, slots after the close included."""
    assert agree() > 20


def test_I18_a_replay_closes_positions_as_the_live_exits_job_did():
    assert agree(schedule=WATCHED, exits=EXITS, last=date(2025, 12, 2)) > 10


def test_I18_a_replay_fills_resting_parts_as_the_live_orders_job_saw_them():
    account = PLAN["account"] | {"params": {"cash": 60_000, "fill_share": "0.4", "slippage_bps": 5}}
    assert agree(schedule=WATCHED, account=account, exits=EXITS, last=date(2025, 11, 25)) > 20


def test_I18_a_replay_goes_short_on_margin_as_the_live_plan_did():
    account = PLAN["account"] | {"params": {"cash": 50_000, "shorting": True, "leverage": 2, "fee": {"bps": 3}}}
    strategies = [{"use": "sma_crossover", "params": {"fast": 2, "slow": 5, "short": True}}]
    risk = {"shorting": True, "max_leverage": 2, "max_gross_exposure": 2, "max_position_weight": 0.5}
    assert agree(account=account, strategies=strategies, risk=risk, last=date(2025, 12, 2)) > 10


def test_I18_a_replay_looks_as_seldom_as_the_live_plan_did():
    strategies = [PLAN["strategies"][0] | {"every": "3d"}, PLAN["strategies"][1]]
    adaptive = {"volatility": 0.02, "calm": "2d", "window": 5}
    assert agree(strategies=strategies, adaptive=adaptive, last=date(2025, 12, 3)) > 5


@pytest.mark.parametrize(
    "sizing",
    [
        {"use": "fixed_quantity", "params": {"quantity": 20}, "max_trade": 50_000},
        {"use": "fixed_cash", "params": {"notional": 5000}, "max_trade": 5000},
        {"use": "volatility_target", "params": {"lookback_bars": 20}, "max_trade": 50_000},
    ],
    ids=lambda sizing: sizing["use"],
)
def test_I18_a_replay_sizes_as_the_live_plan_did(sizing):
    assert agree(sizing=sizing, lookback=30, last=date(2025, 11, 28)) > 5
