"""A sweep of 200 parameter sets on W1 over both cores, against the same replays one after the other."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.replay.ours import ROOT, prepare
from benchmarks.replay.peers.measure import prices
from openbell.replay.request import Request
from openbell.replay.sweep.grid import parse_grid
from openbell.replay.sweep.sweep import Labour, sweep

#: 20 x 10 points.
GRID = ("fast=5:24:1", "slow=30:120:10")


@dataclass(frozen=True, slots=True)
class Sweep:
    """Seconds of both ways, the points, and the cores that the sweep used."""

    points: int
    jobs: int
    singly: float
    singly_cpu: float
    swept: float
    swept_cpu: float

    def lines(self) -> list[str]:
        """What it cost, and the goal."""
        share, cpu = self.swept / (self.singly / self.jobs), self.swept_cpu / self.singly_cpu
        return [
            f"- {self.points} replays one after the other: {self.singly:.2f} s, CPU {self.singly_cpu:.2f} s",
            f"- the sweep on {self.jobs} cores: {self.swept:.2f} s, CPU {self.swept_cpu:.2f} s",
            f"- {share:.2f} of the single runs divided by the cores (CPU: {cpu:.2f} of theirs); goal at most 1.2",
        ]


def measured(path: Path) -> Sweep:
    """In a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.replay.sweeping", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return Sweep(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    feed, plan, first, last = prepare(*prices(sys.argv[1]))
    request, grid, jobs = Request(plan, feed, first, last), parse_grid(plan, GRID), os.cpu_count() or 1
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for number in (1, jobs):
            wall, cpu = time.perf_counter(), _cpu()
            rows = sweep(request, grid, Labour(Path(folder) / f"{number}.jsonl", jobs=number)).rows
            found.append((time.perf_counter() - wall, _cpu() - cpu, [row.cash for row in rows]))
    (singly, singly_cpu, one), (swept, swept_cpu, other) = found
    assert one == other, "the sweep on several cores came to other numbers"
    said = Sweep(len(grid), jobs, singly, singly_cpu, swept, swept_cpu)
    print(json.dumps({name: getattr(said, name) for name in Sweep.__slots__}))


def _cpu() -> float:
    """Of this process and of those that it started."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main()
