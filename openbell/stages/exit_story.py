"""What came of the looks of an exits run, in numbers and in words."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from openbell.errors import OpenbellError
from openbell.stages.wording import count
from openbell.values.orders import Order, OrderState, OrderType
from openbell.values.verdict import Verdict
from openbell.values.work import Worked

#: Symbols that a record or an alert names before it only counts.
NAMED = 20
#: States of an order that did not come to the broker, or not to stay.
NOT_SENT = (OrderState.ABANDONED, OrderState.REJECTED)
Alerts = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Swept:
    """One look or a part of it.

    ``told`` has words on each exit that was sent, ``unknown`` why a symbol has no price that counts, ``alerts`` the
    kind and subject of what a person was told of, ``error`` why the look failed.
    """

    counters: Mapping[str, int] = field(default_factory=dict)
    positions: int = 0
    told: tuple[str, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)
    alerts: Alerts = frozenset()
    error: OpenbellError | None = None


def joined(parts: Sequence[Swept]) -> Swept:
    """Parts of a look, or looks of a run, as one."""
    counters: Counter[str] = Counter()
    for part in parts:
        counters.update(part.counters)
    return Swept(
        counters,
        max((part.positions for part in parts), default=0),
        tuple(word for part in parts for word in part.told),
        {symbol: why for part in parts for symbol, why in part.unknown.items()},
        frozenset(alert for part in parts for alert in part.alerts),
        next((part.error for part in reversed(parts) if part.error), None),
    )


def sent(orders: Sequence[Order], verdicts: Sequence[Verdict]) -> Swept:
    """What became of the exits of one look."""
    rules = {verdict.symbol: verdict.rulings[0].rule for verdict in verdicts}
    closing = [order for order in orders if order.type is not OrderType.STOP]
    states = Counter(order.state for order in closing)
    lost = sum(states[state] for state in NOT_SENT)
    placed = sum(order.type is OrderType.STOP and order.state not in NOT_SENT for order in orders)
    return Swept(
        {
            "sent": len(closing) - lost,
            "filled": states[OrderState.FILLED],
            "unsent": lost,
            "unclear": states[OrderState.UNKNOWN],
            "stops": placed,
        },
        told=tuple(f"{order.symbol} by {rules[order.symbol]} ({order.state.value})" for order in closing),
    )


#: Counters of every run, so that a reader need not ask whether one is there.
_COUNTERS = ("looks", "fired", "waiting", "denied", "halted", "sent", "filled", "unsent", "unclear", "stops", "failed")


def worked(swept: Swept) -> Worked:
    """The run in one line, with its counters; symbols without a price are named as far as there is room."""
    counters = {name: swept.counters.get(name, 0) for name in _COUNTERS}
    counters |= {"positions": swept.positions, "unpriced": len(swept.unknown)}
    details = {"unpriced": dict(list(swept.unknown.items())[:NAMED])} if swept.unknown else {}
    return Worked(_words(swept, counters), counters, details)


def _words(swept: Swept, counters: Mapping[str, int]) -> str:
    reasons = {
        "without a price that counts": counters["unpriced"],
        "waiting for an order that works": counters["waiting"],
        "denied by the gate": counters["denied"],
        "held back by HALTED": counters["halted"],
        "stops placed at the broker": counters["stops"],
        f"failed looks ({swept.error})": counters["failed"],
    }
    closing = f"closing {', '.join(swept.told[:NAMED])}" if swept.told else ""
    more = [f"{number} {what}" for what, number in reasons.items() if number]
    what = "; ".join(filter(None, (closing, *more))) or "nothing to close"
    return f"{count(counters['looks'], 'look')} at {count(swept.positions, 'position')}: {what}"
