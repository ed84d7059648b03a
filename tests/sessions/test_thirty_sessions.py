"""All jobs of a plan over thirty sessions: a half day, a clock change, a broker that is away, a worker that is killed.

One clock is moved from ring to ring; prices, store, paper account and every decision are the real ones.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from openbell.brokers.paper import Paper
from openbell.calendar.exchange import exchange
from openbell.crashpoints import SWITCH
from openbell.desk import Desk, feed_spec
from openbell.errors import BrokerUnavailable
from openbell.jobs.perform import PERFORM, perform
from openbell.ports import MarketFeed, PaperLedger
from openbell.settings import load_settings
from openbell.specs import BrokerSpec, Surroundings
from openbell.stages.resolve import resolve
from openbell.store import close
from openbell.store.verify import verify
from openbell.values.orders import OrderState
from openbell.values.plan import Plan
from openbell.values.record import Outcome

SESSIONS = 30
#: From here on: New York's clock goes back on 2 November, 28 November closes at 13:00.
FIRST = date(2025, 10, 20)
OUTAGE, DEAD_WORKER, SILENT = date(2025, 11, 5), date(2025, 10, 20), date(2025, 11, 19)
HALF_DAY = date(2025, 11, 28)
#: The lease of the run that is killed: long enough to come as far as its first order.
SHORT = timedelta(seconds=5)
SCHEDULE = {
    "trade": {"at": ["open+5m", "open+150m", "close-10m"]},
    "exits": {"every": "1h"},
    "orders": {"every": "1h"},
    "positions": {"every": "2h"},
    "prices": {"every": "2h"},
    "alerts": {"every": "3h"},
    "snapshot": {"at": ["close+5m"]},
    "recover": {"cron": "50 9 * * 1-5"},
    "heartbeat": {"cron": "0 22 * * 1-5"},
    "notify": {"cron": "5 22 * * 1-5"},
}
PLAN = {
    "name": "thirty",
    "universe": ["AAPL", "FB", "GOOG", "IBM", "MSFT"],
    "account": {
        "broker": "paper",
        "name": "thirty",
        "params": {"cash": 100_000, "slippage_bps": 2, "fractions": False},
    },
    "window": {"exchange": "XNYS", "grace": "5m"},
    "schedule": SCHEDULE,
    "strategies": [
        {"use": "sma_crossover", "weight": 0.5, "params": {"fast": 3, "slow": 8}},
        {"use": "rsi_reversion", "weight": 0.5, "params": {"window": 4}},
    ],
    "sizing": {"params": {"weight": 0.15}, "min_trade": 50, "max_trade": 5000},
    "risk": {"max_positions": 5, "max_order_notional": 5000},
    "freshness": {"quotes": "1d"},
    "exits": {"stop_loss": 0.02, "take_profit": 0.03},
}


@dataclass
class World:
    """The clock that everything lives by, and whether the broker answers."""

    now: datetime = datetime(2025, 10, 1, tzinfo=UTC)
    away: bool = False
    ended: Counter[tuple[str, str]] = field(default_factory=Counter)

    def clock(self) -> datetime:
        return self.now

    def desk(self) -> Desk:
        """As another process would open it at this moment."""
        plan, world = Plan.model_validate(PLAN), self

        class Account(BrokerSpec):
            def open(self, account: str, around: Surroundings, feed: MarketFeed, ledger: PaperLedger) -> Any:
                made = Paper.model_validate(plan.account.params).open(account, around, feed, ledger)
                return Away() if world.away else made

        made = Desk(resolve(plan), load_settings(), None, feed_spec(plan), Account())
        made.clock = made.now = self.clock
        made.quiet = timedelta(milliseconds=50)
        made.wait = lambda _: None
        return made

    def ring(self, job: str, planned: datetime) -> None:
        """One run, a moment after its instant."""
        self.now = planned + timedelta(milliseconds=300)
        record = perform(self.desk(), job, f"{job}-{planned:%m%d-%H%M}", planned)
        self.ended[job, record.code or record.outcome.value] += 1

    def killed(self, job: str, planned: datetime) -> None:
        """A run whose worker is killed when the broker has the first order, before anybody wrote that down."""
        self.now = planned + timedelta(milliseconds=300)
        child = os.fork()
        if not child:
            os.environ[SWITCH] = "after-post"
            desk = self.desk()
            desk.lease = SHORT
            perform(desk, job, "killed", planned)
            os._exit(3)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        time.sleep(1.1 * SHORT.total_seconds())  # leases are counted by the database's clock


class Away:
    """A broker that does not answer."""

    def __getattr__(self, name: str) -> Any:
        raise BrokerUnavailable("no answer from the venue")


def rings(desk: Desk, session: date) -> list[tuple[datetime, str]]:
    """Every instant of a session's day, in order; jobs that ring together come in the order of the schedule."""
    start = datetime.combine(session, datetime.min.time(), exchange("XNYS").zone).astimezone(UTC)
    end = start + timedelta(days=1)
    order = list(SCHEDULE)
    found = [(at, job) for job in SCHEDULE for at in desk.resolved.grids[job].between(start, end)]
    return sorted(found, key=lambda ring: (ring[0], order.index(ring[1])))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Thirty sessions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENBELL_HOME", str(tmp_path_factory.mktemp("thirty")))
        patch.delenv("OPENBELL_DATABASE_URL", raising=False)
        world = World()
        desk = world.desk()
        market = exchange("XNYS")
        for number in range(SESSIONS):
            session = market.offset(FIRST, number)
            for count, (planned, job) in enumerate(rings(desk, session)):
                at = planned.astimezone(market.zone)
                world.away = session == OUTAGE and 11 <= at.hour < 13
                if session == SILENT and at.hour in (13, 14):
                    continue  # nobody rings: server, worker or machine are down
                if session == DEAD_WORKER and job == "trade" and at.hour == 9:
                    world.killed(job, planned)
                else:
                    world.ring(job, planned)
                assert count < 100
        yield world
        close(load_settings().url)


