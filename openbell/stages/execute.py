"""execute-orders: freeze the plan, then send each order once. What is not clear stays unknown.

For each order, one after the other: fresh account, open orders and quote; then one transaction with fencing,
lease, kill switch, window, every rule of the plan and the SENDING mark; then one request, never repeated; then
what came of it. docs/orders.md says the same for operators.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from openbell.crashpoints import reach
from openbell.errors import BrokerError, DataError
from openbell.ports import Accepted, Broker, Forbidden, Frozen, Journal, OrderEvent, Rejected, Submission, Unknown
from openbell.risk.gate import sending_order
from openbell.stages.lastgate import Asked, Quotes, last_gate
from openbell.stages.lease import Lease
from openbell.stages.resolve import Resolved
from openbell.stages.steps import Known, as_order, record_told
from openbell.values.market import Market
from openbell.values.orders import Fill, Order, OrderIntent, OrderState, Purpose
from openbell.values.slot import Slot
from openbell.values.verdict import Decision, Verdict

#: A basket stops when this many of its orders have an unknown outcome.
MAX_UNKNOWN = 2
#: A quote older than this is asked for again before an order is sent.
QUOTE_REUSE = timedelta(seconds=2)


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

    ``market`` is what the run saw; account, open orders and quote are read again for each order. ``closed``
    tells why the run may not send at this instant (window, lateness), empty while it may; ``now`` is the instant
    that events are stamped with; fills are asked for from ``since`` on. ``as_held``: see ``lastgate.Asked``.
    """

    desk: Resolved
    journal: Journal
    broker: Broker
    quotes: Quotes
    market: Market
    slot: Slot
    fencing: int
    since: datetime
    now: Callable[[], datetime]
    closed: Callable[[], Forbidden | None]
    lease: Lease
    as_held: bool = False

    def send_all(self, frozen: Frozen) -> tuple[Order, ...]:
        """Work through a frozen plan, exits first; two unknown outcomes stop the basket.

        After an unknown outcome no further order of the same symbol is sent.
        """
        orders: list[Order] = []
        for intent in sendable(frozen):
            self.lease.keep()
            unknown = [order.symbol for order in orders if order.state is OrderState.UNKNOWN]
            sent = sum(order.state is not OrderState.ABANDONED for order in orders)
            orders.append(self._one(intent, frozen.states[intent.id], unknown, sent))
            reach("between-orders")
        return tuple(orders)

    def _one(self, intent: OrderIntent, state: OrderState, unknown: Sequence[str], sent: int) -> Order:
        if state is OrderState.APPROVED:
            stopped = _stopped(intent, unknown)
            return self._event(intent, OrderState.ABANDONED, stopped) if stopped else self.send(intent, sent)
        if state is OrderState.SENDING:
            return self._event(intent, OrderState.UNKNOWN, "an earlier attempt ended between mark and answer")
        return self._known(intent, state)

    def send(self, intent: OrderIntent, sent: int = 0, again: bool = False) -> Order:
        """One order through the last gate to the broker; ``again`` for one whose absence there is proven.

        The gate may lower the quantity for good; what it forbids is ABANDONED with the gate's words.
        """
        reach("before-send")
        gate = self._gate(intent, sent, again)
        if isinstance(gate, Forbidden):
            return self._event(intent, OrderState.ABANDONED, _words(gate))
        event = OrderEvent(intent.id, OrderState.SENDING, self.now())
        said = self.journal.begin_send(
            self.slot, self.fencing, event, intent.purpose is not Purpose.ENTRY, last_gate(self.desk, gate, self.closed)
        )
        if isinstance(said, Forbidden):
            return self._event(intent, OrderState.ABANDONED, _words(said))
        less = replace(intent, quantity=said.quantity) if said else intent
        reach("after-sending")
        answer = self.broker.submit(less)
        reach("after-post")
        return self._settle(less, answer, said.detail if said else "")

    def _gate(self, intent: OrderIntent, sent: int, again: bool) -> Asked | Forbidden:
        """What the last gate judges; no answer of broker or feed is a denial."""
        if forbidden := self.closed():
            return forbidden
        try:
            market = self._fresh(intent.symbol)
        except (BrokerError, DataError) as error:
            return Forbidden("UNAVAILABLE", str(error))
        return Asked(market, intent, self.broker.capabilities, sent, again, self.as_held)

    def _fresh(self, symbol: str) -> Market:
        """Three questions: account, open orders, and the quote unless it is only just here."""
        before, now = self.market.account, self.now()
        account, open_orders = self.broker.account(), self.broker.open_orders()
        quotes, quote = self.market.quotes, self.market.quotes.get(symbol)
        if quote is None or now - self.market.as_of > QUOTE_REUSE:
            quotes = {**{name: q for name, q in quotes.items() if name != symbol}, **self.quotes([symbol], now)}
        return replace(
            self.market,
            as_of=now,
            account=replace(account, equity_at_open=before.equity_at_open, peak_equity=before.peak_equity),
            open_orders=open_orders,
            quotes=quotes,
        )

    def _settle(self, intent: OrderIntent, answer: Submission, detail: str) -> Order:
        match answer:
            case Accepted(order):
                return self._book(intent, order, detail)
            case Rejected(code, message):
                return self._event(intent, OrderState.REJECTED, f"{code}: {message}")
            case Unknown(reason):
                return self._event(intent, OrderState.UNKNOWN, reason)

    def _book(self, intent: OrderIntent, order: Order, detail: str) -> Order:
        """Record the broker's word: accepted first, then whatever came of it at once, with its fills."""
        fills = self._fills(intent) if order.filled else []
        state = record_told(self.journal, Known(OrderState.SENDING), order, fills, detail)
        return replace(order, state=state, reason=order.reason or detail)

    def _fills(self, intent: OrderIntent) -> list[Fill]:
        """The order's fills; without an answer they are left to the next look at the order."""
        try:
            return [fill for fill in self.broker.fills(self.since) if fill.client_id == intent.id]
        except BrokerError:
            return []

    def _known(self, intent: OrderIntent, state: OrderState) -> Order:
        if state in (OrderState.ABANDONED, OrderState.UNKNOWN):
            return as_order(intent, state, self.now(), f"{state} by an earlier attempt")
        return self.broker.order(intent.id) or as_order(intent, state, self.now(), "settled by an earlier attempt")

    def _event(self, intent: OrderIntent, state: OrderState, detail: str) -> Order:
        now = self.now()
        self.journal.record(OrderEvent(intent.id, state, now, detail))
        if state is OrderState.UNKNOWN:
            self.journal.alert("UNKNOWN_ORDER", intent.id, detail)
        reach("after-record")
        return as_order(intent, state, now, detail)


