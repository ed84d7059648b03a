"""From the moment a run is wanted to its first line: jobs of openbell against a bare flow of one task.

One server, one process worker, one deployment of each, run by hand and in turn. Each begins a while after the one
before has ended, so that no process still closing takes its time, in each round at another point between the worker's
looks, and each round begins with another of them. The pool is the one that openbell makes, which starts a run's process
at once; ``bare`` is started as Prefect does it on a pool of its own making, by way of a process that prepares it;
``direct`` is the same flow started as ours are.

``line`` is the first line of the flow's own code; ``claim`` is when the plan is read, the store open, the slot claimed
and the guards judged. Wall time is from the creation of the run, and so holds the worker's poll (up to a second, the
same for all); CPU time is that of the run's process alone, from its start.
"""

import json
import os
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.local import POOL, ROOT, LocalPrefect
from deployments.pools import TEMPLATE

ROUNDS, WARM = 6, 1
JOBS = ("trade", "exits", "orders")
GOAL = 1.2
#: Seconds in which any run must have ended.
PATIENCE = 180
#: Seconds in which the process of a run that has ended closes; the worker looks for runs once a second.
QUIET, LOOK = 2.0, 1.0

PLAN = """
name = "{name}"
universe = ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
[account]
name = "{name}"
[window]
exchange = "24/7"
grace = "24h"
[feed]
provider = "sample"
[freshness]
quotes = "30d"
bars = "30d"
[schedule]
trade = {{ every = "{every}" }}
[[strategies]]
use = "sma_crossover"
[sizing]
use = "weight_of_equity"
[notify]
enabled = false
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        local = LocalPrefect(Path(folder) / "prefect", Path(folder) / "store")
        plans = write_plans(Path(folder), [f"lag-{number}" for number in range(ROUNDS + WARM)])
        try:
            local.start_server(timeout=400)
            local.prefect("work-pool", "create", POOL, "--type", "process", "--base-job-template", str(TEMPLATE))
            local.start_worker()
            with temporary_settings({PREFECT_API_URL: f"{local.url}/api"}), get_client(sync_client=True) as client:
                print_ratios(measure(client, Path(folder), plans))
        finally:
            local.stop()


def write_plans(folder: Path, names: Sequence[str], every: str = "24h") -> list[str]:
    """A plan of the sample feed under each name, at work round the clock."""
    (folder / "plans").mkdir()
    for name in names:
        (folder / "plans" / f"{name}.toml").write_text(PLAN.format(name=name, every=every))
    return list(names)


def variables(folder: Path) -> dict[str, str]:
    """What a run's process needs besides what the worker has."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {"PYTHONPATH": path, "OPENBELL_PLANS": str(folder / "plans"), "LAG_MARKS": str(folder / "marks")}


def deploy(client: SyncPrefectClient, job: str, folder: Path, **options: Any) -> UUID:
    """A deployment of a marked flow, without a schedule."""
    return client.create_deployment(
        client.create_flow_from_name(job),
        f"bench-{job}",
        entrypoint=f"benchmarks._marked.{job}",
        work_pool_name=POOL,
        pull_steps=[],
        job_variables={"env": variables(folder), **options},
    )


def measure(client: SyncPrefectClient, folder: Path, plans: Sequence[str]) -> dict[str, list[dict[str, float]]]:
    """What each run took, by job and in seconds: wall and CPU at each mark."""
    deployed = {job: deploy(client, job, folder) for job in ("direct", *JOBS)}
    deployed = {"bare": deploy(client, "bare", folder, command=None), **deployed}
    taken: dict[str, list[dict[str, float]]] = {job: [] for job in deployed}
    for number, plan in enumerate(plans):
        for job in turned(list(deployed), number):
            parameters = {"plan": plan} if job in JOBS else {}
            time.sleep(QUIET + LOOK * number / len(plans))
            started = time.time()
            run = client.create_flow_run_from_deployment(deployed[job], parameters=parameters)
            wait(client, run.id)
            if number >= WARM:
                taken[job].append(marks(folder, started).get(str(run.id), {}))
    return taken


def turned(names: Sequence[str], by: int) -> list[str]:
    start = by % len(names)
    return [*names[start:], *names[:start]]


def wait(client: SyncPrefectClient, run: UUID) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        state = client.read_flow_run(run).state
        if state is not None and state.is_final():
            assert state.is_completed(), state
            return
        time.sleep(0.5)
    raise TimeoutError(f"run {run} did not end within {PATIENCE} s")


def marks(folder: Path, started: float) -> dict[str, dict[str, float]]:
    """Seconds from ``started`` to each mark, and CPU seconds at it, by run."""
    found: dict[str, dict[str, float]] = {}
    for line in (folder / "marks").read_text().splitlines():
        run, name, wall, cpu = json.loads(line)
        found.setdefault(run, {}).update({f"{name}": wall - started, f"{name} CPU": cpu})
    return found


def print_ratios(taken: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    """Medians of each job, and the median over the rounds of what they are times the bare run of the round."""
    for job, runs in taken.items():
        for name in [f"{mark}{kind}" for mark in ("line", "claim") for kind in ("", " CPU")]:
            if name not in runs[0]:
                continue
            seconds, to = [run[name] for run in runs], name.replace("claim", "line")
            ratios = [ratio(seconds, [run[to] for run in taken[bare]]) for bare in ("bare", "direct")]
            told = f"{job:8} {name:10} median {statistics.median(seconds):5.2f} s"
            goal = f"   (goal: at most {GOAL} of bare)" if job in JOBS and name == "line" else ""
            print(f"{told}, {ratios[0]:.2f} of bare, {ratios[1]:.2f} of direct{goal}")


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


if __name__ == "__main__":
    main()
