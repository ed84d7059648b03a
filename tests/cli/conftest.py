import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from openbell import store
from openbell.cli import cli
from openbell.ports import OrderEvent
from openbell.values.orders import Fill, Order, OrderIntent, OrderState, OrderType, Purpose, Share, Side
from openbell.values.plan import Plan
from openbell.values.record import DataSeen, Guard, Holding, Outcome, RunRecord
from openbell.values.signal import Signal
from openbell.values.slot import Slot
from openbell.values.verdict import Decision, NoTrade, Ruling, Unplaced, Verdict

PLAN = """\
name = "demo"
description = "Two strategies"
universe = ["AAPL", "MSFT", "IBM"]

[account]
broker = "paper"
name = "book"

[feed]
provider = "sample"

[window]
exchange = "XNYS"

[schedule.trade]
at = ["open+5m", "close-10m"]

[[strategies]]
use = "sma_crossover"
params = { fast = 10, slow = 30 }

[[strategies]]
use = "buy_and_hold"

[sizing]
min_trade = 50
max_trade = 5000

[risk]
max_order_notional = 5000
"""
#: Monday 6 July 2026, five minutes after the open in New York.
PLANNED = datetime(2026, 7, 6, 13, 35, tzinfo=UTC)
SLOT = Slot("demo", "trade", PLANNED, date(2026, 7, 6))
SKIPPED = Slot("demo", "trade", datetime(2026, 7, 3, 13, 35, tzinfo=UTC), date(2026, 7, 3))