def sendable(frozen: Frozen) -> tuple[OrderIntent, ...]:
    """The approved intents with the quantities that the gates left, in the order of sending."""
    asked, less = {intent.id: intent for intent in frozen.intents}, frozen.reduced
    allowed = [v for v in frozen.verdicts if v.decision is not Decision.DENIED]
    return sending_order([replace(asked[v.intent_id], quantity=less.get(v.intent_id, v.quantity)) for v in allowed])


def execute(sender: Sender, account: str, intents: Sequence[OrderIntent], verdicts: Sequence[Verdict]) -> Executed:
    """Freeze intents and verdicts (or take those frozen before) and send what was approved."""
    reach("before-freeze")
    frozen = sender.journal.freeze(sender.slot, sender.fencing, account, intents, verdicts)
    reach("after-freeze")
    orders = sender.send_all(frozen)
    return Executed(frozen.intents, frozen.verdicts, orders, fills_of(sender.broker, frozen, orders, sender.since))


def fills_of(broker: Broker, frozen: Frozen, orders: Sequence[Order], since: datetime) -> tuple[Fill, ...]:
    """The executions of a plan's orders, for the record; none when the broker does not answer."""
    ours = {intent.id for intent in frozen.intents}
    if not any(order.filled for order in orders):
        return ()
    try:
        return tuple(fill for fill in broker.fills(since) if fill.client_id in ours)
    except BrokerError:
        return ()


def _stopped(intent: OrderIntent, unknown: Sequence[str]) -> str:
    if len(unknown) >= MAX_UNKNOWN:
        return f"BASKET_STOPPED: {MAX_UNKNOWN} orders before it have unknown outcomes"
    if intent.symbol in unknown:
        return f"BASKET_STOPPED: an order of {intent.symbol} before it has an unknown outcome"
    return ""


def _words(forbidden: Forbidden) -> str:
    return f"{forbidden.code}: {forbidden.detail}"
