"""What every script of this folder shares; numpy only, so that each environment has it."""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

#: The reference trade: means of the close, quantity, cash that is never short, how close two means are equal.
FAST, SLOW, QUANTITY, CASH, EQUAL = 20, 50, 100, 1_000_000_000, 1e-9


def prices(path):
    """Symbols, session closes (T,) and the five fields (5, T, N) of a workload."""
    kept = np.load(path)
    return kept["symbols"].tolist(), kept["closes"], kept["values"]


def peak_memory():
    """In MB; getrusage would count the process that started this one as well."""
    try:
        with Path("/proc/self/status").open() as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(run, prepare):
    """Time ``run(prepared)`` as often as asked on the command line: FILE [ROUNDS]; prints one line of JSON.

    ``prepare`` makes what the engine takes (frames, feeds) from the arrays and is not timed; ``run`` returns the
    number of fills and the cash that is left.
    """
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    data = prices(sys.argv[1])
    walls, cpus, found = [], [], None
    for _ in range(rounds):
        prepared = prepare(*data)
        wall, cpu = time.perf_counter(), time.process_time()
        found = run(prepared)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    peak = peak_memory()
    said = {"walls": walls, "cpus": cpus, "peak": peak, "fills": int(found[0]), "cash": round(float(found[1]), 2)}
    print(json.dumps(said))
