"""A plan that is edited while it works: the run keeps what it loaded, the next one takes the new text and says so."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from openbell import store
from openbell.desk import open_desk
from openbell.errors import PlanError
from openbell.jobs import trading
from openbell.settings import load_settings
from openbell.specs import FeedSpec, Surroundings
from openbell.values.bars import Timeframe
from openbell.values.market import Checked
from openbell.values.record import Outcome
from tests.faults.scene import Tape

PLAN = """
name = "edited"
universe = ["AAPL", "IBM"]

[feed]
provider = "tests.operate.test_edited_plan.EditingFeed"

[window]
exchange = "24/7"
grace = "24h"

[schedule.trade]
every = "1h"

[[strategies]]
use = "buy_and_hold"

[risk]
max_order_notional = 500
"""
RAISED = PLAN.replace("= 500", "= 5000")


class EditingTape(Tape):
    """While a run asks for prices, somebody saves another text of its plan."""

    def __init__(self, path: Path, text: str) -> None:
        super().__init__()
        self.path, self.text = path, text

    def bars(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> Checked:
        """The bars, after the edit."""
        self.path.write_text(self.text)
        return super().bars(symbols, timeframe, count, as_of)


class EditingFeed(FeedSpec):
    """The prices of a plan that is edited."""

    def open(self, around: Surroundings) -> EditingTape:
        folder = load_settings().plans
        assert folder is not None
        return EditingTape(folder / "edited.toml", (folder / "next.txt").read_text())


@pytest.fixture
def edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The file of the plan."""
    monkeypatch.setenv("OPENBELL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OPENBELL_PLANS", str(tmp_path))
    (tmp_path / "edited.toml").write_text(PLAN)
    (tmp_path / "next.txt").write_text(RAISED)
    yield tmp_path / "edited.toml"
    store.close(load_settings().url)


def trade(name: str, hours: int):
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return trading.trade(open_desk("edited"), name, planned=hour - timedelta(hours=hours))


def test_F12_F08_a_run_keeps_the_limits_it_loaded_and_the_next_one_takes_and_records_the_raised_ones(
    edited: Path,
) -> None:
    before, after = trade("first", 2), trade("second", 1)
    assert edited.read_text() == RAISED
    assert before.outcome is after.outcome is Outcome.COMPLETED
    assert [run.plan_body["risk"]["max_order_notional"] for run in (before, after)] == [500, 5000]
    assert before.plan_hash != after.plan_hash
    assert all(order.quantity * 100 <= 500 for order in before.orders)
    kept = store.open_history(load_settings().url)
    assert [kept.run(run.id).plan_hash for run in (before, after)] == [before.plan_hash, after.plan_hash]


def test_F12_an_edit_that_cannot_be_read_stops_the_next_run_and_not_this_one(edited: Path) -> None:
    edited.with_name("next.txt").write_text(PLAN.replace("max_order_notional", "max_order_notinal"))
    assert trade("first", 2).outcome is Outcome.COMPLETED
    with pytest.raises(PlanError, match=r"max_order_notinal.*did you mean.*max_order_notional"):
        trade("second", 1)
