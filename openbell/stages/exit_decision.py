"""What one look at the positions of a plan comes to, from values alone.

The exits job decides by it, and a stored run is decided again by it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter

from openbell.exits.holdings import Holdings
from openbell.exits.judge import Fired, judge_exits
from openbell.ports import Capabilities, Unsettled
from openbell.ports.exits import Entry
from openbell.risk.gate import judge
from openbell.stages.evaluate import Evaluation, evaluate
from openbell.stages.exits import (
    Priced,
    Wanted,
    holdings_of,
    named,
    needs,
    priced,
    raised,
    really_held,
    timed,
    wanted_exits,
    wishing,
)
from openbell.stages.judge import Gated, book_of
from openbell.stages.resolve import Resolved
from openbell.stages.resting import Stops, compare, levels, stop_intent, told
from openbell.values import canonical
from openbell.values.account import Account
from openbell.values.instrument import Instrument
from openbell.values.market import Checked, Market
from openbell.values.orders import Order, Purpose
from openbell.values.quote import Quote
from openbell.values.slot import Slot

#: Orders that the broker has or may have, by id, with their purpose where they are ours.
Working = Mapping[str, tuple[Order, Purpose | None]]


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What is held at one instant, what it is worth, and which rule closes what.

    ``entries`` carry the prices seen so far; ``quantities`` is what is really held, signed and exact; ``working`` has
    no protective ``stops``, which are those of the whole account. ``checked`` are the bars that strategies were asked
    on, None where no rule wants to know or there were none, for which ``blind`` says why.
    """

    now: datetime
    account: Account
    entries: tuple[Entry, ...]
    quantities: Mapping[str, Decimal]
    priced: Priced
    held: Holdings
    fired: tuple[Fired, ...]
    working: Working
    stops: tuple[Unsettled, ...] = ()
    open_orders: tuple[Order, ...] = ()
    evaluation: Evaluation = Evaluation(())  # noqa: RUF009  # a frozen value
    checked: Checked | None = None
    blind: str = ""


def look_of(
    desk: Resolved,
    now: datetime,
    account: Account,
    entries: Sequence[Entry],
    quotes: Mapping[str, Quote],
    evaluation: Evaluation,
    working: Working,
    stops: tuple[Unsettled, ...],
) -> Look:
    """Every rule asked about every position of ``entries``."""
    seen = priced(quotes, [entry.symbol for entry in entries], now, desk.plan.freshness.quotes)
    quantities = really_held(entries, account)
    marked = tuple(raised(entry, _average(account, entry.symbol), seen.marks.get(entry.symbol)) for entry in entries)
    held = timed(holdings_of(marked, quantities, account, seen.marks), entries, desk.exchange, now)
    fired = judge_exits(desk.exits, wished := wishing(held, entries, evaluation.signals))
    return Look(now, account, marked, quantities, seen, wished, fired, working, stops, evaluation=evaluation)


def _average(account: Account, symbol: str) -> Decimal | None:
    held = account.positions.get(symbol)
    return held.average_price if held and held.quantity else None


def opinions(desk: Resolved, checked: Checked) -> Evaluation:
    """What the strategies say, if an exit rule wants to know."""
    if not needs(desk.exits, "leaving"):
        return Evaluation(())
    return evaluate(desk.seats, checked.bars, {dropped.symbol for dropped in checked.dropped})


