"""What an answer to an order means. Only a clear word counts; everything else is Unknown."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from openbell.brokers.alpaca import rows
from openbell.errors import BrokerError
from openbell.ports import Accepted, Rejected, Submission, Unknown
from openbell.values.money import text
from openbell.values.orders import Order, OrderClass, OrderIntent, OrderState, TimeInForce
from openbell.venues.alpaca.transport import Answer

#: Answers by which Alpaca refuses an order, provided that they carry its own code and message.
_REFUSALS = (400, 403, 404, 422)
#: Code of a repeated client order id, among other malformed requests.
_MALFORMED = "40010001"
_NOT_FOUND = "40410000"
#: Status of an order that Alpaca has and no exchange yet.
_NOT_ROUTED = "accepted"
#: Digits of a second since 1970 for some centuries to come.
_SECONDS = 10


def request(intent: OrderIntent) -> dict[str, Any]:
    """The body of the POST: amounts as plain decimal text, never as floats; absent is left out."""
    prices: dict[str, Decimal | None] = {
        "limit_price": intent.limit_price,
        "stop_price": intent.stop_price,
        "trail_price": intent.trail,
    }
    return {
        "client_order_id": intent.id,
        "symbol": intent.symbol,
        "qty": text(intent.quantity),
        "side": intent.side.value,
        "type": intent.type.value,
        "time_in_force": intent.time_in_force.value,
        **{name: text(price) for name, price in prices.items() if price is not None},
        **({"extended_hours": True} if intent.extended_hours else {}),
        **_legs(intent),
    }


def _legs(intent: OrderIntent) -> dict[str, Any]:
    """Exits that Alpaca places itself; of an OCO the order's own limit is the profit."""
    if intent.order_class is OrderClass.SIMPLE:
        return {}
    profit = intent.limit_price if intent.order_class is OrderClass.OCO else intent.take_profit
    legs = {
        "take_profit": None if profit is None else {"limit_price": text(profit)},
        "stop_loss": None if intent.stop_loss is None else {"stop_price": text(intent.stop_loss)},
    }
    return {"order_class": intent.order_class.value, **{name: leg for name, leg in legs.items() if leg is not None}}


def read(body: Any, client_id: str) -> Order:
    """The order in an answer; BrokerError when it cannot be read or is another one."""
    if not isinstance(body, dict):
        raise BrokerError(f"alpaca: the answer about {client_id} is no order")
    order = rows.order_of(body)
    if order.client_id != client_id:
        raise BrokerError(f"alpaca: the answer about {client_id} is about {order.client_id[:60]}")
    return order


def submitted(answer: Answer, intent: OrderIntent) -> Submission:
    """The outcome of a POST: accepted and refused are clear words, all else leaves it open."""
    if answer.status in (200, 201):
        try:
            return Accepted(read(answer.body, intent.id))
        except BrokerError as error:
            return Unknown(f"{answer.status}, but the order cannot be read: {error}")
    return _refused(answer)


def queued(answer: Answer, intent: OrderIntent) -> bool:
    """Whether an order for the day of a stock was taken and not routed, as those are that wait for the next session."""
    day = intent.time_in_force is TimeInForce.DAY and not intent.extended_hours and "/" not in intent.symbol
    return day and isinstance(answer.body, dict) and answer.body.get("status") == _NOT_ROUTED


def _refused(answer: Answer) -> Submission:
    """What an answer means that is not a yes."""
    if answer.back:
        return Rejected("RATE_LIMIT", answer.said, datetime.now(UTC) + answer.back)
    if answer.status == 401:
        return Rejected("UNAUTHORIZED", f"the keys are refused: {answer.said}")
    if answer.status == 429:
        return _limited(answer)
    if answer.status in _REFUSALS and answer.code:
        return Rejected(answer.code, answer.said)
    return Unknown(answer.said)


def _limited(answer: Answer) -> Submission:
    """Not taken for certain only if the limiter says so: by its own text, or by a spent budget in the headers."""
    message = str(answer.body.get("message", "")) if isinstance(answer.body, dict) else ""
    if answer.remaining == "0" or "too many requests" in message.lower() or "rate limit" in message.lower():
        back = answer.reset or "an untold time"
        return Rejected("RATE_LIMIT", f"{answer.said}; the budget comes back at {back}", _reset(answer.reset))
    return Unknown(answer.said)


def _reset(told: str) -> datetime | None:
    """The header's second since 1970 as an instant, None for anything else."""
    if not (told.isascii() and told.isdecimal() and len(told) <= _SECONDS):
        return None
    return datetime.fromtimestamp(int(told), UTC)


def maybe_duplicate(answer: Answer) -> bool:
    """Whether the refusal may mean that the id was used before; its text may change, its code is shared."""
    return answer.status == 422 and (answer.code == _MALFORMED or "unique" in answer.said)


def duplicate(found: Order | None, intent: OrderIntent, refused: Submission) -> Submission:
    """A refused id after a look-up: our own order recovered, another one under our id, or a mere refusal."""
    if found is None:
        unique = isinstance(refused, Rejected) and "unique" in refused.message
        return Unknown("the id was used before, and no order with it is to be seen yet") if unique else refused
    if (found.symbol, found.side, found.quantity) == (intent.symbol, intent.side, intent.quantity):
        return Accepted(replace(found, reason=found.reason or "recovered: the broker had it already"))
    there = f"{found.side} {text(found.quantity)} {found.symbol}"
    ours = f"{intent.side} {text(intent.quantity)} {intent.symbol}"
    return Unknown(f"ID_COLLISION: the broker has {there} under {intent.id}, not {ours}")


def absent(answer: Answer) -> bool:
    """Alpaca's own word that there is none; a 404 of anything else proves nothing."""
    return answer.status == 404 and answer.code == _NOT_FOUND


def canceled(answer: Answer, order: Order) -> Submission:
    """The outcome of a DELETE."""
    if answer.status in (200, 204):
        return cancel_taken(order)
    return _refused(answer)


def cancel_taken(order: Order) -> Accepted:
    """A cancel that was taken is a request: an order still shown alive is on its way out, not gone."""
    alive = order.state in (OrderState.ACKED, OrderState.PARTIAL)
    return Accepted(replace(order, state=OrderState.PENDING_CANCEL) if alive else order)
