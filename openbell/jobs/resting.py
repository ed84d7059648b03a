"""Protective stops of a plan at its broker, as the exits job keeps them."""

from collections.abc import Sequence
from datetime import timedelta

from openbell.desk import Desk
from openbell.ports import Unsettled
from openbell.stages.exit_decision import Look, Meant, less, meant_by
from openbell.stages.judge import Gated
from openbell.stages.resting import take_back
from openbell.values.orders import OrderIntent, OrderType
from openbell.values.slot import Slot
from openbell.values.verdict import Decision

#: A stop that broker or gate refused is not tried again for so long; the job watches the position all the while.
REST = timedelta(minutes=15)
#: Kind of the alert of a stop that could not be placed.
BARE = "STOP_NOT_PLACED"
_ALERTS = 1000


def meant(desk: Desk, seen: Look, slot: Slot) -> Meant:
    """What a look means to send, as ``exit_decision.meant_by`` has it."""
    broker = desk.broker()
    return meant_by(desk.resolved, seen, slot, broker.capabilities, lambda: _refused(desk, seen), broker.instruments)


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
    kept = less(gated, out)
    return kept, len(gated.intents) - len(kept.intents)


def _moved(desk: Desk, stop: Unsettled) -> bool:
    row = desk.history.order(stop.intent.id)
    return row is None or row.filled != stop.filled


def is_resting(intents: Sequence[OrderIntent], client_id: str) -> bool:
    """Whether the intent of an id is a protective stop."""
    return any(intent.id == client_id and intent.type is OrderType.STOP for intent in intents)
