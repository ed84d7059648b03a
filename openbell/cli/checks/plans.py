"""The plan itself: file, permission to trade, calendar, prices, people, and what became of its slots."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from openbell import notifiers, store
from openbell.calendar.horizon import horizon
from openbell.cli.checking import Checked
from openbell.cli.checks.findings import Finding, bounded, failed, ok, warning
from openbell.cli.checks.venue import surroundings
from openbell.errors import DataError, OpenbellError, SettingsError, StoreError, TooLong
from openbell.ports import Journal, MarketFeed
from openbell.settings import Settings
from openbell.sources import feed_spec, uses
from openbell.specs import Surroundings
from openbell.stages.missed import LOOK_BACK, missed
from openbell.stages.permits import switched_off, unarmed
from openbell.stages.resolve import resolve
from openbell.values.bars import Timeframe
from openbell.values.job import HEARTBEAT
from openbell.values.market import Checked as Prices
from openbell.values.plan import FeedUse, Plan, ProviderUse

#: Symbols of a large universe that are asked for, evenly spread over it.
SYMBOLS = 100
_SHOWN = 5


def file(checked: Checked) -> Finding:
    """Whether the plan's file can run."""
    if checked.problems:
        more = f", and {len(checked.problems) - 1} more" if len(checked.problems) > 1 else ""
        return failed("plan", checked.problems[0] + more, checked.name)
    return ok("plan", str(checked.path), checked.name)


def enabled(plan: Plan, settings: Settings, now: datetime) -> Finding:
    """What holds the plan back although nothing is broken."""
    if not plan.enabled:
        return warning("enabled", "enabled = false in its file", plan.name, "enabled = true in its file")
    try:
        standing = bounded(lambda: store.open_permits(settings.url).standing(plan.name))
    except (StoreError, TooLong) as error:
        return warning("enabled", f"not looked at: {error}", plan.name, "put the store right first")
    if off := switched_off(plan.name, "trade", standing):
        return warning("enabled", off[1], plan.name)
    if why := unarmed(plan, standing, now):
        return warning("enabled", why, plan.name)
    return ok("enabled", "armed" if plan.mode == "live" else "a paper plan works at once", plan.name)


def calendar(plan: Plan, now: datetime) -> Finding:
    """How far the exchange's calendar reaches."""
    ahead = horizon(plan.window.exchange, now)
    if ahead.too_near and plan.mode == "live":
        return failed("horizon", f"{ahead.words}: a live plan does not trade any more", plan.name)
    return warning("horizon", ahead.words, plan.name) if ahead.near else ok("horizon", ahead.words, plan.name)


def feeds(plan: Plan, settings: Settings, now: datetime) -> Iterator[Finding]:
    """One line for each feed, asked for itself and past any cache."""
    for key, use in uses(plan):
        if use.block:
            yield warning("feed", f"{key}.block {use.block} is known to Prefect only: each run checks it", plan.name)
            continue
        try:
            yield bounded(lambda use=use: _feed(plan, use, surroundings(plan, settings), now))  # type: ignore[misc]
        except OpenbellError as error:
            yield failed("feed", f"{use.provider}: {error}", plan.name)


def _feed(plan: Plan, use: ProviderUse, around: Surroundings, now: datetime) -> Finding:
    alone = FeedUse(provider=use.provider, params=use.params, cache=False)
    feed: MarketFeed = feed_spec(plan.model_copy(update={"feed": alone})).open(around)
    asked = plan.universe[:: max(1, -(-len(plan.universe) // SYMBOLS))]
    try:
        found = feed.bars(asked, Timeframe(plan.timeframe), 2, now)
    except DataError as error:
        return failed("feed", f"{use.provider}: {error}", plan.name)
    return _prices(plan, use.provider, asked, found)


def _prices(plan: Plan, provider: str, asked: tuple[str, ...], found: Prices) -> Finding:
    good = len(found.bars.symbols)
    part = f"{good} of {len(asked)} symbols" + (
        f" (of {len(plan.universe)})" if len(asked) < len(plan.universe) else ""
    )
    lost = ", ".join(f"{each.symbol} {each.code.value}" for each in found.dropped[:_SHOWN])
    if not good:
        return failed("feed", f"{provider}: no symbol has fresh bars: {lost}", plan.name)
    newest = str(found.bars.times[-1])[:16]
    if lost:
        return warning("feed", f"{provider}: {part}, newest bar {newest}; without {lost}", plan.name)
    return ok("feed", f"{provider}: {part}, newest bar {newest}", plan.name)


def people(plan: Plan) -> Iterator[Finding]:
    """Whether each target that is named by a variable has an address; nobody is written to."""
    named = [target for target in plan.notify.targets if target.to.startswith("env:")]
    for target in named:
        try:
            notifiers.open_target(target, live=plan.mode == "live")
            notifiers.check_target(target, live=plan.mode == "live")
        except SettingsError as error:
            yield failed("notify", str(error), plan.name)
        else:
            yield ok("notify", f"{target.to} has an address", plan.name)
    if not plan.notify.targets:
        yield warning("notify", "nobody is told of anything", plan.name, "name somebody under [notify] targets")


def slots(plan: Plan, settings: Settings, now: datetime) -> Finding:
    """Slots that should have been worked on and were not: the effect of a schedule, not its promise."""
    try:
        lost = bounded(lambda: _lost(plan, settings, now))
    except StoreError as error:
        return warning("slots", f"not looked at: {error}", plan.name, "put the store right first")
    except OpenbellError as error:
        return failed("slots", str(error), plan.name)
    if not lost:
        return ok("slots", "nothing was missed", plan.name)
    words = ", ".join(f"{count} of {job}" for job, count in lost.items())
    return warning("slots", f"missed in the last {LOOK_BACK.days} days: {words}", plan.name)


def _lost(plan: Plan, settings: Settings, now: datetime) -> Mapping[str, int]:
    journal: Journal = store.open_journal(settings.url)
    first, known = journal.first_slot(plan.name, HEARTBEAT.name), journal.slots(plan.name, now - LOOK_BACK)
    found: dict[str, int] = {}
    if first is None:
        return found
    for one in missed(resolve(plan), known, max(first, now - LOOK_BACK), now):
        if one.works:
            found[one.slot.job] = found.get(one.slot.job, 0) + 1
    for job, outcomes in known.items():
        written = sum(outcome == "missed" for outcome in outcomes.values())
        found |= {job: found.get(job, 0) + written} if written else {}
    return found
