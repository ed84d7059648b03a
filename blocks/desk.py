"""Opening a desk whose plan, account or feed may be a block of Prefect."""

from datetime import datetime
from typing import TypeVar

from blocks.named import load_block
from blocks.published import load_plan
from openbell.desk import Desk, account_spec, desk_of, wall_clock
from openbell.errors import PlanError
from openbell.plugins import Plugin
from openbell.sources import feed_spec
from openbell.specs import BrokerSpec, FeedSpec
from openbell.values.plan import Plan

__all__ = ["Desk", "load_plan", "open_desk", "opened", "spec_of", "wall_clock"]

Spec = TypeVar("Spec", bound=Plugin)


def open_desk(plan: str, as_of: datetime | None = None) -> Desk:
    """The desk of a plan by name; ``as_of`` is given only when the past is decided once more."""
    return opened(load_plan(plan), as_of)


def opened(plan: Plan, as_of: datetime | None = None) -> Desk:
    """The desk of a plan; what it names a block for comes from Prefect."""
    feed = feed_spec(plan, lambda name: spec_of(name, FeedSpec, "feed"))
    account = spec_of(plan.account.block, BrokerSpec, "account") if plan.account.block else account_spec(plan)
    return desk_of(plan, feed, account, as_of)


def spec_of(name: str, kind: type[Spec], role: str) -> Spec:
    """What a block builds; a PlanError when that is something else."""
    block = load_block(name)
    built = block.spec() if hasattr(block, "spec") else None
    if not isinstance(built, kind):
        raise PlanError(f"{role}.block: {name} is no {role}")
    return built
