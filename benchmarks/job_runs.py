"""A warm run of each job but ``trade`` against a bare Prefect flow of one task, on one server.

Every job has one task. The plans trade round the clock, each with some positions of its own and a slot of its own in
each round, so that every run does its work. ``exits`` is started by hand: one look, no waiting for the next.
"""

import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from benchmarks.flow_run import child
from deployments.local import LocalPrefect

ROUNDS, WARM = 8, 2
PAUSE = 0.7
SYMBOLS = 20
JOBS = ("orders", "positions", "prices", "exits", "alerts", "snapshot", "recover", "heartbeat", "notify")
GOAL = 1.5

PLAN = """
name = "{name}"
universe = [{symbols}]
[account]
name = "{name}"
[window]
exchange = "24/7"
grace = "24h"
[feed]
provider = "files"
params = {{ path = "bars.csv", timeframe = "1d", stamp = "session", zone = "UTC" }}
[freshness]
quotes = "5d"
bars = "5d"
[schedule]
trade = {{ every = "24h" }}
[[strategies]]
use = "buy_and_hold"
[sizing]
use = "fixed_cash"
params = {{ notional = 500 }}
[risk]
max_positions = {count}
max_orders_per_run = {count}
[notify]
enabled = false
"""

RUN = """
import asyncio, sys, time
from importlib import import_module
flows = {{name: getattr(import_module("flows." + name), name) for name in {jobs}}}
for line in sys.stdin:
    job, plan = line.split()
    started = time.perf_counter()
    state = asyncio.run(flows[job](plan, return_state=True))
    took = time.perf_counter() - started
    assert state.name == "Completed", (job, state)
    print(took, flush=True)
"""
BARE = """
import asyncio, sys, time
from prefect import flow, task
from prefect.context import SyncClientContext
from tasks.policies import ONCE
stage = task(name="stage", **ONCE)(lambda: None)
@flow(persist_result=False)
async def bare():
    with SyncClientContext.get_or_create():
        stage()
for _ in sys.stdin:
    started = time.perf_counter(); asyncio.run(bare()); print(time.perf_counter() - started, flush=True)
"""
#: Fills the accounts, in a process of its own and without Prefect.
BUY = """
import sys
from openbell.desk import open_desk
from openbell.jobs.trading import trade
from openbell import store
from openbell.settings import load_settings
store.ensure(load_settings().url)
for name in sys.argv[1:]:
    record = trade(open_desk(name), "buy-" + name)
    assert len(record.fills) > 1, record
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        local = LocalPrefect(Path(folder) / "prefect", Path(folder) / "store")
        names = write_world(Path(folder))
        local.start_server()
        try:
            print_ratios(measure(local, Path(folder), names))
        finally:
            local.stop()


def write_world(folder: Path) -> list[str]:
    """One plan a round, and their common bars up to now."""
    symbols = [f"S{number:03d}" for number in range(SYMBOLS)]
    (folder / "plans").mkdir()
    names = [f"jobs-{number}" for number in range(ROUNDS + WARM)]
    for name in names:
        text = PLAN.format(name=name, count=SYMBOLS, symbols=", ".join(f'"{symbol}"' for symbol in symbols))
        (folder / "plans" / f"{name}.toml").write_text(text)
    random, today = np.random.default_rng(7), datetime.now(UTC).date()
    with (folder / "bars.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["symbol", "timestamp", "open", "high", "low", "close", "volume"])
        for symbol in symbols:
            closes = 50 * np.exp(np.cumsum(random.normal(0, 0.01, 250)))
            for back, close in zip(range(250, 0, -1), closes, strict=True):
                price = round(float(close), 2)
                rows.writerow([symbol, today - timedelta(days=back), price, price + 1, price - 1, price, 1000])
    return names


def measure(local: LocalPrefect, folder: Path, names: list[str]) -> dict[str, list[float]]:
    ours = {**local.environment, "OPENBELL_PLANS": str(folder / "plans"), "OPENBELL_DATA": str(folder)}
    subprocess.run([sys.executable, "-c", BUY, *names], env={**ours, "PYTHONPATH": os.getcwd()}, check=True)  # noqa: PTH109
    quietly = {**ours, "PREFECT_LOGGING_LEVEL": "WARNING"}
    run, bare = child(RUN.format(jobs=JOBS), quietly), child(BARE, quietly)
    taken: dict[str, list[float]] = {name: [] for name in ("bare", *JOBS)}
    for round_number, plan in enumerate(names):
        for job in JOBS:
            for name, process in (("bare", bare), (job, run)):
                seconds = ask(process, f"{job} {plan}")
                if round_number >= WARM:
                    taken[name].append(seconds)
                time.sleep(PAUSE)
    for process in (run, bare):
        process.communicate(timeout=60)
    return taken


def ask(process: subprocess.Popen[str], line: str) -> float:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def print_ratios(taken: dict[str, list[float]]) -> None:
    bare = taken.pop("bare")
    print(f"{'bare flow of one task':24} median {statistics.median(bare):.3f} s")
    for number, (job, seconds) in enumerate(taken.items()):
        ratios = [ours / other for ours, other in zip(seconds, bare[number :: len(taken)], strict=True)]
        ratio = statistics.median(ratios)
        print(f"{job:24} median {statistics.median(seconds):.3f} s, {ratio:.2f} times   (goal: at most {GOAL})")


if __name__ == "__main__":
    main()
