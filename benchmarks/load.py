"""Runs per minute that one worker host sustains for the job mix of ten plans, against bare runs of one task.

A batch is what the bells of ten plans ask for in one minute at the usual cadence: 33 runs, each of a plan that has none
of that job in the same slot. One server and one worker on this machine work batches off, two runs at once for each
core; batches of as many bare runs, started in the same way, take turns with them.
``python -m benchmarks.load --minutes 10`` measures longer.

What is left out is sleep: a run of ``exits`` that is rung by its schedule looks again 30 seconds later.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.settings import PREFECT_API_URL, temporary_settings

from benchmarks.lag import deploy, write_plans
from deployments.local import POOL, LocalPrefect
from deployments.pools import TEMPLATE

PLANS, MINUTES, MOST_ROUNDS = 10, 2.0, 20
#: Runs of one minute; ``trade`` rings every 15 minutes, and what has 2 every five.
MIX = {"exits": 10, "orders": 10, "positions": 2, "prices": 2, "alerts": 2, "recover": 2, "heartbeat": 2, "notify": 2}
MIX |= {"trade": 1}
AT_ONCE = 2 * (os.cpu_count() or 1)
#: Seconds in which a batch must have ended.
PATIENCE = 900
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Batch:
    """What a batch took, in seconds: wall, CPU of runs and worker, CPU of the server; and how its runs ended."""

    wall: float
    cpu: float
    server: float
    states: Counter[str]


def main(minutes: float = MINUTES) -> None:
    with tempfile.TemporaryDirectory() as folder:
        local = LocalPrefect(Path(folder) / "prefect", Path(folder) / "store")
        plans = [f"load-{number}" for number in range(PLANS * (MOST_ROUNDS + 1))]
        write_plans(Path(folder), plans, every="15m")
        try:
            local.start_server(timeout=400)
            local.prefect("work-pool", "create", POOL, "--type", "process", "--base-job-template", str(TEMPLATE))
            local.prefect("work-pool", "set-concurrency-limit", POOL, str(AT_ONCE))
            local.start_worker()
            with temporary_settings({PREFECT_API_URL: f"{local.url}/api"}), get_client(sync_client=True) as client:
                print_ratios(*measure(client, Path(folder), plans, minutes))
        finally:
            local.stop()


def measure(
    client: SyncPrefectClient, folder: Path, plans: list[str], minutes: float
) -> tuple[list[Batch], list[Batch]]:
    """Batches of ours and of bare runs, in turn and for so many minutes; at least one of each."""
    deployed = {job: deploy(client, job, folder) for job in ("direct", *MIX)}
    # The first run makes the store and keeps the sessions of the day.
    work_off(client, [client.create_flow_run_from_deployment(deployed["orders"], parameters={"plan": plans[-1]}).id])
    ours, theirs, deadline = [], [], time.monotonic() + 60 * minutes
    while not ours or (time.monotonic() < deadline and len(ours) < MOST_ROUNDS):
        mine = plans[PLANS * len(ours) :][:PLANS]
        asked = [(job, {"plan": plan}) for job, count in MIX.items() for plan in mine[:count]]
        ours.append(batch(client, [(deployed[job], parameters) for job, parameters in asked]))
        theirs.append(batch(client, [(deployed["direct"], {}) for _ in asked]))
    return ours, theirs


def batch(client: SyncPrefectClient, asked: list[tuple[UUID, dict[str, str]]]) -> Batch:
    started, before = time.perf_counter(), cpu()
    runs = [client.create_flow_run_from_deployment(which, parameters=given).id for which, given in asked]
    states = work_off(client, runs)
    wall, after = time.perf_counter() - started, cpu()
    return Batch(wall, after[1] - before[1], after[0] - before[0], states)


def work_off(client: SyncPrefectClient, runs: list[UUID]) -> Counter[str]:
    """Wait for the end of runs; the names of their states."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        rows = client.read_flow_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=runs)), limit=200)
        if all(row.state is not None and row.state.is_final() for row in rows):
            return Counter(str(row.state_name) for row in rows)
        time.sleep(1)
    raise TimeoutError(f"{len(runs)} runs did not end within {PATIENCE} s")


def cpu() -> tuple[float, float]:
    """CPU seconds of the server, and of the worker with all the runs that have ended: our two children, in order."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    server, worker = (Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split() for child in children[:2])
    return sum(map(int, server[11:13])) / TICKS, sum(map(int, worker[11:15])) / TICKS


def print_ratios(ours: list[Batch], theirs: list[Batch]) -> None:
    count, cores = sum(MIX.values()), os.cpu_count() or 1
    for name, batches in (("ten plans", ours), ("bare", theirs)):
        wall, runs, server = (
            statistics.median(getattr(one, part) for one in batches) for part in ("wall", "cpu", "server")
        )
        states = ", ".join(
            f"{number} {state}" for state, number in sum((one.states for one in batches), Counter()).items()
        )
        print(f"{name:10} {60 * count / wall:.1f} runs a minute, {AT_ONCE} at once ({states})")
        print(f"{'':10} CPU of a run {runs / count:.2f} s, and {server / count:.2f} s of the server")
        print(f"{'':10} {cores} cores to themselves: {60 * cores * count / (runs + server):.0f} runs a minute")
    ratios = [(one.wall / other.wall, one.cpu / other.cpu) for one, other in zip(ours, theirs, strict=True)]
    rate, work = (statistics.median(side) for side in zip(*ratios, strict=True))
    print(f"ten plans / bare: {1 / rate:.2f} times the runs a minute, {work:.2f} times the CPU of a run")
    print(f"ten plans ask for {count} runs a minute")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="how long batches are begun")
    main(parser.parse_args().minutes)
