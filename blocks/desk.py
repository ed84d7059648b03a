"""The desk of a plan: its decisions resolved and its adapters opened, loaded once per run."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from prefect.blocks.core import Block

import openbell.brokers
import openbell.feeds
from openbell import planfiles, store
from openbell.plugins import build, find
from openbell.ports import Broker, Journal, MarketFeed
from openbell.settings import Settings, load_settings
from openbell.specs import BrokerSpec, FeedSpec, Surroundings
from openbell.stages.resolve import Resolved, resolve
from openbell.values.plan import Plan


class Desk:
    """What the stages of a run work with. Plain on purpose: Prefect passes it by, nothing serialises it."""

    def __init__(self, resolved: Resolved, settings: Settings, as_of: datetime | None) -> None:
        self.resolved = resolved
        self.settings = settings
        self.now: Callable[[], datetime] = (lambda: as_of) if as_of else wall_clock
        self.feed: MarketFeed = _open_feed(resolved.plan, self._around())
        self.journal: Journal = store.open_journal(settings.url, settings.halt_file)
        self._broker: Broker | None = None

    @property
    def plan(self) -> Plan:
        """The plan behind it."""
        return self.resolved.plan

    def broker(self) -> Broker:
        """The account's broker, connected when first asked for."""
        if self._broker is None:
            ledger = store.open_paper_ledger(self.settings.url)
            spec = _account_spec(self.plan)
            self._broker = spec.open(self.plan.account.name, self._around(), self.feed, ledger)
        return self._broker

    def _around(self) -> Surroundings:
        return Surroundings(self.settings.data, self.plan.window.exchange, self.now)


def wall_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def open_desk(plan: str, as_of: datetime | None = None) -> Desk:
    """The desk of a plan by name; ``as_of`` is given only when the past is decided once more."""
    settings = load_settings()
    loaded = load_plan(plan, settings)
    store.ensure(settings.url)
    return Desk(_resolved(loaded.model_dump_json()), settings, as_of)


def load_plan(name: str, settings: Settings | None = None) -> Plan:
    """A plan by name, as its file says at this moment."""
    settings = settings or load_settings()
    path = planfiles.find(name, planfiles.plans_folder(settings))
    status = path.stat()
    return _loaded(path, (status.st_mtime_ns, status.st_size, status.st_ino))


@lru_cache(maxsize=4)
def _loaded(path: Path, version: tuple[int, int, int]) -> Plan:  # noqa: ARG001  # a changed file is read anew
    return planfiles.load(path)


@lru_cache(maxsize=4)
def _resolved(plan_json: str) -> Resolved:
    return resolve(Plan.model_validate_json(plan_json))


def _open_feed(plan: Plan, around: Surroundings) -> MarketFeed:
    return _feed_spec(plan).open(around)


def _feed_spec(plan: Plan) -> FeedSpec:
    found = find(openbell.feeds, FeedSpec, plan.feed.provider, "feed")
    if plan.feed.block:
        return Block.load(plan.feed.block).spec()
    return build(found, plan.feed.params, "feed.params")


def _account_spec(plan: Plan) -> BrokerSpec:
    found = find(openbell.brokers, BrokerSpec, plan.account.broker, "broker")
    if plan.account.block:
        return Block.load(plan.account.block).spec()
    return build(found, plan.account.params, "account.params")
