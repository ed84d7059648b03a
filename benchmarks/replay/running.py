"""One engine on one workload in a process of its own, watched from outside."""

import json
import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.replay.environments import PEERS, interpreter

#: A run that takes longer than this is given up.
PATIENCE = 1_200


@dataclass(frozen=True, slots=True)
class Contender:
    """A script that runs in an environment; ``rounds`` by workload, inside one process after a first one."""

    name: str
    environment: str
    script: Path
    rounds: dict[str, int]
    warm: bool = False


@dataclass(slots=True)
class Run:
    """What was measured, in seconds and MB; ``fault`` says why there is nothing."""

    engine: str
    fault: str = ""
    walls: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)
    peak: float = 0.0
    whole: float = 0.0
    whole_cpu: float = 0.0
    fills: int = 0
    cash: float = 0.0

    @property
    def wall(self) -> float:
        """Median of the rounds."""
        return statistics.median(self.walls)

    @property
    def cpu(self) -> float:
        """Median of the rounds."""
        return statistics.median(self.cpus)


def run(engine: Contender, prices: Path, rounds: int, *more: str) -> Run:
    """The engine's rounds on a file of prices, with what its whole process took."""
    python, fault = interpreter(engine.environment)
    if python is None:
        return Run(engine.name, fault)
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        command = [str(python), "-W", "ignore", str(engine.script), str(prices), str(rounds), *more]
        process = subprocess.Popen(command, stdout=out, stderr=err, cwd=PEERS.parents[2])
        status, used = _wait(process)
        whole = time.perf_counter() - started
        out.seek(0)
        err.seek(0)
        lines, faults = out.read().splitlines(), err.read().splitlines()
    if status or not lines:
        return Run(engine.name, f"stopped with {status}: {(faults or ['no word'])[-1][:100]}")
    said = json.loads(lines[-1])
    return Run(
        engine.name,
        walls=said["walls"],
        cpus=said["cpus"],
        peak=said["peak"],
        whole=whole,
        whole_cpu=used.ru_utime + used.ru_stime,
        fills=said["fills"],
        cash=said["cash"],
    )


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, "os.resource.struct_rusage"]:  # type: ignore[name-defined]
    deadline = time.monotonic() + PATIENCE
    while True:
        found, status, used = os.wait4(process.pid, os.WNOHANG)
        if found:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, used
        if time.monotonic() > deadline:
            process.kill()
        time.sleep(0.005)
