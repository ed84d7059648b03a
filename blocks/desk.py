"""Opening a desk whose account or feed may be a block of Prefect."""

from datetime import datetime

from prefect.blocks.core import Block

from openbell.desk import Desk, account_spec, desk_of, load_plan, wall_clock
from openbell.sources import feed_spec

__all__ = ["Desk", "load_plan", "open_desk", "wall_clock"]


def open_desk(plan: str, as_of: datetime | None = None) -> Desk:
    """The desk of a plan by name; ``as_of`` is given only when the past is decided once more."""
    loaded = load_plan(plan)
    feed = feed_spec(loaded, lambda name: Block.load(name).spec())
    account = Block.load(loaded.account.block).spec() if loaded.account.block else account_spec(loaded)
    return desk_of(loaded, feed, account, as_of)
