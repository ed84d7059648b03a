"""How time and memory of openbell's replay grow with symbols and with bars, and what its command line takes."""

import math
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.replay.environments import CACHE
from benchmarks.replay.running import Contender, Run, run
from benchmarks.replay.workloads import walk

SYMBOLS, BARS = (100, 500, 1_000, 2_000), (1_260, 2_520, 5_040)
ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Growth:
    """Runs by (symbols, bars), and seconds that ``openbell replay --help`` took."""

    runs: dict[tuple[int, int], Run]
    help: float

    def lines(self) -> list[str]:
        """Exponents, memory of a bar, and the command line."""
        wide, long = (self._exponent((100, BARS[1]), (2_000, BARS[1])), self._exponent((100, BARS[0]), (100, BARS[-1])))
        few, many = self.runs[100, BARS[1]], self.runs[2_000, BARS[1]]
        each = (many.peak - few.peak) * 2**20 / (1_900 * BARS[1])
        return [
            f"- CPU grows with symbols (100 to 2,000) by an exponent of {wide:.2f}; goal at most 1.0",
            f"- CPU grows with bars ({BARS[0]:,} to {BARS[-1]:,}) by an exponent of {long:.2f}; goal at most 1.05",
            f"- memory of one bar of one symbol: {each:,.0f} bytes, trades included; goal at most 1,024",
            f"- `openbell replay --help`: {self.help:.2f} s; goal at most 0.5 s",
        ]

    def _exponent(self, small: tuple[int, int], large: tuple[int, int]) -> float:
        cells = math.prod(large) / math.prod(small)
        return math.log(self.runs[large].cpu / self.runs[small].cpu) / math.log(cells)


def growth(engine: Contender) -> Growth:
    sizes = [(symbols, BARS[1]) for symbols in SYMBOLS] + [(100, BARS[0]), (100, BARS[-1])]
    runs = {}
    for symbols, bars in sizes:
        path = CACHE / "prices" / f"{symbols}x{bars}.npz"
        if not path.exists():
            walk(symbols, bars).save(path)
        print(f"growth: {symbols} x {bars} ...", file=sys.stderr, flush=True)
        runs[symbols, bars] = run(engine, path, ROUNDS)
    return Growth(runs, _help())


def _help() -> float:
    command = [str(Path(sys.executable).with_name("openbell")), "replay", "--help"]
    taken = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run(command, capture_output=True, check=False)
        taken.append(time.perf_counter() - started)
    return sorted(taken)[2]
