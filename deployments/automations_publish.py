"""Automations upserted by name: Prefect would make a second of the same name, and do everything twice."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from prefect.automations import AutomationCore

from blocks.published import PUBLISHED
from deployments.automations import PREFIX, Known, of_plan, silent_runs
from deployments.publish_deployments import on_server, pool_of
from deployments.publish_server import Change, Server, differences
from openbell.values.plan import Plan

#: What the server adds to a trigger, and what a person may switch.
IGNORED = ("id", "enabled", "owner_resource", "actions_on_trigger", "actions_on_resolve")


def automation_changes(server: Server, plans: Sequence[Plan], every: Collection[str] | None) -> Iterator[Change]:
    """What of the automations is missing, doubled or otherwise, and those of plans that are gone."""
    wanted = [silent_runs()]
    known = _known(server, plans)
    for plan in plans:
        wanted += of_plan(plan, known) if pool_of(plan) in known.pools else ()
    present = _present(server)
    names = {automation.name for automation in wanted}
    of = {plan.name for plan in plans}
    for name, rows in present.items():
        owner = name.removeprefix(f"{PREFIX} ").partition(":")[0]
        left = owner in of or (every is not None and owner not in every)
        for row in rows if left and name not in names and name.startswith(f"{PREFIX} ") else rows[1:]:
            yield Change("automation", name, "remove", (), lambda row=row: _remove(server, row))
    for automation in wanted:
        yield from _change(server, automation, present.get(automation.name, []))


def _known(server: Server, plans: Sequence[Plan]) -> Known:
    pools = {pool: server.ask("GET", f"/work_pools/{pool}") for pool in {pool_of(plan) for plan in plans}}
    targets = {target.to for plan in plans for target in plan.notify.targets if not target.to.startswith("env:")}
    blocks = {
        name: server.ask("GET", f"/block_types/slug/{name.replace('/', '/block_documents/name/')}") for name in targets
    }
    return Known(
        {name: row["id"] for name, row in on_server(server).items()},
        {name: row["id"] for name, row in pools.items() if row},
        {name: row["id"] for name, row in blocks.items() if row},
    )


def _present(server: Server) -> dict[str, list[dict[str, Any]]]:
    """Ours by name, the oldest of a name first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(server.all("/automations/filter"), key=lambda row: str(row["created"])):
        if PUBLISHED in row["tags"]:
            found.setdefault(row["name"], []).append(row)
    return found


def _change(server: Server, automation: AutomationCore, present: Sequence[dict[str, Any]]) -> Iterator[Change]:
    body = automation.model_dump(mode="json", exclude={"owner_resource"})
    if not present:
        yield Change("automation", automation.name, "create", (), lambda: server.ask("POST", "/automations/", body))
        return
    row = present[0]
    held = AutomationCore.model_validate(row).model_dump(mode="json")
    if found := differences(_plain(body), _plain(held)):
        path = f"/automations/{row['id']}"
        # One that somebody switched off stays off.
        kept = {**body, "enabled": row["enabled"]}
        yield Change("automation", automation.name, "update", found, lambda: server.ask("PUT", path, kept))


def _plain(body: Any) -> Any:
    """Without what the server adds, and sets in order."""
    if isinstance(body, dict):
        return {key: _plain(value) for key, value in body.items() if key not in IGNORED}
    if isinstance(body, list):
        return sorted((_plain(item) for item in body), key=str)
    return body


def _remove(server: Server, row: dict[str, Any]) -> None:
    server.ask("DELETE", f"/automations/{row['id']}")
