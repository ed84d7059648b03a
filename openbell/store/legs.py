"""Legs in the ledger: orders like any other, frozen and marked together with the order that brings them along.

A frozen plan does not name them, since they follow from it; the states that it tells have theirs.
"""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from openbell.ports import Frozen, OrderEvent, Reduced
from openbell.store import orders
from openbell.values.legs import legs_of, parent_of
from openbell.values.orders import OrderIntent, OrderState
from openbell.values.verdict import Decision, Ruling, Verdict

#: Name of the ruling on a leg.
RULE = "goes_with_its_order"
#: States from which a leg is marked SENDING with its order.
_BEFORE = (OrderState.APPROVED, OrderState.UNKNOWN)


def with_legs(
    intents: Sequence[OrderIntent], verdicts: Sequence[Verdict]
) -> tuple[Sequence[OrderIntent], Sequence[Verdict]]:
    """A plan with the legs of what may be sent, each after its order; a plan without any is given back as it is."""
    bringing = {intent.id: legs_of(intent) for intent in intents if intent.take_profit or intent.stop_loss}
    if not bringing:
        return intents, verdicts
    denied = {verdict.intent_id for verdict in verdicts if verdict.decision is Decision.DENIED}
    legs = {name: () if name in denied else found for name, found in bringing.items()}
    every = [each for intent in intents for each in (intent, *legs.get(intent.id, ()))]
    judged = [
        each
        for verdict in verdicts
        for each in (verdict, *(_verdict(leg, verdict) for leg in legs.get(verdict.intent_id, ())))
    ]
    return every, judged


def _verdict(leg: OrderIntent, parent: Verdict) -> Verdict:
    measured, limit = f"a leg of order {parent.intent_id}", "sent with it, never more than it"
    ruling = Ruling(RULE, parent.decision, measured, limit, parent.quantity)
    return Verdict(leg.id, leg.symbol, parent.decision, RULE, measured, limit, parent.asked, parent.quantity, (ruling,))


def without_legs(frozen: Frozen) -> Frozen:
    """The plan as it was decided; ``states`` keeps those of the legs."""
    legs = {intent.id for intent in frozen.intents if parent_of(intent.id) in frozen.states}
    if not legs:
        return frozen
    return replace(
        frozen,
        intents=tuple(intent for intent in frozen.intents if intent.id not in legs),
        verdicts=tuple(verdict for verdict in frozen.verdicts if verdict.intent_id not in legs),
        reduced={name: quantity for name, quantity in frozen.reduced.items() if name not in legs},
    )


def mark(
    connection: Connection, client_ids: Sequence[str], event: OrderEvent, less: Reduced | None, fencing: int
) -> None:
    """Mark legs SENDING with their order, with the quantity that it goes with."""
    for client_id in client_ids:
        row = orders.order_row(connection, client_id)
        if OrderState(row.state) in _BEFORE:
            orders.step(connection, row, orders.mark(row, replace(event, client_id=client_id), less), fencing)
