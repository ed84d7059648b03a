"""Where the prices of a plan come from: one feed, or several behind each other, with or without a cache."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import openbell.feeds
from openbell.calendar.exchange import exchange
from openbell.errors import PlanError
from openbell.feeds.cache import CachedFeed
from openbell.feeds.failover import FailoverFeed
from openbell.plugins import build, find
from openbell.ports import MarketFeed
from openbell.specs import FeedSpec, Surroundings
from openbell.values.plan import Plan, ProviderUse

#: Gives the spec that a block of Prefect holds.
Blocks = Callable[[str], FeedSpec]
#: Folder of the cache inside the data folder.
CACHE = "cache"


class Combined(FeedSpec):
    """Feeds in the order in which they are asked, and which of them keep bars on disk."""

    parts: tuple[FeedSpec, ...]
    compare: bool = False
    cached: tuple[bool, ...]

    def open(self, around: Surroundings) -> MarketFeed:
        """One feed for all of them."""
        feeds = tuple(
            _cached(part, around) if cached else part.open(around)
            for part, cached in zip(self.parts, self.cached, strict=True)
        )
        if len(feeds) == 1:
            return feeds[0]
        return FailoverFeed(
            feeds,
            exchange(around.exchange),
            around.max_age,
            self.compare,
            wait=around.wait,
            asks_again=tuple(part.asks_again for part in self.parts),
            turn=around.patience,
        )


def feed_spec(plan: Plan, blocks: Blocks | None = None) -> FeedSpec:
    """The feed of a plan; a PlanError names the key that cannot be used. Without ``blocks`` none may be named."""
    parts = tuple(_spec(plan, key, use, blocks) for key, use in uses(plan))
    wish = plan.feed.cache
    cached = tuple(part.remote if wish is None else wish for part in parts)
    if len(parts) == 1 and not any(cached):
        return parts[0]
    return Combined(parts=parts, compare=plan.feed.compare, cached=cached)


def check_feed(plan: Plan) -> None:
    """As ``feed_spec`` without a look at blocks."""
    for key, use in uses(plan):
        found = _kind(key, use)
        if not use.block:
            build(found, use.params, f"{key}.params")


def uses(plan: Plan) -> Iterator[tuple[str, ProviderUse]]:
    """Each feed that the plan names, with the key of its table."""
    yield "feed", plan.feed
    for number, use in enumerate(plan.feed.fallback):
        yield f"feed.fallback.{number}", use


def _spec(plan: Plan, key: str, use: ProviderUse, blocks: Blocks | None) -> FeedSpec:
    if not use.block:
        return build(_kind(key, use), use.params, f"{key}.params")
    if blocks is None:
        name = f"{key}.block {use.block!r} of plan {plan.name}"
        raise PlanError(f"{name} is known to Prefect only: name params instead")
    return blocks(use.block)


def _kind(key: str, use: ProviderUse) -> type[FeedSpec]:
    try:
        return find(openbell.feeds, FeedSpec, use.provider, "feed")  # type: ignore[type-abstract]  # a base to look for
    except PlanError as error:
        raise PlanError(f"{key}.provider: {error}") from None


def _cached(part: FeedSpec, around: Surroundings) -> MarketFeed:
    folder = (around.cache or around.data / CACHE) / _folder(part, around.exchange)
    return CachedFeed(part.open(around), folder, exchange(around.exchange), around.now, around.max_age)


def _folder(part: FeedSpec, code: str) -> Path:
    """A folder for each feed with its settings: what is asked for in another way is other data."""
    settings = f"{type(part).__module__} {part.model_dump_json()} {code}"
    return Path(f"{part.name}-{hashlib.sha256(settings.encode()).hexdigest()[:12]}")
