"""A lane of trials: imports everything once, then forks each attempt and kills it as a power cut would.

``python -m tests.faults.lane FOLDER`` reads one trial a line and answers with one result a line. The process that
forks has one thread and no connection open, so that a child begins as a fresh program would, only without its
start-up time.
"""

import gc
import os
import resource
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from openbell import store
from tests.faults import trader
from tests.faults.double import CANARY, Double
from tests.faults.evidence import Evidence, Expected, gather
from tests.faults.gateway import Gateway
from tests.faults.oracle import judge
from tests.faults.planted import PLANTED
from tests.faults.trial import EARLY, FROZEN, FULL, IBKR, ON_ACCEPT, Result, Trial, scene_of

#: Longer than any attempt takes (a cancel that nobody answers is waited for half a minute); what is still there hangs.
PATIENCE = 45.0
#: Attempts that may be needed until everything is settled, each of them undisturbed.
RESTARTS = 8
_POLL = 0.002
#: What is left to another attempt may need a moment.
_MOMENT = 0.05
ACTIONS = trader.ACTIONS | PLANTED
HUNG, KILLED, DONE = "hung", "killed", "done"


class Lane:
    """Runs trials in folders of their own below ``place``; those with findings are moved to ``kept``."""

    def __init__(self, place: Path, kept: Path) -> None:
        self.place, self.kept = place, kept
        self.template = place / "template.db"
        url = f"sqlite:///{self.template}"
        store.ensure(url)
        store.close(url)
        trader.warm()
        # A collection in a child would touch, and so copy, everything that the parent has imported.
        gc.collect()
        gc.freeze()

    def run(self, trial: Trial) -> Result:
        """One trial from an empty store to the judgement."""
        start = time.perf_counter()
        folder = Path(tempfile.mkdtemp(prefix="trial-", dir=self.place))
        shutil.copyfile(self.template, folder / "openbell.db")
        with _venue(trial, folder / "ledger.jsonl") as double:
            setup = trader.Setup(folder, double.url, datetime.now(UTC), trial.unique, venue=trial.venue)
            statuses = self._attempts(setup, trial, double)
        slots = trader.slots_of(setup.planned)
        result = _judged(folder, slots, trial, statuses, time.perf_counter() - start)
        if result.findings:
            shutil.move(folder, self.kept)
            return replace(result, notes=(str(self.kept / folder.name),))
        shutil.rmtree(folder)
        return result

    def _attempts(self, setup: trader.Setup, trial: Trial, double: Double | Gateway) -> list[str]:
        """What goes before, the attempts that are meant to die, and restarts until nothing is left to do."""
        scene, statuses = scene_of(trial.scene), []
        if scene.resting:
            double.resting()
        if scene.before:
            statuses.append(attempt(replace(setup, action=scene.before, resting=scene.resting), ""))
        double.hurt(trial.fault, cancels=scene.resting)
        statuses += self._disturbed(setup, trial, double, len(statuses))
        return statuses + self._undisturbed(replace(setup, action=scene.after), len(statuses))

    def _disturbed(self, setup: trader.Setup, trial: Trial, double: Double | Gateway, number: int) -> list[str]:
        """The attempts that are meant to die."""
        statuses: list[str] = []
        for place, crash in enumerate(trial.crashes):
            now = replace(setup, attempt=number + place, action=scene_of(trial.scene).action(place))
            if crash != EARLY:
                trader.run_out(setup)
            if crash == FROZEN:
                statuses += self._frozen(now, double)
            elif crash == ON_ACCEPT:
                double.hold_answers(seconds=1)
                statuses.append(attempt(now, "", lambda _elapsed: double.accepted() > 0))
            else:
                statuses.append(attempt(now, "" if crash == EARLY else crash))
        if trial.kill_after is not None:
            after = trial.kill_after
            statuses.append(attempt(setup, "", lambda elapsed: elapsed >= after))
        return statuses

    def _frozen(self, setup: trader.Setup, double: Double | Gateway) -> list[str]:
        """One is stopped as soon as the broker has its first order; another finishes; then the first goes on."""
        child, deadline = start(setup, ""), time.monotonic() + PATIENCE
        while double.accepted() == 0 and time.monotonic() < deadline:
            time.sleep(_POLL)
        _stop(child, setup)
        other = attempt(replace(setup, attempt=setup.attempt + 1), "")
        os.kill(child, signal.SIGCONT)
        wait_for(child)
        return [KILLED, other]

    def _undisturbed(self, setup: trader.Setup, number: int) -> list[str]:
        """Restarts until the trader says that nothing is left to do."""
        statuses: list[str] = []
        while not statuses or (statuses[-1] == str(trader.AGAIN) and len(statuses) < RESTARTS):
            trader.run_out(setup)
            time.sleep(_MOMENT * len(statuses))
            statuses.append(attempt(replace(setup, attempt=number + len(statuses)), ""))
        return statuses


