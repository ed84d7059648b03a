"""Protective stops of a plan at its broker, as the exits job keeps them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from openbell.desk import Desk
from openbell.jobs.exit_look import Look
from openbell.ports import Unsettled
from openbell.stages.exits import Wanted
from openbell.stages.judge import Gated
from openbell.stages.resting import Stops, compare, levels, stop_intent, take_back, told
from openbell.values.orders import OrderIntent, OrderType
from openbell.values.slot import Slot
from openbell.values.verdict import Decision

#: A stop that broker or gate refused is not tried again for so long; the job watches the position all the while.
REST = timedelta(minutes=15)
#: Kind of the alert of a stop that could not be placed.
BARE = "STOP_NOT_PLACED"
_ALERTS = 1000


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


def meant_by(desk: Desk, seen: Look, slot: Slot, closing: Wanted) -> Meant:
    """The exits of a look, and the stops of all that is not being closed."""
    mine = [stop for stop in seen.stops if stop.plan == desk.plan.name]
    leaving = {one.symbol for one in (*closing.fired, *closing.waiting)}
    in_the_way = tuple(stop for stop in mine if stop.intent.symbol in {one.symbol for one in closing.fired})
    kept = {symbol: quantity for symbol, quantity in seen.quantities.items() if symbol not in leaving}
    venue = desk.broker().capabilities
    wanted = levels(desk.resolved.exits, desk.plan.mode, kept, seen.account, venue)
    busy = {order.symbol for order, _ in seen.working.values()}
    stops = compare(wanted, [stop for stop in mine if stop.intent.symbol not in leaving], busy)
    refused = _refused(desk, seen) if stops.missing else ()
    return Meant(_with_stops(desk, seen, slot, closing, stops, refused), stops.stale, in_the_way, refused)


def _with_stops(desk: Desk, seen: Look, slot: Slot, closing: Wanted, stops: Stops, refused: Collection[str]) -> Wanted:
    missing = [level for level in stops.missing if level.symbol not in refused]
    if not missing:
        return closing
    facts = desk.broker().instruments([level.symbol for level in missing])
    entries = {entry.symbol: entry for entry in seen.entries}
    made = [
        (level, stop_intent(level, entries[level.symbol], slot, seen.account, facts.get(level.symbol)))
        for level in missing
    ]
    good = [(level, intent) for level, intent in made if intent is not None]
    return replace(
        closing,
        fired=(*closing.fired, *(told(level, intent) for level, intent in good)),
        intents=(*closing.intents, *(intent for _, intent in good)),
    )


def _refused(desk: Desk, seen: Look) -> tuple[str, ...]:
    """Symbols of the plan with a young alert of a stop that was not placed; an older one ends with another try."""
    found = [alert for alert in desk.history.alerts(limit=_ALERTS) if alert.kind == BARE]
    mine = [alert for alert in found if alert.subject.partition("/")[0] == desk.plan.name]
    young = [alert for alert in mine if seen.now - alert.time < REST]
    for alert in mine:
        if alert not in young:
            desk.journal.close_alert(alert.number, "openbell", "the stop is tried again")
    return tuple(alert.subject.partition("/")[2] for alert in young)


def cleared(desk: Desk, meant: Meant, gated: Gated) -> tuple[Gated, int]:
    """Take back what stands in the way of orders that may go, and what protects nothing any more.

    Left out, and counted, is every order in a symbol whose stop did not end in time, or was filled on its way out: the
    next look sees what is held by then.
    """
    going = {verdict.symbol for verdict in gated.verdicts if verdict.decision is not Decision.DENIED}
    stops = [*meant.stale, *(stop for stop in meant.in_the_way if stop.intent.symbol in going)]
    if not stops:
        return gated, 0
    left = take_back(desk.journal, desk.broker(), desk.pace, stops, "the exits job takes the stop back")
    out = left | {stop.intent.symbol for stop in stops if _moved(desk, stop)}
    kept = tuple(intent for intent in gated.intents if intent.symbol not in out)
    verdicts = tuple(verdict for verdict in gated.verdicts if verdict.symbol not in out)
    return replace(gated, intents=kept, verdicts=verdicts), len(gated.intents) - len(kept)


def _moved(desk: Desk, stop: Unsettled) -> bool:
    row = desk.history.order(stop.intent.id)
    return row is None or row.filled != stop.filled


def is_resting(intents: Sequence[OrderIntent], client_id: str) -> bool:
    """Whether the intent of an id is a protective stop."""
    return any(intent.id == client_id and intent.type is OrderType.STOP for intent in intents)