def test_S03_at_the_end_everything_adds_up(lived: World) -> None:
    assert [found for found in verify(load_settings().url) if not found.ok] == []


def test_S03_every_slot_is_explained(lived: World) -> None:
    desk, market = lived.desk(), exchange("XNYS")
    known = desk.journal.slots("thirty", datetime(2025, 10, 1, tzinfo=UTC))
    for number in range(SESSIONS):
        for planned, job in rings(desk, market.offset(FIRST, number)):
            if job not in ("recover", "heartbeat", "notify"):
                assert known[job].get(planned), f"{job} {planned}"


def test_S03_the_desk_traded_and_every_order_has_ended(lived: World) -> None:
    orders = lived.desk().history.orders(limit=1000)
    assert sum(order.state is OrderState.FILLED for order in orders) > 20
    assert all(order.state.terminal for order in orders)


def test_S10_the_killed_run_is_closed_and_its_order_is_there_once(lived: World) -> None:
    desk = lived.desk()
    killed = [run for run in desk.history.runs(limit=1000, job="trade") if run.outcome is Outcome.INTERRUPTED]
    assert [(run.session, run.id) for run in killed] == [(DEAD_WORKER, "killed")]
    ids = [fill.client_id for fill in desk.history.fills("thirty", limit=1000)]
    assert len(ids) == len(set(ids))


def test_A16_while_the_broker_is_away_nothing_is_traded_and_nothing_is_taken_for_flat(lived: World) -> None:
    runs = lived.desk().history.runs(limit=5000)
    during = [run for run in runs if run.session == OUTAGE and 16 <= run.planned.hour < 18 and run.job == "trade"]
    assert [run.code for run in during] == ["BROKER_UNAVAILABLE"]
    assert all(run.counters.get("sent", 0) == 0 for run in during)


def test_I15_what_nobody_rang_for_is_missed(lived: World) -> None:
    missed = [run for run in lived.desk().history.runs(limit=5000) if run.outcome is Outcome.MISSED]
    assert {run.session for run in missed} == {SILENT}
    assert {run.planned.hour for run in missed} <= {18, 19}


def test_B05_each_session_has_its_snapshot_at_the_close_on_half_days_too(lived: World) -> None:
    taken = {run.session: run for run in lived.desk().history.runs(limit=5000, job="snapshot")}
    assert len(taken) == SESSIONS
    assert (taken[HALF_DAY].planned.hour, taken[HALF_DAY].planned.minute) == (18, 5)
    assert (taken[date(2025, 10, 31)].planned.hour, taken[date(2025, 11, 3)].planned.hour) == (20, 21)
    assert {run.outcome for run in taken.values()} == {Outcome.COMPLETED}


def test_every_job_ran(lived: World) -> None:
    assert {job for job, _ in lived.ended} == set(PERFORM)
