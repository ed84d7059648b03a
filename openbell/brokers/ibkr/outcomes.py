"""What the gateway's word about an order, or about a cancel, comes to."""

from dataclasses import replace
from datetime import UTC, datetime

from openbell.brokers.ibkr import codes
from openbell.brokers.ibkr.sending import Watch, Word
from openbell.ports import Accepted, Rejected, Submission, Unknown
from openbell.values.money import text
from openbell.values.orders import Order, OrderIntent, OrderState


def recovered(found: Order, intent: OrderIntent) -> Submission:
    """The gateway has an order with this id before anything is sent: ours, or one that collides."""
    if found.state is not OrderState.UNKNOWN and (found.symbol, found.side) == (intent.symbol, intent.side):
        return Accepted(replace(found, reason=found.reason or "recovered: the broker had it already"))
    there = f"{found.side} {text(found.quantity)} {found.symbol}"
    return Unknown(f"ID_COLLISION: the broker has {there} under {intent.id}: {found.reason}")


def taken(intent: OrderIntent, watch: Watch) -> Order:
    """An order that is acknowledged or executed, as far as is told of it by then."""
    filled = max(watch.executed, watch.filled)
    whole = filled >= intent.quantity
    state = OrderState.FILLED if whole else OrderState.PARTIAL if filled else OrderState.ACKED
    return Order(
        client_id=intent.id,
        symbol=intent.symbol,
        side=intent.side,
        quantity=intent.quantity,
        type=intent.type,
        state=state,
        updated=datetime.now(UTC),
        filled=filled,
        broker_id=str(watch.perm_id),
        limit_price=intent.limit_price,
        stop_price=intent.stop_price,
        trail=intent.trail,
        time_in_force=intent.time_in_force,
        reason=watch.notices(),
    )


def silent(watch: Watch, seconds: float) -> Unknown:
    """Nothing clear came in time; what came is told, so that a person can judge it."""
    told = watch.notices()
    return Unknown(f"no {'clear ' if told else ''}word about the order within {seconds:g} s{told and f': {told}'}")


def claimed(watch: Watch, problem: str) -> Unknown:
    """A status claims an end, and nothing bears it out."""
    told = watch.notices()
    return Unknown(f"its status is {watch.status}{told and f' ({told})'}, and {problem}")


def canceled(client_id: str, word: Word, watch: Watch, found: Order | None) -> Submission:
    """The outcome of a cancel; ``found`` is the order as the lists have it afterwards."""
    refused = watch.said(codes.CANCEL_REFUSED)
    if word is Word.REFUSED and refused:
        return Rejected(str(refused[0]), refused[1])
    if found is None:
        return Unknown(f"no list of the gateway has {client_id} any more")
    if found.state.terminal or found.state is OrderState.PENDING_CANCEL:
        return Accepted(found)
    if word is Word.TAKEN:
        return Accepted(replace(found, state=OrderState.PENDING_CANCEL))
    return Unknown("the cancel was not answered, and the order is still open")