# --- what is sent --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Meant:
    """What one look means to send, and which stops are taken back before: each, or only for the order in its symbol.

    ``refused`` are symbols whose stop was refused a while ago and waits for another try.
    """

    wanted: Wanted
    stale: tuple[Unsettled, ...] = ()
    in_the_way: tuple[Unsettled, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def lifted(self) -> tuple[Unsettled, ...]:
        """All of them."""
        return (*self.stale, *self.in_the_way)


def meant_by(
    desk: Resolved,
    seen: Look,
    slot: Slot,
    venue: Capabilities,
    refused: Callable[[], tuple[str, ...]],
    facts: Callable[[Sequence[str]], Mapping[str, Instrument]],
) -> Meant:
    """The exits of a look, and the stops of all that is not being closed.

    ``refused`` and ``facts`` are asked only where a stop is missing.
    """
    closing = wanted_exits(
        seen.fired, seen.entries, seen.quantities, seen.working, slot, seen.account, seen.priced.marks
    )
    mine = [stop for stop in seen.stops if stop.plan == desk.plan.name]
    leaving = {one.symbol for one in (*closing.fired, *closing.waiting)}
    in_the_way = tuple(stop for stop in mine if stop.intent.symbol in {one.symbol for one in closing.fired})
    kept = {symbol: quantity for symbol, quantity in seen.quantities.items() if symbol not in leaving}
    wanted = levels(desk.exits, desk.plan.mode, kept, seen.account, venue)
    busy = {order.symbol for order, _ in seen.working.values()}
    stops = compare(wanted, [stop for stop in mine if stop.intent.symbol not in leaving], busy, kept)
    shunned = refused() if stops.missing else ()
    return Meant(_with_stops(seen, slot, closing, stops, shunned, facts), stops.stale, in_the_way, shunned)


def _with_stops(
    seen: Look,
    slot: Slot,
    closing: Wanted,
    stops: Stops,
    refused: Collection[str],
    facts: Callable[[Sequence[str]], Mapping[str, Instrument]],
) -> Wanted:
    missing = [level for level in stops.missing if level.symbol not in refused]
    if not missing:
        return closing
    known, entries = facts([level.symbol for level in missing]), {entry.symbol: entry for entry in seen.entries}
    made = [
        (level, stop_intent(level, entries[level.symbol], slot, seen.account, known.get(level.symbol)))
        for level in missing
    ]
    good = [(level, intent) for level, intent in made if intent is not None]
    return replace(
        closing,
        fired=(*closing.fired, *(told(level, intent) for level, intent in good)),
        intents=(*closing.intents, *(intent for _, intent in good)),
    )


def gated_exits(desk: Resolved, market: Market, wanted: Wanted, venue: Capabilities) -> Gated:
    """The gate's verdict on what a look means to send, with the exit rule in front of each."""
    intents = venue.termed(wanted.intents)
    verdicts = judge(intents, desk.rules, book_of(desk, market, venue))
    return Gated(intents, (), named(wanted.fired, verdicts), venue)


def less(gated: Gated, symbols: Collection[str]) -> Gated:
    """Without the orders of some symbols."""
    intents = tuple(intent for intent in gated.intents if intent.symbol not in symbols)
    return replace(
        gated,
        intents=intents,
        verdicts=tuple(verdict for verdict in gated.verdicts if verdict.symbol not in symbols),
    )


# --- what a record keeps of it -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kept:
    """What a look decided from besides the market that the gate judged.

    ``left_out`` are symbols of which nothing was sent after all, because a stop in the way did not go in time.
    """

    now: datetime
    entries: tuple[Entry, ...]
    working: tuple[tuple[Order, Purpose | None], ...]
    stops: tuple[Unsettled, ...]
    refused: tuple[str, ...]
    left_out: tuple[str, ...]


_KEPT = TypeAdapter(Kept)


def kept(seen: Look, meant: Meant, sent: Gated) -> dict[str, Any]:
    """In canonical form, as the inputs of a record have it."""
    out = {intent.symbol for intent in meant.wanted.intents} - {intent.symbol for intent in sent.intents}
    working = tuple(seen.working.values())
    found: dict[str, Any] = canonical.plain(
        Kept(seen.now, seen.entries, working, seen.stops, meant.refused, tuple(sorted(out)))
    )
    return found


def read_kept(found: Mapping[str, Any]) -> Kept:
    """From its canonical form."""
    return _KEPT.validate_python(found)
