"""The deployments of a plan's jobs, as the server has them and as the plan wants them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from prefect.utilities.callables import parameter_schema
from prefect.utilities.importtools import import_object

import openbell
from blocks.published import PUBLISHED
from deployments.local import POOL
from deployments.publish_server import Change, Server, differences
from openbell.calendar.bells import lasting
from openbell.calendar.exchange import exchange
from openbell.values.job import JOBS, TRADE
from openbell.values.plan import Plan
from openbell.values.schedule import CADENCE
from openbell.values.time import duration_text

#: Real money has workers of its own, with keys that no other worker has.
LIVE_POOL = f"{POOL}-live"
#: What looks after positions goes first when a pool is limited.
QUEUES = {"urgent": 1, "default": 2}
#: So that a run which falls silent is known by that, whatever the worker's own settings say.
BEAT = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}
#: A second run of a deployment waits; what waits too long ends as a skip by its own lateness guard.
COLLISION = {"collision_strategy": "ENQUEUE", "grace_period_seconds": 60}
SAMPLE = "Prices are samples: real daily bars of 2000 to 2013, re-dated."
WORDS = {
    "trade": "Trades plan {plan}: {description}. A closed market ends a run as Skipped.",
    "exits": "Looks at what plan {plan} holds, and closes what an exit rule closes.",
    "orders": "Follows every order of plan {plan} that is not terminal: fills, cancels, rejects.",
    "positions": "Compares the books of plan {plan} with its broker: clean, break or unknown.",
    "prices": "Values what plan {plan} holds at fresh quotes.",
    "alerts": "Judges the alerts on prices and indicators for plan {plan}, each once per bar.",
    "snapshot": "Takes the daily snapshot of plan {plan} after the close, after early closes too.",
    "recover": "Finishes what runs of plan {plan} that died left behind.",
    "heartbeat": "Writes down the slots of plan {plan} that nobody worked on, and tells of them.",
    "notify": "Sends the messages of plan {plan} that wait.",
    "replay": "Replays plan {plan} over past sessions, filled on paper; the report is an artifact of the run. The form "
    "asks for the range and for keys of the plan to set, such as risk.max_positions=3.",
}
#: No job of the plan: it has no slots and no bell, and runs when somebody asks.
REPLAY = "replay"


def pool_of(plan: Plan) -> str:
    """The work pool of a plan's runs."""
    return LIVE_POOL if plan.mode == "live" else POOL


def limit_of(plan: Plan) -> str:
    """The concurrency limit that the trading runs of all plans on one account share."""
    return f"openbell-account-{plan.account.broker}-{plan.account.name}"


def jobs_of(plan: Plan) -> list[str]:
    """The jobs that have a deployment: all but those that the plan switches off."""
    return [job for job in CADENCE if plan.rings(job).enabled]


def flows_of(plan: Plan) -> list[str]:
    """The flows of a plan that have a deployment."""
    return [*jobs_of(plan), REPLAY]


def name_of(plan: Plan, job: str) -> str:
    """``trade/demo``, ``exits/demo-exits``."""
    return f"{job}/{plan.name}" if job == TRADE.name else f"{job}/{plan.name}-{job}"


def wanted(plan: Plan, job: str) -> dict[str, Any]:
    """A deployment as Prefect's API has it, in the form of ``seen``."""
    flow = import_object(f"flows.{job}.{job}")
    trades = job == TRADE.name
    return {
        "description": f"{_words(plan, job)} {_rings(plan, job)}".rstrip(),
        "tags": sorted((PUBLISHED, plan.mode)),
        "parameters": {"plan": plan.name} | ({"as_of": None, "dry_run": False} if trades else {}),
        "schedules": _schedules(plan, job),
        "limit": limit_of(plan) if trades else 1,
        "concurrency_options": COLLISION,
        "work_pool_name": pool_of(plan),
        "work_queue_name": "urgent" if job in JOBS and JOBS[job].urgent else "default",
        "job_variables": {"env": BEAT},
        "entrypoint": f"flows.{job}.{job}",
        "version": openbell.__version__,
        "pull_steps": [],
        "parameter_openapi_schema": parameter_schema(flow).model_dump(mode="json", exclude_unset=True),
        "enforce_parameter_schema": True,
    }


def _words(plan: Plan, job: str) -> str:
    said = WORDS[job].format(plan=plan.name, description=(plan.description or plan.mode).rstrip("."))
    return f"{said} {SAMPLE}" if (job, plan.feed.provider) == (TRADE.name, "sample") else said


def _rings(plan: Plan, job: str) -> str:
    if job == REPLAY:
        return ""
    rings, market = plan.rings(job), exchange(plan.window.exchange)
    local = f"{market.code} ({market.zone.key})"
    if rings.cron:
        return f"Rings at {rings.cron} ({rings.zone or market.zone.key})."
    if rings.every:
        return f"Rings every {duration_text(rings.every)} of each session of {local}."
    return f"Rings at {', '.join(rings.at)} of each session of {local}."


def _schedules(plan: Plan, job: str) -> dict[str, str]:
    """Cron and zone by slug. A slug says nothing of the time: what somebody switched off stays off at another time."""
    lines = enumerate(() if job == REPLAY else lasting(plan, job, datetime.now(UTC)), start=1)
    return {f"{plan.name}-{job}" + (f"-{n}" if n > 1 else ""): f"{line.cron} {line.zone}" for n, line in lines}


