"""Several lanes side by side: each a process that runs trials one after the other."""

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.faults.trial import Result, Trial

ROOT = Path(__file__).parents[2]
#: A lane forks, so it must have one thread only.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class LaneProcess:
    """One lane; leave it to end it. ``place`` holds what is left of trials with findings."""

    def __init__(self, place: Path) -> None:
        command = [sys.executable, "-m", "tests.faults.lane", str(place)]
        # Nothing of the installation of whoever runs this: a database named there would be traded into.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENBELL_")}
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=kept | _ONE_THREAD,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()

    def run(self, trial: Trial) -> Result:
        """Run one trial and wait for it."""
        self._process.stdin.write(trial.line() + "\n")
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the lane died with {self._process.wait()} in {trial}")
        return Result.of(answer)


def run_all(trials: Iterable[Trial], place: Path, lanes: int) -> Iterator[tuple[Trial, Result]]:
    """Run every trial, ``lanes`` at a time; results come as they are ready."""
    waiting: queue.SimpleQueue[Trial | None] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[Trial, Result] | BaseException | None] = queue.SimpleQueue()
    for trial in trials:
        waiting.put(trial)
    workers = [threading.Thread(target=_work, args=(place, waiting, done), daemon=True) for _ in range(lanes)]
    for worker in workers:
        waiting.put(None)
        worker.start()
    while lanes:
        found = done.get()
        if found is None:
            lanes -= 1
        elif isinstance(found, BaseException):
            raise found
        else:
            yield found


def _work(place: Path, waiting: queue.SimpleQueue, done: queue.SimpleQueue) -> None:
    try:
        with LaneProcess(place) as lane:
            while (trial := waiting.get()) is not None:
                done.put((trial, lane.run(trial)))
    except BaseException as error:  # noqa: BLE001  # whoever waits for results is told, whatever it was
        done.put(error)
    done.put(None)
