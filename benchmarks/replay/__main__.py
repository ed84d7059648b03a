"""``make bench-replay``: openbell's replay and its peers on the same prices, and whether all made the same trades.

Everything is measured in one run on one machine: wall and CPU of the engine itself (prices in memory), of its whole
process, and its peak memory. The peers get environments of their own under ``var/peers``.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.replay.common import measured as measured_common
from benchmarks.replay.environments import CACHE, PEERS
from benchmarks.replay.growth import growth
from benchmarks.replay.running import Contender, Run, run
from benchmarks.replay.sweeping import measured as measured_sweep
from benchmarks.replay.telling import Page
from benchmarks.replay.workloads import load, made

OURS = Path(__file__).with_name("ours.py")
#: How often each engine runs inside one process, by workload; a first round of a process is reported where it differs.
ENGINES = (
    Contender("numpy bar loop", "own", PEERS / "numpy_loop.py", {"W1": 9, "W2": 9, "W3": 9}),
    Contender("openbell", "own", OURS, {"W1": 9, "W2": 9, "W3": 5}),
    Contender("vectorbt", "vectorbt", PEERS / "vectorbt_run.py", {"W1": 10, "W2": 10, "W3": 6}, warm=True),
    Contender("Backtesting.py", "backtesting", PEERS / "backtesting_run.py", {"W1": 3, "W2": 1, "W3": 1}),
    Contender("backtrader", "backtrader", PEERS / "backtrader_run.py", {"W1": 3, "W2": 1, "W3": 1}),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-replay", description=__doc__)
    parser.add_argument("--only", choices=["W1", "W2", "W3"], action="append", help="these workloads only")
    parser.add_argument("--without", action="append", default=[], help="leave out an engine by name")
    parser.add_argument("--no-growth", action="store_true", help="leave out growth and the command line")
    parser.add_argument("--write", type=Path, help="write the page to this file as well")
    asked = parser.parse_args()
    page, wrong = Page(), 0
    for workload in asked.only or ["W1", "W2", "W3"]:
        runs = [found for engine in ENGINES if engine.name not in asked.without for found in measured(engine, workload)]
        wrong += page.workload(workload, load(made(workload, CACHE / "prices")), runs)
    if not asked.no_growth:
        page.common(measured_common(made("W2", CACHE / "prices")))
        page.growth(growth(ENGINES[1]))
        page.sweep(measured_sweep(made("W1", CACHE / "prices")))
    if asked.write:
        asked.write.write_text(page.text())
    return 1 if wrong else 0


def measured(engine: Contender, workload: str) -> list[Run]:
    """The whole process with one round, then the rounds of a warm one; cold and warm apart where they differ."""
    prices = made(workload, CACHE / "prices")
    print(f"{workload}: {engine.name} ...", file=sys.stderr, flush=True)
    once, rounds = run(engine, prices, 1), engine.rounds[workload]
    if once.fault or rounds == 1:
        return [once]
    often = run(engine, prices, rounds)
    often.whole, often.whole_cpu, often.peak = once.whole, once.whole_cpu, once.peak
    if engine.warm:
        often.walls, often.cpus = often.walls[1:], often.cpus[1:]
        once.engine, often.engine = f"{engine.name}, cold", f"{engine.name}, warm"
        return [often, once]
    return [often]


if __name__ == "__main__":
    sys.exit(main())
