"""execute-orders: freeze the plan, then send each order once. What is not clear stays unknown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from openbell.ports import Accepted, Broker, Frozen, Journal, Level, OrderEvent, Rejected, Submission, Switch, Unknown
from openbell.risk.gate import sending_order
from openbell.values.orders import Fill, Order, OrderIntent, OrderState, Purpose
from openbell.values.slot import Slot
from openbell.values.verdict import Decision, Verdict

#: A basket stops when this many of its orders have an unknown outcome.
MAX_UNKNOWN = 2


@dataclass(frozen=True, slots=True)
class Executed:
    """The frozen plan of the slot and what became of each of its orders."""

    intents: tuple[OrderIntent, ...]
    verdicts: tuple[Verdict, ...]
    orders: tuple[Order, ...]
    fills: tuple[Fill, ...]


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends the orders of one slot under its fencing number.

    ``closed`` tells why the window no longer permits an order at this instant, empty while it does; ``now`` is
    the instant that events are stamped with; fills are asked for from ``since`` on.
    """

    journal: Journal
    broker: Broker
    slot: Slot
    fencing: int
    since: datetime
    now: Callable[[], datetime]
    closed: Callable[[], str]

    def send_all(self, frozen: Frozen) -> tuple[Order, ...]:
        """Work through a frozen plan, exits first; two unknown outcomes stop the basket."""
        asked = {intent.id: intent for intent in frozen.intents}
        allowed = {v.intent_id: v for v in frozen.verdicts if v.decision is not Decision.DENIED}
        sendable = sending_order([replace(asked[key], quantity=v.quantity) for key, v in allowed.items()])
        orders, unknown = [], 0
        for intent in sendable:
            state = frozen.states[intent.id]
            order = self._one(intent, state) if unknown < MAX_UNKNOWN else self._leave(intent, state)
            unknown += order.state is OrderState.UNKNOWN
            orders.append(order)
        return tuple(orders)

    def _one(self, intent: OrderIntent, state: OrderState) -> Order:
        if state is OrderState.APPROVED:
            return self._send(intent)
        if state in (OrderState.SENDING, OrderState.UNKNOWN):
            return self._look_up(intent, state)
        return self._known(intent, state)

    def _send(self, intent: OrderIntent) -> Order:
        if reason := self.closed():
            return self._event(intent, OrderState.ABANDONED, f"WINDOW_CLOSED: {reason}")
        reduces = intent.purpose is not Purpose.ENTRY
        event = OrderEvent(intent.id, OrderState.SENDING, self.now())
        forbidden = self.journal.begin_send(self.slot, self.fencing, event, reduces)
        if forbidden is not None:
            return self._event(intent, OrderState.ABANDONED, _killed(forbidden))
        return self._settle(intent, self.broker.submit(intent))

    def _settle(self, intent: OrderIntent, answer: Submission) -> Order:
        match answer:
            case Accepted(order):
                return self._book(intent, order)
            case Rejected(code, message):
                return self._event(intent, OrderState.REJECTED, f"{code}: {message}")
            case Unknown(reason):
                return self._event(intent, OrderState.UNKNOWN, reason)

    def _look_up(self, intent: OrderIntent, state: OrderState) -> Order:
        """An earlier attempt died around the send: only the broker knows. Nothing is sent again here."""
        if state is OrderState.SENDING:
            self._event(intent, OrderState.UNKNOWN, "an earlier attempt ended between mark and answer")
        found = self.broker.order(intent.id)
        if found is None:
            return _as_order(intent, OrderState.UNKNOWN, self.now(), "not found at the broker; left to recovery")
        return self._book(intent, found)

    def _book(self, intent: OrderIntent, order: Order) -> Order:
        """Record the broker's word: accepted first, then whatever came of it at once, with its fills."""
        fills = [fill for fill in self.broker.fills(self.since) if fill.client_id == intent.id]
        self.journal.record(OrderEvent(intent.id, OrderState.ACKED, order.updated, "", order.broker_id))
        if order.state is not OrderState.ACKED:
            event = OrderEvent(intent.id, order.state, order.updated, order.reason, order.broker_id)
            self.journal.record(event, fills)
        return order

    def _leave(self, intent: OrderIntent, state: OrderState) -> Order:
        if state is OrderState.APPROVED:
            return self._event(intent, OrderState.ABANDONED, f"{MAX_UNKNOWN} orders before it have unknown outcomes")
        return self._known(intent, state)

    def _known(self, intent: OrderIntent, state: OrderState) -> Order:
        if state is OrderState.ABANDONED:
            return _as_order(intent, state, self.now(), "abandoned by an earlier attempt")
        return self.broker.order(intent.id) or _as_order(intent, state, self.now(), "settled by an earlier attempt")

    def _event(self, intent: OrderIntent, state: OrderState, detail: str) -> Order:
        now = self.now()
        self.journal.record(OrderEvent(intent.id, state, now, detail))
        return _as_order(intent, state, now, detail)


def execute(sender: Sender, account: str, intents: Sequence[OrderIntent], verdicts: Sequence[Verdict]) -> Executed:
    """Freeze intents and verdicts (or take those frozen before) and send what was approved."""
    frozen = sender.journal.freeze(sender.slot, sender.fencing, account, intents, verdicts)
    orders = sender.send_all(frozen)
    ours = {intent.id for intent in frozen.intents}
    fills = tuple(fill for fill in sender.broker.fills(sender.since) if fill.client_id in ours) if orders else ()
    return Executed(frozen.intents, frozen.verdicts, orders, fills)


def _killed(switch: Switch) -> str:
    word = "HALTED" if switch.level is Level.HALTED else "REDUCE_ONLY"
    return f"{word}: {switch.reason or 'no reason given'}"


def _as_order(intent: OrderIntent, state: OrderState, now: datetime, detail: str) -> Order:
    return Order(
        client_id=intent.id,
        symbol=intent.symbol,
        side=intent.side,
        quantity=intent.quantity,
        type=intent.type,
        state=state,
        updated=now,
        limit_price=intent.limit_price,
        stop_price=intent.stop_price,
        trail=intent.trail,
        time_in_force=intent.time_in_force,
        reason=detail,
    )