def _venue(trial: Trial, ledger: Path) -> Double | Gateway:
    return Gateway(ledger) if trial.venue == IBKR else Double(ledger, trial.unique)


def attempt(setup: trader.Setup, crash: str, doomed: Callable[[float], bool] | None = None) -> str:
    """One process from start to end: ``done``, ``killed``, ``hung`` or its exit code."""
    return wait_for(start(setup, crash), doomed)


def start(setup: trader.Setup, crash: str) -> int:
    """Start one process; it is killed where ``crash`` says."""
    child = os.fork()
    if child == 0:
        _become(setup, crash)
    return child


def wait_for(child: int, doomed: Callable[[float], bool] | None = None) -> str:
    """How a process ended; it is killed when ``doomed`` says so, given the seconds that it has lived."""
    begun = time.perf_counter()
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        elapsed = time.perf_counter() - begun
        if ended:
            return _named(os.waitstatus_to_exitcode(status))
        if elapsed > PATIENCE or (doomed is not None and doomed(elapsed)):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return HUNG if elapsed > PATIENCE else KILLED
        time.sleep(_POLL)


def _stop(child: int, setup: trader.Setup) -> None:
    """Stop a process outside of any transaction, else nobody could work until it goes on, and end its lease."""
    deadline = time.monotonic() + PATIENCE
    while True:
        os.kill(child, signal.SIGSTOP)
        try:
            trader.run_out(setup, patience=_POLL)
        except sqlite3.OperationalError:
            os.kill(child, signal.SIGCONT)
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL)
        else:
            return


def _become(setup: trader.Setup, crash: str) -> None:
    """The child: plays its scene and leaves without any clean-up of the parent's."""
    code = 1
    try:
        point, _, room = crash.partition(":")
        # A full disk has no room for a log either.
        log = os.open(os.devnull if point == FULL else setup.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        if point == FULL:
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(room) * 1024, resource.RLIM_INFINITY))
        elif crash:
            os.environ["OPENBELL_TEST_CRASH"] = crash
        code = trader.play(setup, ACTIONS[setup.action])
    except BaseException:  # noqa: BLE001  # whatever it was, the child must not go on as its parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _named(code: int) -> str:
    return {0: DONE, -signal.SIGKILL: KILLED}.get(code, str(code))


def _judged(folder: Path, slots: tuple[str, ...], trial: Trial, statuses: list[str], seconds: float) -> Result:
    outputs = tuple(path for path in folder.rglob("*") if path.is_file() and path.name != "ledger.jsonl")
    evidence = gather(folder / "ledger.jsonl", folder / "openbell.db", outputs)
    settled = statuses[-1] == DONE
    expected = Expected(settled, slots, (CANARY,), trader.LIMIT, scene_of(trial.scene).flat)
    findings = [(finding.invariant, finding.detail) for finding in judge(evidence, expected)]
    if not settled:
        findings.append(("liveness", f"not settled after {len(statuses)} attempts ({', '.join(statuses)})"))
    return Result(
        kills=statuses.count(KILLED),
        attempts=len(statuses),
        settled=settled,
        seconds=round(seconds, 3),
        findings=tuple(findings),
        **_counts(evidence),
    )


def _counts(evidence: Evidence) -> dict[str, Any]:
    runs = Counter(f"{row['outcome']} {row['code']}".strip() for row in evidence["runs"])
    counts = {
        "orders": len(evidence["orders"]),
        "placed": len(evidence.ledger.placed),
        "runs": dict(runs),
        "recovered": 0,
        "resent": 0,
        "abandoned": 0,
    }
    for row in evidence["orders"]:
        states = [event["state"] for event in evidence.events(row["client_id"])]
        counts["recovered"] += "unknown" in states and "acked" in states[states.index("unknown") :]
        counts["resent"] += states.count("sending") > 1
        counts["abandoned"] += states[-1] == "abandoned" and "sending" in states
    return counts


def main() -> None:
    """Answer trials until the input ends."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1], prefix="lane-") as place:
        lane = Lane(Path(place), Path(sys.argv[1]))
        for line in sys.stdin:
            sys.stdout.write(lane.run(Trial.of(line)).line() + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
