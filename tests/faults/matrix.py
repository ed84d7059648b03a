"""The crash matrix: every point x every behaviour of the broker x repetitions, and kills at random instants.

There is one for Alpaca on the fault broker, with and without unique ids, and one for Interactive Brokers on the
gateway double, which takes an id twice. ``make faults`` runs both, writes docs/crash-matrix.md and ends with 1 on any
violation.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.faults.lanes import ROOT, run_all
from tests.faults.points import POINTS, Point
from tests.faults.report import report
from tests.faults.trial import ALPACA, FAULTS, GATEWAY_FAULTS, IBKR, Result, Trial

REPORT = ROOT / "docs" / "crash-matrix.md"
#: A run with its look-ups takes about this long, in seconds; random kills fall anywhere in it.
SPAN = 0.9
KILLED_AT_RANDOM = "at a random instant"
#: What a venue may do: which one, whether its ids are unique, and the fault.
Way = tuple[str, bool, str]
WAYS: tuple[Way, ...] = (
    *((ALPACA, unique, fault) for unique in (True, False) for fault in FAULTS),
    *((IBKR, False, fault) for fault in GATEWAY_FAULTS),
)
#: Rows of the matrix, each with its results by what the venue does.
Cells = dict[str, dict[Way, list[Result]]]


def trials(repetitions: int, kills: int) -> Iterator[Trial]:
    """Every trial of a matrix, the same ones every time; the kills fall on both venues alike."""
    number = 0
    for repetition in range(repetitions):
        for point in POINTS.values():
            for venue, unique, fault in WAYS:
                number += 1
                # At the gateway a late order is an unknown outcome, and two of them stop a basket: no third is sent.
                reached = min(repetition, 1) if (venue, fault) == (IBKR, FAULTS[3]) else repetition
                yield Trial(point.scene, point.crashes(reached), fault, unique, number=number, venue=venue)
    dice = random.Random(2026)
    for _ in range(kills):
        number += 1
        venue, unique, fault = dice.choice(WAYS)
        yield Trial(fault=fault, unique=unique, kill_after=dice.uniform(0, SPAN), number=number, venue=venue)


def row_of(trial: Trial) -> str:
    """The row of the table that a trial counts in."""
    if not trial.crashes:
        return KILLED_AT_RANDOM
    return Point(trial.crashes[-1].partition(":")[0], (), "", scene=trial.scene).label


def checked(trial: Trial, result: Result) -> tuple[tuple[str, str], ...]:
    """The oracle's findings, and one more when the trial did not die where it was meant to."""
    missed = (("matrix", "a crash point was not reached"),) if result.kills < len(trial.crashes) else ()
    return result.findings + missed


def main() -> None:
    """Run the matrix."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--kills", type=int, default=100, help="kills at random instants")
    parser.add_argument("--lanes", type=int, default=4, help="trials at a time; most of a trial is waiting")
    parser.add_argument("--only", default="", help="points whose name holds this")
    parser.add_argument("--venue", choices=(ALPACA, IBKR), help="one venue only")
    parser.add_argument("--report", type=Path, default=REPORT)
    asked = parser.parse_args()
    every = trials(asked.repetitions, asked.kills)
    wanted = [t for t in every if asked.only in row_of(t) and asked.venue in (None, t.venue)]
    shared = Path("/dev/shm")
    place = Path(tempfile.mkdtemp(dir=shared if shared.is_dir() else None, prefix="openbell-faults-"))
    start = time.perf_counter()
    cells, bad = collect(wanted, place, asked.lanes)
    seconds = time.perf_counter() - start
    if not (asked.only or asked.venue):
        asked.report.write_text(report(cells, seconds, asked.lanes, sum(len(found) for _, found, _ in bad)))
    for trial, findings, folder in bad:
        for invariant, detail in findings:
            sys.stdout.write(f"{invariant} {trial.line()}: {detail} {folder}\n")
    sys.stdout.write(f"{len(wanted)} trials in {seconds:.0f} s, {len(bad)} with violations\n")
    if not bad:
        shutil.rmtree(place)
    sys.exit(1 if bad else 0)


def collect(wanted: list[Trial], place: Path, lanes: int) -> tuple[Cells, list[tuple[Trial, tuple, str]]]:
    """Run the trials and sort their results into the table; shows how far it is."""
    cells: Cells = defaultdict(lambda: defaultdict(list))
    bad = []
    for number, (trial, result) in enumerate(run_all(wanted, place, lanes), start=1):
        cells[row_of(trial)][trial.venue, trial.unique, trial.fault].append(result)
        if findings := checked(trial, result):
            bad.append((trial, findings, " ".join(result.notes)))
        if sys.stdout.isatty() or number % 50 == 0 or number == len(wanted):
            end = "\r" if sys.stdout.isatty() else "\n"
            sys.stdout.write(f"{number}/{len(wanted)} trials, {len(bad)} with violations  {end}")
            sys.stdout.flush()
    return cells, bad


if __name__ == "__main__":
    main()