@dataclass(frozen=True)
class Terminal:
    """The command line over a home of its own."""

    home: Path
    plan = PLAN

    @property
    def plans(self) -> Path:
        return self.home / "plans"

    @property
    def url(self) -> str:
        return f"sqlite:///{self.home / 'openbell.db'}"

    def write(self, text: str, name: str = "demo.toml") -> Path:
        self.plans.mkdir(exist_ok=True)
        path = self.plans / name
        path.write_text(text, encoding="utf-8")
        return path

    def __call__(self, *words: str, **env: str) -> Result:
        given = {"OPENBELL_HOME": str(self.home), "OPENBELL_PLANS": str(self.plans), "COLUMNS": "200", **env}
        result = CliRunner(env=given).invoke(cli, words, prog_name="openbell")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "Traceback" not in result.output
        return result

    def json(self, *words: str) -> Any:
        result = self(*words, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.delenv("OPENBELL_DATABASE_URL", raising=False)
    made = Terminal(tmp_path)
    made.write(PLAN)
    return made


@pytest.fixture
def empty(terminal: Terminal) -> Terminal:
    """A store without a run."""
    store.upgrade(terminal.url)
    return terminal


@pytest.fixture
def filled(empty: Terminal) -> Terminal:
    """A store with one skipped and one completed run, the latter with a fill and a denial."""
    journal = store.open_journal(empty.url)
    body = Plan.model_validate({"name": "demo", "universe": ["AAPL", "MSFT", "IBM"], "strategies": USES})
    skip = journal.claim(SKIPPED, "run-skipped", timedelta(minutes=5))
    journal.seal(skipped_record(body), None)
    journal.release(SKIPPED, skip.fencing, Outcome.SKIPPED, "HOLIDAY")
    claim = journal.claim(SLOT, "run-completed", timedelta(minutes=5))
    journal.freeze(SLOT, claim.fencing, "book", INTENTS, VERDICTS)
    assert (
        journal.begin_send(SLOT, claim.fencing, OrderEvent("ob-1", OrderState.SENDING, PLANNED), False, _pass) is None
    )
    journal.record(OrderEvent("ob-1", OrderState.ACKED, PLANNED, "", "7"))
    journal.record(OrderEvent("ob-1", OrderState.FILLED, PLANNED, "", "7"), [FILL])
    journal.seal(completed_record(body), None)
    journal.release(SLOT, claim.fencing, Outcome.COMPLETED, "")
    return empty


@pytest.fixture
def damaged() -> Callable[[Terminal, str], None]:
    """Put another schema revision into a store."""
    return _damage


def _pass(_exposure: object) -> None:
    """A last gate that lets everything through."""


def _damage(terminal: Terminal, revision: str) -> None:
    import sqlite3

    with sqlite3.connect(terminal.home / "openbell.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.close()


USES = [{"use": "sma_crossover", "params": {"fast": 10, "slow": 30}}, {"use": "buy_and_hold"}]
ORDER = Order(
    client_id="ob-1",
    symbol="AAPL",
    side=Side.BUY,
    quantity=Decimal(10),
    type=OrderType.MARKET,
    state=OrderState.FILLED,
    updated=PLANNED,
    filled=Decimal(10),
    average_price=Decimal("101.5"),
    broker_id="7",
)
FILL = Fill("f-1", "ob-1", "AAPL", Side.BUY, Decimal(10), Decimal("101.5"), Decimal("0.35"), PLANNED)
INTENTS = tuple(
    OrderIntent(
        id=key,
        slot=SLOT.key,
        leg=0,
        symbol=symbol,
        side=Side.BUY,
        quantity=Decimal(quantity),
        purpose=Purpose.ENTRY,
        reference=Decimal(100),
        shares=(Share("sma_crossover", Decimal(quantity)),),
    )
    for key, symbol, quantity in (("ob-1", "AAPL", 10), ("ob-2", "MSFT", 90))
)
VERDICTS = tuple(
    Verdict(
        intent_id=key,
        symbol=symbol,
        decision=decision,
        rule="max_order_notional",
        measured=measured,
        limit="5000",
        asked=Decimal(asked),
        quantity=Decimal(left),
        rulings=(Ruling("max_order_notional", decision, measured, "5000", Decimal(left)),),
    )
    for key, symbol, decision, measured, asked, left in (
        ("ob-1", "AAPL", Decision.APPROVED, "1000", 10, 10),
        ("ob-2", "MSFT", Decision.DENIED, "9000", 90, 0),
    )
)


def completed_record(plan: Plan) -> RunRecord:
    return RunRecord(
        id="run-completed",
        plan="demo",
        job="trade",
        slot=SLOT.key,
        planned=SLOT.planned,
        session=SLOT.session,
        outcome=Outcome.COMPLETED,
        message="completed: 2 orders",
        clock=PLANNED,
        as_of=PLANNED,
        finished=PLANNED + timedelta(seconds=1),
        account="book",
        plan_hash=plan.hash,
        plan_body=plan.model_dump(mode="json"),
        guards=(Guard(name="enabled", passed=True), Guard(name="window", passed=True)),
        data=DataSeen(
            digest="0" * 64,
            provider="sample",
            timeframe="1d",
            adjustment="raw",
            bars=200,
            symbols=3,
            last_bar=datetime(2026, 7, 2, 20, tzinfo=UTC),
        ),
        signals=(
            Signal("sma_crossover", "AAPL", 1.0, 0.8, "fast average above slow"),
            Signal("sma_crossover", "MSFT", 1.0, 0.6, "fast average above slow"),
            Signal("buy_and_hold", "IBM", 1.0, 1.0, "always long"),
        ),
        intents=INTENTS,
        unplaced=(Unplaced("IBM", NoTrade.BELOW_MIN_TRADE, "20.00 is below 50"),),
        verdicts=VERDICTS,
        orders=(ORDER,),
        fills=(FILL,),
        holdings=(
            Holding(
                symbol="AAPL",
                quantity=Decimal(10),
                average_price=Decimal("101.5"),
                realized=Decimal(0),
                mark=Decimal(102),
            ),
        ),
        cash=Decimal("98984.65"),
        equity=Decimal("100004.65"),
        counters={"signals": 3, "intents": 2},
    )


def skipped_record(plan: Plan) -> RunRecord:
    blocked = Guard(name="window", passed=False, code="HOLIDAY", detail="XNYS is closed on 2026-07-03")
    return RunRecord(
        id="run-skipped",
        plan="demo",
        job="trade",
        slot=SKIPPED.key,
        planned=SKIPPED.planned,
        session=SKIPPED.session,
        outcome=Outcome.SKIPPED,
        code="HOLIDAY",
        message="XNYS is closed on 2026-07-03",
        clock=SKIPPED.planned,
        as_of=SKIPPED.planned,
        finished=SKIPPED.planned,
        plan_hash=plan.hash,
        plan_body=plan.model_dump(mode="json"),
        guards=(Guard(name="enabled", passed=True), blocked),
    )
