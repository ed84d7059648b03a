"""One round of the watchdog: a heartbeat for each plan that had none lately, and messages to whom it can reach.

It asks no broker and no feed and needs no keys of theirs: the desk that it opens has neither.
"""

from collections.abc import Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from openbell import store
from openbell.desk import Desk, desk_of
from openbell.errors import BrokerUnavailable, FeedUnavailable, OpenbellError, StoreError
from openbell.jobs.delivery import Delivered, Dispatch, by_variable, by_variable_only, deliver
from openbell.jobs.heartbeat import heartbeat
from openbell.ports import Broker, MarketFeed, PaperLedger
from openbell.settings import Settings
from openbell.specs import BrokerSpec, FeedSpec, Surroundings
from openbell.stages.missed import LOOK_BACK, missed
from openbell.stages.resolve import Resolved
from openbell.store.connect import exists
from openbell.values.bars import Timeframe
from openbell.values.job import HEARTBEAT
from openbell.values.market import Checked
from openbell.values.quote import Quote
from openbell.values.record import Outcome
from openbell.watch.looking import enabled_plans

#: A heartbeat of Prefect's that is so late is not waited for any longer.
GRACE = timedelta(seconds=60)


class NoFeed(FeedSpec):
    """No prices at all."""

    def open(self, around: Surroundings) -> MarketFeed:  # noqa: ARG002
        """Nothing that answers."""
        return _Silent()


class NoBroker(BrokerSpec):
    """No account at all."""

    def open(self, account: str, around: Surroundings, feed: MarketFeed, ledger: PaperLedger) -> Broker:  # noqa: ARG002
        """Nobody to ask."""
        raise BrokerUnavailable(f"the watchdog does not speak to account {account}")


class _Silent:
    provider = "none"

    def bars(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> Checked:  # noqa: ARG002
        raise FeedUnavailable("the watchdog asks for no prices")

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Quote]:  # noqa: ARG002
        raise FeedUnavailable("the watchdog asks for no prices")


@dataclass(frozen=True, slots=True)
class Rounded:
    """What a round did: heartbeats, slots found missed, messages sent, and what went wrong."""

    beats: int = 0
    missed: int = 0
    sent: int = 0
    errors: tuple[str, ...] = ()


def make_round(settings: Settings, names: Sequence[str], now: datetime) -> Rounded:
    """See to every enabled plan; what goes wrong with one keeps nobody from the next."""
    if not exists(settings.url):
        raise StoreError("there is no store to watch: `openbell migrate` makes one")
    desks, problems = enabled_plans(settings, names)
    # Each in a context of its own, so that the log fields of its run end with it.
    done = [copy_context().run(_of_plan, desk, settings, now) for desk in desks]
    errors = (*problems, *(error for one in done for error in one.errors))
    beats, missing, sent = (sum(getattr(one, name) for one in done) for name in ("beats", "missed", "sent"))
    return Rounded(beats, missing, sent, errors)


def _of_plan(resolved: Resolved, settings: Settings, now: datetime) -> Rounded:
    plan = resolved.plan
    try:
        desk = desk_of(plan, NoFeed(), NoBroker())
        beats = missing = 0
        if _due(desk, now):
            record = heartbeat(desk, f"watch-{uuid4()}")
            beats, missing = int(record.outcome is Outcome.COMPLETED), record.counters.get("missed", 0)
        rounds = _deliver(desk, settings).rounds
    except OpenbellError as error:
        return Rounded(errors=(f"{plan.name}: {error}",))
    errors = tuple(f"{plan.name}: target {one.target}: {one.error}" for one in rounds if one.error)
    return Rounded(beats, missing, sum(one.sent for one in rounds), errors)


def _due(desk: Desk, now: datetime) -> bool:
    """Whether Prefect's heartbeat is late, or there is a slot to write down that it has not seen yet."""
    plan = desk.plan
    if not plan.rings(HEARTBEAT.name).enabled:
        return False
    known = desk.journal.slots(plan.name, now - LOOK_BACK)
    beats = known.get(HEARTBEAT.name, {})
    minute = now.replace(second=0, microsecond=0)
    if minute in beats:
        return False
    wait = desk.resolved.grids[HEARTBEAT.name].interval_at(now) + GRACE
    if not beats or now - max(beats) > wait:
        return True
    first = desk.journal.first_slot(plan.name, HEARTBEAT.name)
    return any(one.works and not one.open for one in missed(desk.resolved, known, first or now, now))


def _deliver(desk: Desk, settings: Settings) -> Delivered:
    """What waits for the targets that environment variables name; the rest waits for Prefect."""
    plan = desk.plan
    if not (plan.notify.enabled and plan.notify.targets):
        return Delivered(0, ())
    outbox = store.open_outbox(settings.url)
    opened = by_variable(plan)
    return deliver(Dispatch(plan, outbox, desk.history, desk.journal, opened, desk.clock, by_variable_only))
