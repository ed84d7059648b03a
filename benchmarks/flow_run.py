"""A warm ``trade`` run (100 symbols, 5 strategies, paper, store on) against bare Prefect flows of five tasks.

Six calls take turns on one server: a trading run that wants some 70 orders and sends none (``quiet``: the gate
denies them); one that sends five (``busy``: each is three durable commits and a fill); one of a single symbol
(``one``: what is left when there is next to nothing to decide); a bare async flow of five empty tasks under the same
settings, with the techniques of our flows and as anybody writes it; a bare sync flow under Prefect's defaults.
"""

import csv
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from deployments.local import LocalPrefect
from openbell.calendar.exchange import exchange

ROUNDS = 24
PAUSE = 1.5
SYMBOLS = 100

PLAN = """
name = "{name}"
universe = [{symbols}]
[account]
name = "{name}"
[risk]
min_confidence = {confidence}
[feed]
provider = "files"
params = {{ path = "bars.csv", timeframe = "1d", stamp = "session", zone = "America/New_York" }}
[freshness]
quotes = "5d"
[schedule.trade]
cron = "35 9 * * 1-5"
zone = "America/New_York"
[[strategies]]
use = "sma_crossover"
weight = 0.2
[[strategies]]
use = "ts_momentum"
weight = 0.2
[[strategies]]
use = "xs_momentum"
weight = 0.2
[[strategies]]
use = "rsi_reversion"
weight = 0.2
[[strategies]]
use = "donchian_breakout"
weight = 0.2
"""

#: A child process: reads one line a call on standard input, answers with the seconds it took.
BARE_SYNC = """
import sys, time
from prefect import flow, task
tasks = [task(name=f"stage-{n}")(lambda: None) for n in range(5)]
@flow
def bare():
    for stage in tasks:
        stage()
for _ in sys.stdin:
    started = time.perf_counter(); bare(); print(time.perf_counter() - started, flush=True)
"""
BARE_ASYNC = """
import asyncio, sys, time
from prefect import flow, task
from prefect.context import SyncClientContext
from tasks.policies import ONCE
tasks = [task(name=f"stage-{n}", **ONCE)(lambda: None) for n in range(5)]
@flow(persist_result=False)
async def bare():
    with SyncClientContext.get_or_create():
        for stage in tasks:
            stage()
for _ in sys.stdin:
    started = time.perf_counter(); asyncio.run(bare()); print(time.perf_counter() - started, flush=True)
"""
#: Neither one client for all tasks nor word of caches and results, which our flows have.
BARE_PLAIN = """
import asyncio, sys, time
from prefect import flow, task
tasks = [task(name=f"stage-{n}")(lambda: None) for n in range(5)]
@flow
async def bare():
    for stage in tasks:
        stage()
for _ in sys.stdin:
    started = time.perf_counter(); asyncio.run(bare()); print(time.perf_counter() - started, flush=True)
"""
TRADE = """
import asyncio, sys, time
from datetime import datetime
from flows.trade import trade
for line in sys.stdin:
    as_of = datetime.fromisoformat(line.strip())
    started = time.perf_counter()
    state = asyncio.run(trade(PLAN, as_of, return_state=True))
    took = time.perf_counter() - started
    assert state.name == "Completed", state
    print(took, flush=True)
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        local = LocalPrefect(Path(folder) / "prefect", Path(folder) / "store")
        instants = write_world(Path(folder), ROUNDS + 2)
        local.start_server()
        try:
            print_ratios(measure(local, Path(folder), instants))
        finally:
            local.stop()


def write_world(folder: Path, runs: int) -> list[datetime]:
    """A plan and its bars; returns the instants to decide for."""
    symbols = [f"S{number:03d}" for number in range(SYMBOLS)]
    (folder / "plans").mkdir()
    for name, confidence, traded in (("quiet", 1, symbols), ("busy", 0.5, symbols), ("one", 1, symbols[:1])):
        listed = ", ".join(f'"{symbol}"' for symbol in traded)
        text = PLAN.format(name=name, confidence=confidence, symbols=listed)
        (folder / "plans" / f"{name}.toml").write_text(text)
    market = exchange("XNYS")
    last = market.last_complete(datetime.now(UTC))
    sessions = market.sessions(market.offset(last, -300), last)
    write_bars(folder / "bars.csv", symbols, sessions)
    return [at_open(session) for session in sessions[-runs:]]


def at_open(session: date) -> datetime:
    hours = exchange("XNYS").hours(session)
    assert hours is not None
    return hours.opens + timedelta(minutes=5)


def write_bars(path: Path, symbols: list[str], sessions: list[date]) -> None:
    noise = np.random.default_rng(7)
    closes = 50 * np.exp(np.cumsum(noise.normal(0, 0.015, (len(sessions), len(symbols))), axis=0))
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["symbol", "timestamp", "open", "high", "low", "close", "volume"])
        for row, session in enumerate(sessions):
            for column, symbol in enumerate(symbols):
                price = round(float(closes[row, column]), 2)
                rows.writerow([symbol, session, price, round(price * 1.01, 2), round(price * 0.99, 2), price, 1000])


def measure(local: LocalPrefect, folder: Path, instants: list[datetime]) -> dict[str, list[float]]:
    ours = {**local.environment, "OPENBELL_PLANS": str(folder / "plans"), "OPENBELL_DATA": str(folder)}
    kept = ("PREFECT_HOME", "PREFECT_API_URL")
    plain = {key: value for key, value in ours.items() if not key.startswith("PREFECT_") or key in kept}
    ours["PREFECT_LOGGING_LEVEL"] = "WARNING"
    children = {f"trade, {plan}": child(TRADE.replace("PLAN", f'"{plan}"'), ours) for plan in ("quiet", "busy", "one")}
    children["bare async, same settings"] = child(BARE_ASYNC, ours)
    children["bare async, plain"] = child(BARE_PLAIN, ours)
    children["bare sync, defaults"] = child(BARE_SYNC, plain)
    taken: dict[str, list[float]] = {name: [] for name in children}
    for round_number, instant in enumerate(instants):
        # In another order each time: what comes after a long call finds other caches than what comes after a short one.
        for name, process in random.Random(round_number).sample(list(children.items()), len(children)):
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{instant.isoformat()}\n")
            process.stdin.flush()
            seconds = float(process.stdout.readline())
            if round_number >= len(instants) - ROUNDS:
                taken[name].append(seconds)
            time.sleep(PAUSE)
    for process in children.values():
        process.communicate(timeout=60)
    return taken


def child(code: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**environment, "PYTHONPATH": os.getcwd()},  # noqa: PTH109
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if not os.environ.get("BENCH_VERBOSE") else None,
        text=True,
    )


def print_ratios(taken: dict[str, list[float]]) -> None:
    for name, seconds in taken.items():
        print(f"{name:28} median {statistics.median(seconds):.3f} s  ({min(seconds):.3f} to {max(seconds):.3f})")
    goals = {"bare async, same settings": 1.25, "bare async, plain": None, "bare sync, defaults": 0.35}
    for run in (name for name in taken if name.startswith("trade")):
        for name, goal in goals.items():
            ratio = statistics.median(ours / other for ours, other in zip(taken[run], taken[name], strict=True))
            print(f"{run:13} / {name:28} {ratio:.2f}" + (f"   (goal: at most {goal})" if goal else ""))


if __name__ == "__main__":
    main()
