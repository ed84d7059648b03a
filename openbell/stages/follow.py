"""orders: what became of every order that was not terminal, told as changes between two looks."""

from collections import Counter
from collections.abc import Mapping, Sequence

from openbell.ports import OrderRow, Unsettled
from openbell.stages.recover import Recovered
from openbell.stages.wording import count, quantity
from openbell.values import canonical
from openbell.values.orders import OrderState
from openbell.values.record import Outcome
from openbell.values.work import Worked

#: Ends of orders by the counter that tells of them.
ENDS = {
    OrderState.CANCELED: "canceled",
    OrderState.EXPIRED: "expired",
    OrderState.REJECTED: "rejected",
    OrderState.ABANDONED: "abandoned",
}


def followed(before: Sequence[Unsettled], after: Mapping[str, OrderRow], recovered: Recovered) -> Worked:
    """The work of one look: ``after`` has the order of each id in ``before`` as it stands now."""
    changed = [row for order in before if (row := after.get(order.intent.id)) and _moved(order, row)]
    counters = {"checked": len(before), "filled": 0, "partial": 0, **dict.fromkeys(ENDS.values(), 0)}
    counters |= Counter(kind for order in before for kind in _kinds(order, after.get(order.intent.id)))
    counters |= {"interrupted": len(recovered.interrupted), "waiting": len(recovered.waiting)}
    details = {"changed": canonical.plain([_told(row) for row in changed]), "waiting": list(recovered.waiting)}
    if recovered.blind:
        words = f"the broker could not be asked: {recovered.blind}"
        return Worked(words, counters, details, Outcome.FAILED, "BROKER_UNAVAILABLE")
    return Worked(_words(counters), counters, details)


def _moved(order: Unsettled, row: OrderRow) -> bool:
    return (order.state, order.filled) != (row.state, row.filled)


def _kinds(order: Unsettled, row: OrderRow | None) -> list[str]:
    """The counters that an order adds to: its execution, its end, or both."""
    if row is None or not _moved(order, row):
        return []
    executed = "filled" if row.state is OrderState.FILLED else "partial" if row.filled > order.filled else ""
    return [kind for kind in (executed, ENDS.get(row.state, "")) if kind]


def _told(row: OrderRow) -> dict[str, str]:
    told = f"{row.side} {quantity(row.quantity)} {row.symbol}"
    filled = f"{quantity(row.filled)} filled"
    return {"order": row.client_id, "what": told, "state": row.state.value, "filled": filled, "detail": row.detail}


def _words(counters: Mapping[str, int]) -> str:
    if not counters["checked"]:
        return "no order is open"
    said = [f"{number} {kind}" for kind, number in counters.items() if number and kind != "checked"]
    return f"{count(counters['checked'], 'order')} looked at: {', '.join(said) or 'nothing new'}"
