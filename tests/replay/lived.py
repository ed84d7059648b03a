"""A plan that lives through some sessions: its jobs ring by its schedule, on a clock that is moved for each."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from openbell.calendar.exchange import exchange
from openbell.desk import Desk, account_spec
from openbell.jobs.perform import perform
from openbell.replay.request import Request
from openbell.replay.result import Replayed
from openbell.replay.run import replay
from openbell.settings import load_settings
from openbell.sources import feed_spec
from openbell.specs import FeedSpec, Surroundings
from openbell.stages.resolve import resolve
from openbell.values.canonical import digest
from openbell.values.plan import Plan
from openbell.values.record import Outcome, RunRecord

#: From here on for 31 sessions: no session on 27 November and 25 December, half days on 28 November and 24 December.
FIRST, LAST = date(2025, 11, 17), date(2025, 12, 31)
PLAN: dict[str, Any] = {
    "name": "lived",
    "universe": ["AAPL", "FB", "GOOG", "IBM", "MSFT"],
    "account": {
        "broker": "paper",
        "name": "lived",
        "params": {"cash": 100_000, "slippage_bps": 2, "fractions": False, "fee": {"per_share": "0.01", "minimum": 1}},
    },
    "window": {"exchange": "XNYS", "open_offset": "5m", "close_offset": "-10m", "grace": "5m"},
    "schedule": {
        "trade": {"cron": "35 9,12,14,16 * * 1-5", "zone": "America/New_York"},
        "exits": {"enabled": False},
        "orders": {"enabled": False},
    },
    "strategies": [
        {"use": "sma_crossover", "weight": 0.5, "params": {"fast": 3, "slow": 8}},
        {"use": "rsi_reversion", "weight": 0.5, "params": {"window": 4}},
    ],
    "sizing": {"params": {"weight": 0.3}, "min_trade": 50, "max_trade": 9000},
    "risk": {
        "max_positions": 4,
        "max_order_notional": 8000,
        "max_position_weight": 0.2,
        "daily_loss_halt": 0.5,
        "drawdown_halt": 0.6,
    },
    "freshness": {"quotes": "1d"},
}


@dataclass
class Lived:
    """What came of it."""

    records: list[RunRecord] = field(default_factory=list)
    fills: list[tuple[Any, ...]] = field(default_factory=list)
    cash: Any = None

    def decided(self) -> dict[str, str]:
        """By slot, a digest of the plan that was frozen: intents with their ids, and verdicts with their rulings."""
        done = [one for one in self.records if one.outcome is Outcome.COMPLETED and one.intents]
        return {one.slot: digest([one.intents, one.verdicts]) for one in done}


def live(plan: Plan, first: date = FIRST, last: date = LAST, feed: FeedSpec | None = None) -> Lived:
    """Every ring of the jobs that are enabled, each at its instant, by the code that schedules start."""
    desk = Desk(resolve(plan), load_settings(), None, feed or feed_spec(plan), account_spec(plan))
    now = [datetime(2025, 1, 1, tzinfo=UTC)]
    desk.clock = desk.now = lambda: now[0]
    desk.wait = lambda _: None
    lived = Lived()
    for planned, job in _rings(desk, first, last):
        now[0] = planned
        lived.records.append(perform(desk, job, f"{job}-{planned:%m%d-%H%M%S}", planned))
    fills = desk.history.fills(limit=100_000)
    lived.fills = sorted((one.time, one.symbol, *map(float, (one.signed, one.price, one.fee))) for one in fills)
    lived.cash = desk.broker().account().cash
    return lived


def _rings(desk: Desk, first: date, last: date) -> list[tuple[datetime, str]]:
    zone = exchange(desk.plan.window.exchange).zone
    start, end = (datetime.combine(day, datetime.min.time(), zone).astimezone(UTC) for day in (first, last))
    jobs = [job for job in ("trade", "exits", "orders") if desk.plan.rings(job).enabled]
    found = [(at, job) for job in jobs for at in desk.resolved.grids[job].between(start, end + timedelta(days=1))]
    return sorted(found, key=lambda ring: (ring[0], jobs.index(ring[1])))


def replayed(plan: Plan, first: date = FIRST, last: date = LAST, **changes: Any) -> Replayed:
    """The same sessions in a replay that keeps every decision."""
    around = Surroundings(load_settings().data, plan.window.exchange, lambda: datetime.now(UTC), plan.freshness.bars)
    return replay(Request(plan, feed_spec(plan).open(around), first, last, **{"keep": True, **changes}))


def decisions(found: Replayed) -> dict[str, str]:
    """As ``Lived.decided`` has them."""
    return {one.slot.key: digest([one.intents, one.verdicts]) for one in found.decisions if one.intents}


def executions(found: Replayed) -> list[tuple[Any, ...]]:
    """Fills as plain values, in floats, those of one instant in the order of their symbols."""
    fills = found.fills
    times = fills.times.astype("datetime64[us]").astype(object)
    rows = zip(times, fills.column, fills.signed, fills.price, fills.fee, strict=True)
    return sorted((time.replace(tzinfo=UTC), found.symbols[at], *map(float, numbers)) for time, at, *numbers in rows)


def plan_of(**changes: Any) -> Plan:
    """The plan with other parts."""
    return Plan.model_validate(PLAN | changes)
