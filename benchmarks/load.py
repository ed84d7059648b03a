"""Runs per minute that one worker host sustains: every job of ten plans at its usual cadence, against bare runs.

Ten published plans on the sample feed trade round the clock, so that every bell rings and every run does its work. One
server and one worker, on this machine. Then as many bare flows of one task a minute, on the same pool and started in
the same way. What counts are whole minutes after one of warming up. ``python -m benchmarks.load --minutes 5`` measures
longer.

A run is late by the time from its planned instant to its start. Where the runs of the last minute are later than those
of the first, the machine does not keep up, and what it finished is what it can; where they are not, it could do more,
up to what the CPU time of a run allows.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Scheduled

from benchmarks.lag import deploy, variables, write_plans
from deployments.local import ROOT, LocalPrefect

PLANS, MINUTES = 10, 2
MINUTE = timedelta(minutes=1)
#: Seconds after which whatever still runs is left alone.
PATIENCE = 300
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measured:
    """What whole minutes of one kind of runs came to: runs due and finished, seconds late and of CPU."""

    due: int
    finished: int
    minutes: int
    late: list[float]
    runs_cpu: float
    server_cpu: float
    states: Mapping[str, int]

    @property
    def cpu(self) -> float:
        """CPU seconds of one run: its own process and the worker's."""
        return self.runs_cpu / max(1, self.finished)


def main(minutes: int = MINUTES) -> None:
    with tempfile.TemporaryDirectory() as folder:
        local = LocalPrefect(Path(folder) / "prefect", Path(folder) / "store")
        write_plans(Path(folder), [f"load-{number}" for number in range(PLANS)], every="15m")
        local.start_server(timeout=400)
        try:
            with temporary_settings({PREFECT_API_URL: f"{local.url}/api"}), get_client(sync_client=True) as client:
                ours, theirs = measure(local, client, Path(folder), minutes)
        finally:
            local.stop()
    print_ratios(ours, theirs)


def measure(local: LocalPrefect, client: SyncPrefectClient, folder: Path, minutes: int) -> tuple[Measured, Measured]:
    os.environ |= variables(folder)
    subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "deployments.publish"],
        cwd=ROOT, env=local.environment, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    local.start_worker()
    ours = counted(client, minutes, lambda _: None)
    for row in client.read_deployments():
        client.pause_deployment(row.id)
    settle(client)
    bare, each = deploy(client, "bare", folder), round(ours.due / minutes)
    return ours, counted(client, minutes, lambda due: ring(client, bare, each, due))


def ring(client: SyncPrefectClient, bare: Any, each: int, due: datetime) -> None:
    """Bare runs of one minute, wanted at its beginning as ours are."""
    for _ in range(each):
        client.create_flow_run_from_deployment(bare, state=Scheduled(scheduled_time=due))


def counted(client: SyncPrefectClient, minutes: int, wanted: Callable[[datetime], None]) -> Measured:
    """Whole minutes after one of warming up; ``wanted`` asks for the runs of the minute that is about to begin."""
    begin = datetime.now(UTC).replace(second=0, microsecond=0) + 2 * MINUTE
    wanted(begin - MINUTE)
    until(begin - timedelta(seconds=20))
    before = cpu()
    for number in range(minutes):
        wanted(begin + number * MINUTE)
        until(begin + (number + 1) * MINUTE - timedelta(seconds=20))
    server, runs = (now - then for now, then in zip(cpu(), before, strict=True))
    end = begin + minutes * MINUTE
    until(end)
    rows = runs_of(client, begin, end)
    ended = [row.end_time for row in runs_of(client, begin - MINUTE, end) if row.end_time]
    finished = sum(begin <= instant < end for instant in ended)
    states = Counter(str(row.state_name) for row in rows)
    return Measured(len(rows), finished, minutes, lateness(rows, begin, minutes), runs, server, states)


def lateness(rows: Sequence[FlowRun], begin: datetime, minutes: int) -> list[float]:
    """Median seconds from the planned instant to the start, minute by minute; a run that has not begun is as late."""
    now, late = datetime.now(UTC), []
    for number in range(minutes):
        start = begin + number * MINUTE
        mine = [row for row in rows if start <= row.expected_start_time < start + MINUTE]
        spans = [((row.start_time or now) - row.expected_start_time).total_seconds() for row in mine]
        late.append(statistics.median(spans))
    return late


def runs_of(client: SyncPrefectClient, begin: datetime, end: datetime) -> list[FlowRun]:
    """Runs planned from ``begin`` to before ``end``."""
    asked = FlowRunFilter(
        expected_start_time=FlowRunFilterExpectedStartTime(after_=begin, before_=end - timedelta(microseconds=1))
    )
    rows: list[FlowRun] = []
    while page := client.read_flow_runs(flow_run_filter=asked, limit=200, offset=len(rows)):
        rows += page
    return rows


def cpu() -> tuple[float, float]:
    """CPU seconds of the server, and of the worker with all the runs that have ended: our two children, in order."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    server, worker = (Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split() for child in children[:2])
    return sum(map(int, server[11:13])) / TICKS, sum(map(int, worker[11:15])) / TICKS


def until(instant: datetime) -> None:
    time.sleep(max(0.0, (instant - datetime.now(UTC)).total_seconds()))


def settle(client: SyncPrefectClient) -> None:
    """Wait for what is still at work; what has not begun was taken back with the pause of its deployment."""
    deadline = time.monotonic() + PATIENCE
    at_work = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING]))
    )
    while time.monotonic() < deadline and client.read_flow_runs(flow_run_filter=at_work, limit=1):
        time.sleep(2)


def print_ratios(ours: Measured, theirs: Measured) -> None:
    cores = os.cpu_count() or 1
    for name, one in (("ten plans", ours), ("bare", theirs)):
        late = " to ".join(f"{seconds:.1f}" for seconds in (one.late[0], one.late[-1]))
        states = ", ".join(f"{count} {state}" for state, count in sorted(one.states.items()))
        print(f"{name:10} {one.finished / one.minutes:5.1f} runs a minute of {one.due / one.minutes:.1f} due; {states}")
        print(f"{'':10} late by {late} s (median, first minute to last)")
        server = one.server_cpu / max(1, one.finished)
        print(f"{'':10} CPU of a run {one.cpu:.2f} s, and {server:.2f} s of the server")
        print(f"{'':10} {cores} cores to themselves could do {60 * cores / (one.cpu + server):.0f} a minute")
    print(
        f"ten plans / bare: {ours.finished / max(1, theirs.finished):.2f} times the runs a minute, "
        f"{ours.cpu / theirs.cpu:.2f} times the CPU of a run"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--minutes", type=int, default=MINUTES, help="whole minutes to measure, of each kind")
    main(parser.parse_args().minutes)
