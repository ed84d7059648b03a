"""The blocks of accounts and feeds that plans name: used as they are, and made from the environment when missing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prefect.blocks.core import Block

from blocks.desk import spec_of
from blocks.named import PREFIX
from deployments.publish_blocks import TYPES
from deployments.publish_server import Change, Server
from openbell.errors import PlanError
from openbell.settings import load_settings
from openbell.sources import uses
from openbell.specs import BrokerSpec, FeedSpec
from openbell.values.plan import Plan

#: The field that holds the rest, in a block that has no secrets.
NESTED = ("terms", "settings")
#: Where each secret comes from when a block is made.
SECRETS = {"key_id": "alpaca_key_id", "secret": "alpaca_secret_key"}


def connection_changes(server: Server, plans: Sequence[Plan]) -> Iterator[Change]:
    """Blocks that the plans name and the server lacks; a PlanError when one is of no use, or cannot be made."""
    seen = set()
    for plan in plans:
        for key, name, params in _named(plan):
            slug, _, document = name.partition("/")
            if server.ask("GET", f"/block_types/slug/{slug}/block_documents/name/{document}") is not None:
                _check(plan, key, name)
            elif name not in seen:
                block = _made(plan, key, name, params)
                yield Change("block", name, "create", (), lambda b=block, d=document: b.save(d, _sync=True))
            seen.add(name)


def _named(plan: Plan) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    if plan.account.block:
        yield "account", plan.account.block, plan.account.params
    for key, use in uses(plan):
        if use.block:
            yield key, use.block, use.params


def _check(plan: Plan, key: str, name: str) -> None:
    """That it is what the plan takes it for, and of the plan's mode."""
    if key != "account":
        spec_of(name, FeedSpec, key)
        return
    spec, where = spec_of(name, BrokerSpec, key), f"plan {plan.name}: account.block {name}"
    if spec.name != plan.account.broker:
        raise PlanError(f"{where} is of {spec.name}, and account.broker is {plan.account.broker}")
    if spec.environment and spec.environment != plan.mode:
        raise PlanError(f"{where} is a {spec.environment} one, and the plan is {plan.mode}: they must agree")


def _made(plan: Plan, key: str, name: str, params: Mapping[str, Any]) -> Block:
    """A new one, of the params of the plan and secrets of the environment."""
    slug = name.partition("/")[0]
    kind = next((block for block in TYPES if block.get_block_type_slug() == slug), None)
    where = f"plan {plan.name}: {key}.block {name} is not on Prefect's server"
    if kind is None or not slug.startswith(PREFIX):
        raise PlanError(f"{where}, and publish makes no such block: save it first")
    fields = kind.model_fields
    nested = next((field for field in NESTED if field in fields), None)
    if nested:
        return _built(kind, {nested: dict(params)}, where)
    mode = {"mode": plan.mode} if "mode" in fields else {}
    return _built(kind, {**mode, **params, **_secrets(where)}, where)


def _secrets(where: str) -> dict[str, Any]:
    settings = load_settings()
    found = {field: getattr(settings, setting) for field, setting in SECRETS.items()}
    if missing := [f"OPENBELL_{SECRETS[field].upper()}" for field, value in found.items() if value is None]:
        raise PlanError(f"{where}: to make it, set {' and '.join(missing)}, or save it in Prefect's UI")
    return found


def _built(kind: type[Block], fields: Mapping[str, Any], where: str) -> Block:
    try:
        return kind(**fields)
    except ValueError as error:  # pydantic's; its text may repeat a secret
        named = {str(item["loc"][-1]) for item in getattr(error, "errors", list)()}
        raise PlanError(f"{where}, and cannot be made of params: {', '.join(sorted(named))}") from None
