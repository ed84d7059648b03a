"""Plans as people write them, whose sizes go by the account: what a slot that trades costs. FILE OF W2 [ROUNDS]."""

import gc
import json
import statistics as middle
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.replay.ours import LIMITS, ROOT, PanelFeed, prepare
from benchmarks.replay.peers.measure import prices
from openbell.calendar.exchange import exchange
from openbell.feeds.sample import SampleFeed
from openbell.planfiles import load
from openbell.replay.request import Request
from openbell.replay.run import replay
from openbell.replay.statistics import statistics
from openbell.values.bars import Timeframe
from openbell.values.plan import Plan

#: Three opinions, a percent of equity each, exits on as a plan has them without a word, and the limits of ``ours``.
COMMON: dict[str, Any] = {
    "account": {"params": {"cash": 1_000_000, "slippage_bps": 2}},
    "schedule": {"trade": {"at": ["open"]}},
    "lookback": 80,
    "strategies": [
        {"use": "sma_crossover", "weight": 0.4, "params": {"fast": 20, "slow": 50}},
        {"use": "rsi_reversion", "weight": 0.3, "params": {"window": 14}},
        {"use": "donchian_breakout", "weight": 0.3, "params": {"entry": 40, "exit": 20}},
    ],
    "sizing": {"use": "weight_of_equity", "params": {"weight": 0.01}, "min_trade": 250, "max_trade": 100_000},
    "risk": LIMITS,
}
SIZERS: dict[str, dict[str, Any]] = {
    "weight_of_equity": {"weight": 0.01},
    "fixed_cash": {"notional": 10_000},
    "volatility_target": {"annual_volatility": 0.1, "lookback_bars": 60, "max_weight": 0.01},
}


#: Sessions of W2 that are replayed.
SESSIONS = 252


@dataclass(frozen=True, slots=True)
class Cost:
    """One plan's replay: seconds of CPU, bars, slots that were decided, fills, and cash at the end."""

    name: str
    cpu: float
    bars: int
    decided: int
    fills: int
    cash: str


def measured(path: Path, rounds: int = 3) -> list[Cost]:
    """In a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.replay.common", str(path), str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return [Cost(**json.loads(line)) for line in done.stdout.splitlines()]


def costs(path: Path, rounds: int) -> Iterator[Cost]:
    """Each plan on a year of the prices of W2, and the demo over all of the sample."""
    for name, asked in _requests(path):
        taken = []
        for _ in range(rounds):
            gc.collect()
            started = time.process_time()
            found = replay(asked)
            statistics(found)
            taken.append(time.process_time() - started)
        cells = found.bars.close.size
        yield Cost(name, middle.median(taken), cells, found.decided, len(found.fills), str(found.closing_cash))


def _requests(path: Path) -> Iterator[tuple[str, Request]]:
    feed, plan, first, _ = prepare(*prices(str(path)))
    last = exchange("XNYS").offset(first, SESSIONS - 1)
    for name, params in SIZERS.items():
        sizing = COMMON["sizing"] | {"use": name, "params": params}
        yield f"three strategies, {name}, exits", _asked(plan, feed, first, last, COMMON | {"sizing": sizing})
    alone = COMMON | {
        "strategies": COMMON["strategies"][:1],
        "schedule": COMMON["schedule"] | {"exits": {"enabled": False}},
    }
    yield "one strategy, weight_of_equity, no exits", _asked(plan, feed, first, last, alone)
    yield "the demo on all of its prices", _demo()


def _asked(plan: Plan, feed: PanelFeed, first: date, last: date, changes: dict[str, Any]) -> Request:
    base = {"name": "common", "universe": list(plan.universe)}
    return Request(Plan.model_validate(base | changes), feed, first, last)


def _demo() -> Request:
    plan, feed, market = load(ROOT / "deployments" / "plans" / "demo.toml"), SampleFeed(), exchange("XNYS")
    last = date(2026, 7, 15)
    history = feed.history(plan.universe, Timeframe("1d"), 50, market.hours(last).closes)
    return Request(plan, feed, market.offset(last, 1 - len(history.bars)), last, cash=Decimal(100_000))


def main() -> None:
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    for cost in costs(Path(sys.argv[1]), rounds):
        print(json.dumps({name: getattr(cost, name) for name in Cost.__slots__}), flush=True)


if __name__ == "__main__":
    main()
