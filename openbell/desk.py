"""The desk of a plan: its decisions resolved and its adapters opened, for flows and for the command line alike."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from time import time

import openbell.brokers
from openbell import planfiles, sessionfiles, store
from openbell.crashpoints import refuse_beyond_this_machine
from openbell.errors import PlanError
from openbell.plugins import build, find
from openbell.ports import Broker, History, Journal, MarketFeed
from openbell.ports.breaks import BreakBook
from openbell.ports.exits import ExitMarks
from openbell.ports.permits import Permits
from openbell.ports.snapshots import SnapshotBook
from openbell.settings import Settings, load_settings
from openbell.sources import feed_spec
from openbell.specs import EARLY, SENDING, BrokerSpec, FeedSpec, Surroundings, pause
from openbell.stages.lease import LEASE
from openbell.stages.pace import QUIET, Pace
from openbell.stages.recover import Recovery
from openbell.stages.resolve import Resolved, resolve
from openbell.values.plan import Plan
from openbell.values.record import RunRecord
from openbell.values.slot import Slot

#: Codes of records that tell of a start that did not hold the slot, or may not have held it to the end.
SECOND_STARTS = ("DUPLICATE_RUN", "OVERLAP", "StoreError")


class Desk:
    """What the stages of a run work with. Plain on purpose: Prefect passes it by, nothing serialises it.

    ``clock`` is what a run reads once to learn when it is, ``ticks`` what requests to venues are counted by. ``quiet``
    and ``lease`` are the pace of look-ups and claims; tests shorten them, and no setting does. ``urgent`` lets venues
    answer out of the requests that are kept for exits; a run for something else says so when it begins.
    """

    def __init__(
        self, resolved: Resolved, settings: Settings, as_of: datetime | None, feed: FeedSpec, account: BrokerSpec
    ) -> None:
        self.resolved = resolved
        self.settings = settings
        self.now: Callable[[], datetime] = (lambda: as_of) if as_of else wall_clock
        self.clock: Callable[[], datetime] = wall_clock
        self.ticks: Callable[[], float] = time
        self.urgent = True
        self.patience: timedelta = EARLY
        self.wait: Callable[[timedelta], None] = pause
        self.quiet: timedelta = QUIET
        self.lease: timedelta = LEASE
        books = store.open_books(settings.url, settings.halt_file)
        self.journal: Journal = books.journal
        self.history: History = books.history
        self.exit_marks: ExitMarks = books.exit_marks
        self.breaks: BreakBook = books.breaks
        self.snapshots: SnapshotBook = books.snapshots
        self.permits: Permits = books.permits
        # After the store is there: a feed may share the requests of an account, which are counted in it.
        self.feed: MarketFeed = feed.open(self._around())
        self._ledger = books.ledger
        self._account = account
        self._broker: Broker | None = None
        refuse_beyond_this_machine(resolved.plan.account.name, local=_local(resolved.plan, account))

    @property
    def plan(self) -> Plan:
        """The plan behind it."""
        return self.resolved.plan

    @property
    def pace(self) -> Pace:
        """How long look-ups wait, and by which clocks."""
        return Pace(self.now, wall_clock, self.wait, self.quiet)

    def hurry(self, urgent: bool) -> None:
        """Whether what follows may spend the requests that are kept for exits."""
        self.urgent = urgent

    def sending(self, urgent: bool) -> None:
        """An order is next, and from now on a lease is short."""
        self.hurry(urgent)
        self.patience = SENDING

    def broker(self) -> Broker:
        """The account's broker, connected when first asked for."""
        if self._broker is None:
            self._broker = self._account.open(self.plan.account.name, self._around(), self.feed, self._ledger)
        return self._broker

    def sealed(self, slot: Slot, run_id: str) -> RunRecord | None:
        """What the run that had claimed a slot sealed of it before it died.

        Others leave records of the slot too, dry runs and starts that a guard stopped: none of them was its run.
        """
        found = self.history.sealed(run_id)
        return None if found is None or found.slot != slot.key or found.code in SECOND_STARTS else found

    def recovery(self, run_id: str, passes: int = 1) -> Recovery:
        """What recovers the runs of the plan; with more ``passes`` it waits to see orders settled."""
        return Recovery(
            desk=self.resolved,
            journal=self.journal,
            broker=self.broker,
            quotes=self.feed.quotes,
            history=self.history,
            sealed=self.sealed,
            pace=self.pace,
            run_id=run_id,
            passes=passes,
            lease=self.lease,
        )

    def _around(self) -> Surroundings:
        plan = self.plan
        return Surroundings(
            data=self.settings.data,
            exchange=plan.window.exchange,
            now=self.now,
            max_age=plan.freshness.bars,
            wait=lambda span: self.wait(span),
            cache=self.settings.home.expanduser() / "cache",
            budget=lambda name, most: store.open_budget(self.settings.url, name, most, lambda: self.ticks()),
            urgent=lambda: self.urgent,
            patience=lambda: self.patience,
            kept=self.settings.home.expanduser() / "kept",
        )


def wall_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def _local(plan: Plan, account: BrokerSpec) -> bool:
    """Whether orders stay on this machine: paper, or a double on loopback, which is all that ``url`` may name."""
    return plan.account.broker == "paper" or bool(getattr(account, "url", ""))


def load_plan(name: str, settings: Settings | None = None) -> Plan:
    """A plan by name, as its file says at this moment."""
    settings = settings or load_settings()
    path = planfiles.find(name, planfiles.plans_folder(settings))
    status = path.stat()
    return prepared(_loaded(path, (status.st_mtime_ns, status.st_size, status.st_ino)), settings)


def prepared(plan: Plan, settings: Settings | None = None) -> Plan:
    """The same plan, whose exchange this process knows from now on if its sessions were kept."""
    sessionfiles.prepare(plan.window.exchange, settings or load_settings())
    return plan


@lru_cache(maxsize=4)
def _loaded(path: Path, version: tuple[int, int, int]) -> Plan:  # noqa: ARG001  # a changed file is read anew
    return planfiles.load(path)


def open_desk(plan: str, as_of: datetime | None = None) -> Desk:
    """The desk of a plan by name, without Prefect: a plan that names a block of Prefect is a PlanError."""
    loaded = load_plan(plan)
    if block := loaded.account.block:
        known = f"account.block {block!r} of plan {plan} is known to Prefect only"
        raise PlanError(f"{known}: name params instead, or let flows and `openbell-arm` use it")
    return desk_of(loaded, feed_spec(loaded), account_spec(loaded), as_of)


def desk_of(plan: Plan, feed: FeedSpec, account: BrokerSpec, as_of: datetime | None = None) -> Desk:
    """The desk of a plan with specs from wherever they come; ``as_of`` only to decide the past once more."""
    settings = load_settings()
    return Desk(_resolved(plan.model_dump_json()), settings, as_of, feed, account)


@lru_cache(maxsize=4)
def _resolved(plan_json: str) -> Resolved:
    return resolve(Plan.model_validate_json(plan_json))


def account_spec(plan: Plan) -> BrokerSpec:
    """The account as the plan's own words have it."""
    found: type[BrokerSpec] = find(openbell.brokers, BrokerSpec, plan.account.broker, "broker")  # type: ignore[type-abstract]
    return build(found, plan.account.params, "account.params")
