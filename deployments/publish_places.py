"""Where runs go: work pools, their queues, and one limit for each account."""

import json
from collections.abc import Iterator, Sequence
from functools import partial

from deployments.pools import TEMPLATE
from deployments.publish_deployments import QUEUES, limit_of, pool_of
from deployments.publish_server import Change, Server, differences
from openbell.values.plan import Plan

#: At most so many trading runs of one account at a time.
ONE = {"limit": 1, "active": True}


def place_changes(server: Server, plans: Sequence[Plan]) -> Iterator[Change]:
    """What of the pools, queues and limits that the plans need is missing or otherwise."""
    for pool in sorted({pool_of(plan) for plan in plans}):
        yield from _pool(server, pool)
        for queue, priority in QUEUES.items():
            yield from _queue(server, pool, queue, priority)
    for limit in sorted({limit_of(plan) for plan in plans}):
        yield from _limit(server, limit)


def _pool(server: Server, pool: str) -> Iterator[Change]:
    """One that is there stays as it is: its type is the operator's choice, and so is whether it is paused."""
    if server.ask("GET", f"/work_pools/{pool}") is None:
        made = {"name": pool, "type": "process", "description": "Runs of openbell's plans."}
        made["base_job_template"] = json.loads(TEMPLATE.read_text())
        yield Change("work pool", pool, "create", (), lambda: server.ask("POST", "/work_pools/", made))


def _queue(server: Server, pool: str, queue: str, priority: int) -> Iterator[Change]:
    path, body = f"/work_pools/{pool}/queues", {"priority": priority}
    present = server.ask("GET", f"{path}/{queue}")
    if present is None:
        yield Change(
            "work queue", f"{pool}/{queue}", "create", (), lambda: _add_queue(server, path, {"name": queue, **body})
        )
    elif found := differences(body, present):
        yield Change(
            "work queue", f"{pool}/{queue}", "update", found, lambda: server.ask("PATCH", f"{path}/{queue}", body)
        )


def _add_queue(server: Server, path: str, body: dict[str, object]) -> None:
    """A pool that was made a moment ago has its default queue by now."""
    if server.ask("GET", f"{path}/{body['name']}") is None:
        server.ask("POST", path, body)
    else:
        server.ask("PATCH", f"{path}/{body['name']}", {"priority": body["priority"]})


def _limit(server: Server, limit: str) -> Iterator[Change]:
    path = f"/v2/concurrency_limits/{limit}"
    present = server.ask("GET", path)
    if present is None:
        made = {"name": limit, **ONE}
        make = partial(server.ask, "POST", "/v2/concurrency_limits/", made)
        yield Change("concurrency limit", limit, "create", (), make)
    elif found := differences(ONE, present):
        yield Change("concurrency limit", limit, "update", found, lambda: server.ask("PATCH", path, ONE))
