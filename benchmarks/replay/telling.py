"""The figures as tables: on the terminal while they come, and as a page for the docs."""

import os
import platform
from dataclasses import dataclass, field

from benchmarks.replay.common import Cost
from benchmarks.replay.growth import Growth
from benchmarks.replay.running import Run
from benchmarks.replay.sweeping import Sweep
from benchmarks.replay.workloads import Prices

WHAT = {
    "W1": "five real stocks, 2000 to 2013",
    "W2": "100 random walks x 2,520 sessions",
    "W3": "500 random walks x 2,520 sessions",
}


COLUMNS = (
    "engine",
    "CPU",
    "wall",
    "bars a CPU second",
    "openbell is faster by",
    "CPU of the whole process",
    "its wall",
    "peak",
    "fills",
    "cash",
)
COMMON = (
    "Sizes that follow the account or the price let few slots pass without an order, so that most are decided whole:",
    "sized and netted exactly, cleared by the rules at once where nothing binds, else order by order. A year of the",
    "prices of W2 with the limits as above, rebalanced from 250 of money on, the exits job on with its default rules;",
    "then the demo.",
    "",
)
HEAD = """# Replay against what one would pick instead

Taken and written by `make bench-replay` in one run. The work is the same for all: long while the mean of 20 closes is
above that of 50, decided at the close, filled at the next open, 100 shares, no commission, cash never short. Wall and
CPU are medians of the engine itself with prices in memory. Those of openbell hold all that a replay does: bars checked
row by row, window, signals, sizing, the gate with every rule, fills, ledger, curve, trades and statistics. Its quotes
are two cents wide, as the gate takes none without a spread, and its cash is shown with that cent of each share added
back. The peers have no gate, and no statistics but those that they cannot leave out. A whole process is its start,
imports, reading of the prices, and one run.

"""


@dataclass(slots=True)
class Page:
    """Lines of markdown, printed as they are added."""

    lines: list[str] = field(default_factory=list)

    def say(self, *lines: str) -> None:
        for line in lines:
            print(line, flush=True)
        self.lines += lines

    def workload(self, name: str, prices: Prices, runs: list[Run]) -> int:
        """A table of one workload; how many engines disagree with the reference."""
        self.say("", f"## {name}: {WHAT[name]}, {prices.bars:,} bars", "")
        self.say(f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|")
        done = [run for run in runs if not run.fault]
        ours = next((run for run in done if run.engine == "openbell"), None)
        truth = next((run for run in done if run.engine == "numpy bar loop"), done[0] if done else None)
        for run in runs:
            self.say(_row(run, prices.bars, ours))
        wrong = [run.engine for run in done if truth and (run.fills, run.cash) != (truth.fills, truth.cash)]
        self.say("", _agreed(wrong, done, truth))
        return len(wrong)

    def growth(self, found: Growth) -> None:
        """How time and memory of a replay grow."""
        self.say("", "## Growth", "", "| symbols x bars | CPU | wall | peak |", "|---|---|---|---|")
        for (symbols, bars), run in found.runs.items():
            self.say(f"| {symbols:,} x {bars:,} | {_time(run.cpu)} | {_time(run.wall)} | {run.peak:,.0f} MB |")
        self.say("", *found.lines())

    def common(self, found: list[Cost]) -> None:
        """What plans as people write them cost."""
        self.say("", "## Plans as people write them", "", *COMMON)
        self.say("| plan | CPU | bars a CPU second | slots decided | fills | CPU of a fill |", "|---" * 6 + "|")
        for one in found:
            rate, fill = f"{one.bars / one.cpu:,.0f}", f"{one.cpu / max(one.fills, 1) * 1e3:.2f} ms"
            self.say(f"| {one.name} | {_time(one.cpu)} | {rate} | {one.decided:,} | {one.fills:,} | {fill} |")

    def sweep(self, found: Sweep) -> None:
        """What a sweep costs."""
        self.say("", "## A sweep of parameters on W1", "", *found.lines())

    def text(self) -> str:
        """The page with its head."""
        machine = f"Machine: {os.cpu_count()} shared cores, {platform.machine()}, {platform.system()}, "
        machine += f"Python {platform.python_version()}. It is noisy: read the ratios, and CPU before wall."
        return "\n".join((HEAD + machine, *self.lines, ""))


def _row(run: Run, bars: int, ours: Run | None) -> str:
    if run.fault:
        return f"| {run.engine} | {run.fault} | | | | | | | | |"
    by = "" if ours is None or run is ours else f"{run.cpu / ours.cpu:,.3g} (wall {run.wall / ours.wall:,.3g})"
    cells = (
        run.engine,
        _time(run.cpu),
        _time(run.wall),
        f"{bars / run.cpu:,.0f}",
        by,
        f"{run.whole_cpu:.2f} s",
        f"{run.whole:.2f} s",
        f"{run.peak:,.0f} MB",
        f"{run.fills:,}",
        f"{run.cash:,.2f}",
    )
    return f"| {' | '.join(cells)} |"


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.1f} ms"


def _agreed(wrong: list[str], done: list[Run], truth: Run | None) -> str:
    if truth is None:
        return "Nothing ran."
    if wrong:
        return f"**{', '.join(wrong)} did not make the same trades as {truth.engine}.**"
    return f"All {len(done)} made {truth.fills:,} fills and end with {truth.cash:,.2f} in cash."
