"""From what a person asks to a request: overrides, another feed, the range of sessions."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from typing import Any

import numpy as np

import openbell.brokers
import openbell.feeds
from openbell.brokers.paper.settings import MOST_CASH
from openbell.calendar.exchange import Exchange, exchange
from openbell.errors import InputError, PlanError
from openbell.planfiles.overrides import with_overrides
from openbell.plugins import build, find
from openbell.ports import Historical, MarketFeed
from openbell.ports.budget import RequestBudget
from openbell.replay.request import Progress, Request, silent
from openbell.replay.statistics import session_days
from openbell.settings import Settings
from openbell.sources import Blocks, feed_spec
from openbell.specs import BrokerSpec, FeedSpec, Surroundings
from openbell.stages.resolve import resolve
from openbell.stages.sessions import instant_of
from openbell.values.plan import FeedUse, Plan

#: Sessions of a replay that is asked for without a range.
SESSIONS = 252
_OPENING, _CLOSING = "[{(", "]})"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for, in a person's words; what is empty has a default.

    ``given`` are keys of the plan to set. ``feed`` is ``PROVIDER`` or ``PROVIDER:KEY=VALUE,...``; it replaces the
    plan's feed as a whole. Without ``end`` it is the newest complete session that the feed knows, without ``start``
    a year of 252 sessions.
    """

    start: date | None = None
    end: date | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    feed: str = ""
    cash: Decimal | None = None


def request(
    plan: Plan, wish: Wish, settings: Settings, progress: Progress = silent, blocks: Blocks | None = None
) -> Request:
    """The request that a wish comes to; an OpenbellError says which part of it cannot be."""
    wanted = planned(plan, wish)
    if wish.cash is not None and not 0 < wish.cash <= MOST_CASH:
        side = "above" if wish.cash > MOST_CASH else "not above"
        bound = f"{MOST_CASH:,}" if wish.cash > MOST_CASH else "0"
        raise InputError(f"cash {wish.cash} is {side} {bound}")
    feed = open_feed(wanted, settings, blocks)
    start, end = _range(wanted, wish, feed)
    return Request(wanted, feed, start, end, cash=wish.cash, progress=progress)


def planned(plan: Plan, wish: Wish) -> Plan:
    """The plan as it is to be replayed, checked in all that it names."""
    fed = plan.model_copy(update={"feed": parse_feed(wish.feed)}) if wish.feed else plan
    wanted = with_overrides(fed, wish.given)
    resolve(wanted)
    if not wanted.account.block:
        found: type[BrokerSpec] = find(openbell.brokers, BrokerSpec, wanted.account.broker, "broker")  # type: ignore[type-abstract]
        build(found, wanted.account.params, "account.params")
    return wanted


def open_feed(plan: Plan, settings: Settings, blocks: Blocks | None = None) -> MarketFeed:
    """The plan's feed at this moment; it asks a venue out of the account's ordinary requests."""
    around = Surroundings(
        data=settings.data,
        exchange=plan.window.exchange,
        now=lambda: datetime.now(UTC),
        max_age=plan.freshness.bars,
        cache=settings.home.expanduser() / "cache",
        budget=lambda name, most: _budget(settings.url, name, most),
    )
    return feed_spec(plan, blocks).open(around)


def _budget(url: str, name: str, most: int) -> RequestBudget:
    """The account's requests are counted in the store, which takes half of a replay's start to import.

    Only feeds of an account ask for it.
    """
    found: RequestBudget = import_module("openbell.store").open_budget(url, name, most)
    return found


def parse_feed(text: str) -> FeedUse:
    """``files:path=bars.parquet,timeframe=1m`` as the table of a plan; values as in a plan file, or bare."""
    provider, _, rest = text.partition(":")
    provider = provider.strip()
    try:
        found: type[FeedSpec] = find(openbell.feeds, FeedSpec, provider, "feed")  # type: ignore[type-abstract]
        params = dict(map(_param, _parts(rest)))
        build(found, params, provider)
    except PlanError as error:
        raise InputError(f"feed {text[:80]!r}: {error}") from None
    return FeedUse(provider=provider, params=params)


def _param(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise PlanError(f"{text.strip()[:60]!r} is not KEY=VALUE")
    return key.strip(), _value(value.strip())


def _parts(text: str) -> list[str]:
    """The text cut at its commas, but not inside brackets or quotes."""
    parts, depth, quote, begin = [], 0, "", 0
    for at, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter == "," and not depth:
            parts.append(text[begin:at])
            begin = at + 1
        else:
            depth += (letter in _OPENING) - (letter in _CLOSING)
    return [part for part in (*parts, text[begin:]) if part.strip()]


def _value(text: str) -> Any:
    try:
        read = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return read["value"] if list(read) == ["value"] else text


def _range(plan: Plan, wish: Wish, feed: MarketFeed) -> tuple[date, date]:
    market = exchange(plan.window.exchange)
    complete = market.last_complete(datetime.now(UTC))
    if wish.end and wish.end > complete:
        raise InputError(f"to {wish.end} is after {complete}, the last complete session of {market.code}")
    if wish.start and wish.end and wish.start > wish.end:
        raise InputError(f"from {wish.start} is after to {wish.end}")
    known = (market.first, complete) if wish.start and wish.end else _known(plan, feed, complete)
    end = wish.end or min(known[1], complete)
    if wish.start and wish.start > end:
        raise InputError(f"from {wish.start} is after {end}, the newest session that the feed has bars of")
    sessions = market.sessions(wish.start or min(max(_earlier(market, end), known[0]), end), end)
    if not sessions:
        raise InputError(f"from {wish.start} to {end} holds no session of {market.code}")
    return sessions[0], sessions[-1]


def _earlier(market: Exchange, end: date) -> date:
    """The first of a year of sessions that ends here, as far as the calendar goes."""
    until = market.session_dates(market.first, end)
    found: date = until[-min(SESSIONS, len(until))].item() if len(until) else end
    return found


def _known(plan: Plan, feed: MarketFeed, complete: date) -> tuple[date, date]:
    """The first and the last session that the feed has bars of; what is too old to trade on is there to be replayed.

    A feed that does not know all of its past is taken to go back as far as the calendar.
    """
    desk, market = resolve(plan), exchange(plan.window.exchange)
    as_of = market.hours_between(complete, complete)[0].closes
    if isinstance(feed, Historical):
        history = feed.history(desk.symbols, desk.timeframe, desk.history, as_of)
        last = instant_of(history.bars.times[-1] - np.timedelta64(1, "us"))
        return market.session_of(instant_of(history.starts[0])), market.session_of(last)
    checked = feed.bars(desk.symbols, desk.timeframe, 1, as_of)
    panels = [panel for panel in (checked.bars, checked.aside) if panel is not None and len(panel)]
    newest: list[date] = [session_days(panel.times[-1:])[0].item() for panel in panels]
    return market.first, max(newest, default=complete)
