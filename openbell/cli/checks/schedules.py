"""The Prefect server and its schedules: not whether it says that it is well, but whether runs will come."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from openbell.cli.checks.findings import Finding, bounded, failed, ok, warning
from openbell.cli.checks.prefect_api import PAGE, Server
from openbell.errors import OpenbellError, ServerUnavailable
from openbell.stages.wording import count
from openbell.values.plan import Plan
from openbell.values.schedule import CADENCE
from openbell.values.time import as_utc, iso

#: A scheduled run that nobody has started after so long is late, and a worker that was silent for so long is gone.
LATE, SILENT = timedelta(seconds=60), timedelta(seconds=90)
Row = Mapping[str, Any]


def reach(server: Server | None) -> Finding:
    """Whether the server answers as one of Prefect."""
    if server is None:
        return failed("server", "no server is named", advice="set PREFECT_API_URL, such as http://127.0.0.1:4200/api")
    try:
        version = bounded(lambda: server.get("/version"))
    except OpenbellError as error:
        return failed("server", str(error))
    if not isinstance(version, str):
        return failed("server", f"{server.shown} did not answer as a server of Prefect does")
    return ok("server", f"{server.shown}, API {version[:20]}")


def schedules(plan: Plan, server: Server, now: datetime) -> Iterator[Finding]:
    """Deployments of the plan's jobs, their runs ahead, runs that wait, and who would start them."""
    try:
        rows = bounded(lambda: server.post("/deployments/filter", {}))
        mine = [row for row in rows if (row.get("parameters") or {}).get("plan") == plan.name]
        yield from _deployments(plan, mine)
        if working := [row for row in mine if _rings(row)]:
            yield bounded(lambda: _ahead(plan, server, working, now))
            yield bounded(lambda: _late(plan, server, working, now))
        for pool in sorted({str(row["work_pool_name"]) for row in working if row.get("work_pool_name")}):
            yield _worker(plan, server, pool, now)
    except OpenbellError as error:
        yield failed("deployments", str(error), plan.name)


def blocks(plan: Plan, server: Server) -> Iterator[Finding]:
    """Whether each block that the plan names is there; what it holds is not asked for."""
    named = [plan.account.block, plan.feed.block, *(use.block for use in plan.feed.fallback)]
    named += [target.to for target in plan.notify.targets if not target.to.startswith("env:")]
    for block in (name for name in named if name):
        kind, _, name = block.partition("/")
        path = f"/block_types/slug/{kind}/block_documents/name/{name}"
        try:
            bounded(lambda path=path: server.get(path))  # type: ignore[misc]
        except OpenbellError as error:
            gone = "404" in str(error)
            yield failed("blocks", f"{block} is not saved there" if gone else str(error), plan.name)
        else:
            yield ok("blocks", f"{block} is saved", plan.name)


def _rings(row: Row) -> bool:
    return not row.get("paused") and any(each.get("active") for each in row.get("schedules") or ())


def _job(row: Row) -> str:
    return str(row.get("entrypoint") or "").rpartition(".")[2].rpartition(":")[2]


def _deployments(plan: Plan, mine: Sequence[Row]) -> Iterator[Finding]:
    by_job = {_job(row): row for row in sorted(mine, key=_rings)}
    wanted = [job for job in CADENCE if plan.enabled and plan.rings(job).enabled]
    none = [job for job in wanted if job not in by_job]
    silent = [f"{job} ({by_job[job]['name']})" for job in wanted if job in by_job and not _rings(by_job[job])]
    if silent:
        yield failed("deployments", f"paused, or without an active schedule: {', '.join(silent)}", plan.name)
    if none:
        found = failed if "trade" in none else warning
        yield found("deployments", f"no deployment for {', '.join(none)}", plan.name)
    if not (silent or none):
        yield ok("deployments", f"{len(wanted)} jobs have one that rings", plan.name)


def _ahead(plan: Plan, server: Server, working: Sequence[Row], now: datetime) -> Finding:
    """The next run of each deployment; a scheduler that fails in each loop leaves none, whatever its server says."""
    coming = {str(row["name"]): _waiting(server, [row], {"after_": iso(now)}, 1) for row in working}
    if none := [name for name, runs in coming.items() if not runs]:
        return failed("schedule", f"no run is scheduled of {', '.join(none)}", plan.name)
    first = min(_instant(runs[0]["next_scheduled_start_time"]) for runs in coming.values())
    return ok("schedule", f"each of {len(coming)} deployments has runs ahead, the next at {iso(first)}", plan.name)


def _late(plan: Plan, server: Server, working: Sequence[Row], now: datetime) -> Finding:
    late = _waiting(server, working, {"before_": iso(now - LATE)}, PAGE)
    if not late:
        return ok("late", "no run waits", plan.name)
    number = count(len(late), "run") if len(late) < PAGE else f"at least {PAGE} runs"
    name = next(row["name"] for row in working if row["id"] == late[0]["deployment_id"])
    since = _instant(late[0]["next_scheduled_start_time"])
    return failed("late", f"{number} late, the first of {name} since {iso(since)}", plan.name)


def _waiting(server: Server, rows: Sequence[Row], when: Mapping[str, str], most: int) -> list[dict[str, Any]]:
    """Runs of some deployments that wait for their time or for somebody to start them, soonest first."""
    runs = {"state": {"type": {"any_": ["SCHEDULED"]}}, "next_scheduled_start_time": dict(when)}
    ids = {"id": {"any_": [row["id"] for row in rows]}}
    body = {"deployments": ids, "flow_runs": runs, "sort": "NEXT_SCHEDULED_START_TIME_ASC", "limit": most}
    return server.page("/flow_runs/filter", body)


def _worker(plan: Plan, server: Server, pool: str, now: datetime) -> Finding:
    if bounded(lambda: server.get(f"/work_pools/{pool}")).get("is_paused"):
        resume = f"`openbell-drain --pool {pool} --resume`, unless somebody is at work on it"
        return failed("worker", f"pool {pool} is paused: nothing starts, exits neither", plan.name, resume)
    rows = bounded(lambda: server.post(f"/work_pools/{pool}/workers/filter", {}))
    seen = [_instant(row["last_heartbeat_time"]) for row in rows if row.get("last_heartbeat_time")]
    if not seen:
        return failed("worker", f"no worker of pool {pool} was ever seen", plan.name)
    if now - max(seen) > SILENT:
        return failed("worker", f"no worker of pool {pool} was seen since {iso(max(seen))}", plan.name)
    return ok(
        "worker", f"one of pool {pool} was seen {max(0, int((now - max(seen)).total_seconds()))} s ago", plan.name
    )


def _instant(text: Any) -> datetime:
    try:
        return as_utc(datetime.fromisoformat(str(text)))
    except (ValueError, OpenbellError):
        raise ServerUnavailable(f"{str(text)[:40]!r} is no time as Prefect writes it") from None
