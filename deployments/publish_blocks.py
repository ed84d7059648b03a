"""Block types, and the blocks that hold plans."""

import html
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from prefect.blocks.core import Block

from blocks.alpaca_account import AlpacaAccount
from blocks.alpaca_feed import AlpacaFeed
from blocks.files_feed import FilesFeed
from blocks.ibkr_account import IBKRAccount
from blocks.ibkr_feed import IBKRFeed
from blocks.paper_account import PaperAccount
from blocks.plan import TradingPlan
from blocks.plan_body import SLUG, form_of, plan_of
from blocks.sample_feed import SampleFeed
from deployments.publish_server import Change, Server, differences
from openbell.errors import PlanError
from openbell.values.plan import Plan

TYPES: tuple[type[Block], ...] = (
    AlpacaAccount, AlpacaFeed, FilesFeed, IBKRAccount, IBKRFeed, PaperAccount, SampleFeed, TradingPlan
)  # fmt: skip


def type_changes(server: Server) -> Iterator[Change]:
    """Block types that the server does not know, or knows otherwise."""
    for block in TYPES:
        slug = block.get_block_type_slug()
        present = server.ask("GET", f"/block_types/slug/{slug}")
        if present is None:
            yield Change("block type", slug, "create", (), partial(_register, block))
        elif found := tuple(_type_differs(server, block, present)):
            yield Change("block type", slug, "update", found, partial(_register, block))


def _register(block: type[Block]) -> None:
    block.register_type_and_schema(_sync=True)


def _type_differs(server: Server, block: type[Block], present: Mapping[str, Any]) -> Iterator[str]:
    for name, said in (("description", block.get_description()), ("example", block.get_code_example())):
        key = "code_example" if name == "example" else name
        if html.unescape(present[key] or "") != (said or ""):
            yield name
    if server.ask("GET", f"/block_schemas/checksum/{checksum(block)}") is None:
        yield "fields"


def checksum(block: type[Block]) -> str:
    """What Prefect tells the forms of a block type apart by."""
    return str(block._calculate_schema_checksum())  # noqa: SLF001  # Prefect has no other way to ask


def plan_changes(server: Server, plans: Sequence[Plan], every: Collection[str] | None) -> Iterator[Change]:
    """Plans whose block is missing or says something else than the file, and blocks of plans that are gone.

    ``every`` are the names of all plans there are, None when only some were asked for.
    """
    present = {row["name"]: row for row in _documents(server)}
    for name, row in present.items() if every is not None else ():
        if name not in every:
            path = f"/block_documents/{row['id']}"
            yield Change("plan block", name, "remove", (), lambda path=path: server.ask("DELETE", path))
    for plan in plans:
        row = present.get(plan.name)
        if row is None:
            yield Change("plan block", plan.name, "create", (), lambda plan=plan: _save(server, plan, None))
        elif found := _differs(plan, row):
            yield Change("plan block", plan.name, "update", found, lambda plan=plan, row=row: _save(server, plan, row))


def _documents(server: Server) -> list[dict[str, Any]]:
    if server.ask("GET", f"/block_types/slug/{SLUG}") is None:
        return []
    return list(server.all("/block_documents/filter", {"block_types": {"slug": {"any_": [SLUG]}}}))


def _differs(plan: Plan, row: Mapping[str, Any]) -> tuple[str, ...]:
    try:
        held = plan_of(plan.name, row["data"])
    except PlanError as error:
        return (f"cannot be used: {error}",)
    if held.hash == plan.hash:
        return () if row["block_schema"]["checksum"] == checksum(TradingPlan) else ("its form is an older one",)
    return differences(plan.model_dump(mode="json"), held.model_dump(mode="json"))


def _save(server: Server, plan: Plan, row: Mapping[str, Any] | None) -> None:
    schema = server.ask("GET", f"/block_schemas/checksum/{checksum(TradingPlan)}")["id"]
    body = {"data": form_of(plan), "block_schema_id": schema}
    if row is not None:
        server.ask("PATCH", f"/block_documents/{row['id']}", {**body, "merge_existing_data": False})
        return
    kind = server.ask("GET", f"/block_types/slug/{SLUG}")["id"]
    server.ask("POST", "/block_documents/", {**body, "name": plan.name, "block_type_id": kind})