def seen(present: Mapping[str, Any]) -> dict[str, Any]:
    """A deployment of the server in the form of ``wanted``."""
    limit = present["global_concurrency_limit"] or {}
    own = str(limit.get("name", "")).startswith("deployment:")
    variables = (present["job_variables"] or {}).get("env") or {}
    return {
        **present,
        "tags": sorted(present["tags"]),
        "description": (present["description"] or "").strip(),
        "schedules": {str(one["slug"]): _bell(one["schedule"]) for one in present["schedules"]},
        "limit": limit.get("limit") if own else limit.get("name"),
        "concurrency_options": {key: (present["concurrency_options"] or {}).get(key) for key in COLLISION},
        "job_variables": {"env": {key: variables.get(key) for key in BEAT}},
    }


def _bell(schedule: Mapping[str, Any]) -> str:
    return f"{schedule['cron']} {schedule['timezone']}" if "cron" in schedule else str(schedule)


def on_server(server: Server) -> dict[str, dict[str, Any]]:
    """Every deployment of a flow of ours by its name."""
    asked = {"flows": {"name": {"any_": [*CADENCE, REPLAY]}}}
    rows = (row for row in server.all("/deployments/filter", asked) if row["entrypoint"])
    return {f"{row['entrypoint'].rpartition('.')[2]}/{row['name']}": row for row in rows}


def deployment_changes(server: Server, plans: Sequence[Plan], every: Collection[str] | None) -> Iterator[Change]:
    """What of the plans' deployments is missing or otherwise, and what is left of plans and jobs that are gone.

    ``every`` are the names of all plans there are, None when only some were asked for.
    """
    present = on_server(server)
    names = {name_of(plan, job) for plan in plans for job in flows_of(plan)}
    of = {plan.name for plan in plans}
    for name, row in present.items():
        plan = row["parameters"].get("plan")
        left = plan in of or (every is not None and plan not in every)
        if PUBLISHED in row["tags"] and left and name not in names:
            yield Change("deployment", name, "remove", (), lambda row=row: _remove(server, row))
    for plan in plans:
        for job in flows_of(plan):
            yield from _change(server, plan, job, present.get(name_of(plan, job)))


def resumptions(server: Server, plans: Sequence[Plan]) -> Iterator[Change]:
    """Deployments of the plans that a person or an automation paused; Prefect itself has no button for that."""
    present = on_server(server)
    for name in (name_of(plan, job) for plan in plans for job in flows_of(plan)):
        if name in present and present[name]["paused"]:
            path = f"/deployments/{present[name]['id']}/resume_deployment"
            yield Change("deployment", name, "resume", (), partial(server.ask, "POST", path))


def _change(server: Server, plan: Plan, job: str, present: Mapping[str, Any] | None) -> Iterator[Change]:
    want = wanted(plan, job)
    found = differences(want, seen(present)) if present else ()
    if present is None or found:
        verb = "update" if present else "create"
        yield Change("deployment", name_of(plan, job), verb, found, lambda: _upsert(server, plan, job, want, present))


def _upsert(server: Server, plan: Plan, job: str, want: Mapping[str, Any], present: Mapping[str, Any] | None) -> None:
    """Prefect keeps the id of a deployment by flow and name; what is paused or switched off there stays so."""
    off = {one["slug"] for one in present["schedules"] if not one["active"]} if present else set()
    variables = (present or {}).get("job_variables") or {}
    body = {key: value for key, value in want.items() if key != "limit"} | {
        "name": name_of(plan, job).partition("/")[2],
        "flow_id": server.ask("POST", "/flows/", {"name": job})["id"],
        "paused": bool(present and present["paused"]),
        "schedules": [
            {"schedule": _cron(line), "active": slug not in off, "slug": slug}
            for slug, line in want["schedules"].items()
        ],
        "job_variables": {**variables, "env": {**(variables.get("env") or {}), **BEAT}},
    }
    server.ask("POST", "/deployments/", body | _limit(server, want["limit"], present))
    _tidy(server, want["limit"], present)


def _cron(line: str) -> dict[str, str]:
    cron, _, zone = line.rpartition(" ")
    return {"cron": cron, "timezone": zone}


def _limit(server: Server, wanted: str | int, present: Mapping[str, Any] | None) -> dict[str, Any]:
    if isinstance(wanted, str):
        return {"global_concurrency_limit_id": server.ask("GET", f"/v2/concurrency_limits/{wanted}")["id"]}
    shared = present is not None and not _own(present)
    return {"concurrency_limit": wanted} | ({"global_concurrency_limit_id": None} if shared else {})


def _tidy(server: Server, wanted: str | int, present: Mapping[str, Any] | None) -> None:
    """A limit of the deployment's own is left behind when it takes the account's."""
    if isinstance(wanted, str) and present and present["global_concurrency_limit"] and _own(present):
        server.ask("DELETE", f"/v2/concurrency_limits/{present['global_concurrency_limit']['id']}")


def _own(present: Mapping[str, Any]) -> bool:
    limit = present["global_concurrency_limit"]
    return bool(limit) and str(limit["name"]).startswith("deployment:")


def _remove(server: Server, row: Mapping[str, Any]) -> None:
    """Prefect deletes a deployment together with its limit, which other plans may share."""
    path = f"/deployments/{row['id']}"
    if not _own(row):
        server.ask("PATCH", path, {"global_concurrency_limit_id": None})
    server.ask("DELETE", path)
