"""execute-orders: freeze the plan, then send each order once. What is not clear stays unknown.

For each order, one after the other: fresh account, open orders and quote; then one transaction with fencing,
lease, kill switch, window, every rule of the plan and the SENDING mark; then one request, never repeated; then
what came of it. docs/orders.md says the same for operators.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from openbell.crashpoints import reach
from openbell.errors import BrokerError, DataError, RequestsSpent
from openbell.ports import Accepted, Broker, Forbidden, Frozen, Journal, OrderEvent, Rejected, Submission, Unknown
from openbell.risk.gate import sending_order
from openbell.stages.lastgate import UNRECONCILED, Asked, Quotes, last_gate
from openbell.stages.latch import latch
from openbell.stages.lease import Lease
from openbell.stages.legs import along, book_legs, sent_legs
from openbell.stages.pace import Pace
from openbell.stages.resolve import Resolved
from openbell.stages.steps import Known, as_order, record_told
from openbell.undisturbed import undisturbed
from openbell.values.legs import legs_of
from openbell.values.market import Market
from openbell.values.orders import Fill, Order, OrderIntent, OrderState, Purpose
from openbell.values.slot import Slot
from openbell.values.verdict import Decision, Verdict

#: How every broker names keys that it does not take.
UNAUTHORIZED = "UNAUTHORIZED"
#: Kind of the alert about an order that the venue would have kept for another session.
CALLED_BACK = "CALLED_BACK"
#: A basket stops when this many of its orders have an unknown outcome.
MAX_UNKNOWN = 2
#: What a broker that asks for patience is waited for with one order, in all and at least.
PATIENCE, LEAST = timedelta(seconds=60), timedelta(seconds=1)
#: A wait is cut into pieces of this length, between which the lease is kept; it must be well below half a lease.
PIECE = timedelta(seconds=5)
#: A quote older than this is asked for again before an order is sent.
QUOTE_REUSE = timedelta(seconds=2)


def _unheard(urgent: bool) -> None:
    """Nobody counts requests."""


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
    tells why the run may not send at an instant (window, lateness), None where it may; fills are asked for from
    ``since`` on. ``as_held``: see ``booked`` of ``lastgate.Asked``. ``begins`` is told of each order whether it leaves
    a position, so that the questions before it may be of those that are kept for exits.
    """

    desk: Resolved
    journal: Journal
    broker: Broker
    quotes: Quotes
    market: Market
    slot: Slot
    fencing: int
    since: datetime
    pace: Pace
    closed: Callable[[datetime], Forbidden | None]
    lease: Lease
    as_held: bool = False
    begins: Callable[[bool], None] = _unheard

    def send_all(self, frozen: Frozen) -> tuple[Order, ...]:
        """Work through a frozen plan, exits first; two unknown outcomes of this attempt stop the basket.

        After an unknown outcome, of this attempt or of one that died, no further order of the same symbol is sent.
        What is refused too often stops entries, not exits.
        """
        orders: list[Order] = []
        for intent in sendable(frozen):
            self.lease.keep()
            orders.append(self._one(intent, frozen.states, orders))
            reach("between-orders")
        return tuple(orders)

    def _one(self, intent: OrderIntent, states: Mapping[str, OrderState], before: Sequence[Order]) -> Order:
        state = states[intent.id]
        if state is OrderState.APPROVED:
            if stopped := _stopped(intent, states, before) or self._refused(intent, before):
                return self._event(intent, OrderState.ABANDONED, stopped)
            return self.send(intent, sum(order.state is not OrderState.ABANDONED for order in before))
        if state is OrderState.SENDING:
            return self._event(intent, OrderState.UNKNOWN, "an earlier attempt ended between mark and answer")
        return self._known(intent, state)

    def _refused(self, intent: OrderIntent, before: Sequence[Order]) -> str:
        """Why an entry is not sent any more after what the broker refused."""
        if intent.purpose is not Purpose.ENTRY or all(order.state is not OrderState.REJECTED for order in before):
            return ""
        breaker = self.journal.breaker(self.slot.plan, self.slot.job)
        return f"BREAKER: {breaker.dependency}: {breaker.reason}" if breaker.open else ""

    def send(self, intent: OrderIntent, sent: int = 0, again: bool = False, patience: timedelta = PATIENCE) -> Order:
        """One order through the last gate to the broker; ``again`` for one whose absence there is proven.

        The gate may lower the quantity for good; what it forbids is ABANDONED with the gate's words. A broker that
        has nothing of it and says when it listens again is waited for, ``patience`` at most.
        """
        reach("before-send")
        self.begins(intent.purpose is not Purpose.ENTRY)
        gate = self._gate(intent, sent, again)
        if isinstance(gate, Forbidden):
            return self._event(intent, OrderState.ABANDONED, _words(gate))
        event = OrderEvent(intent.id, OrderState.SENDING, self.pace.now())
        judged = last_gate(self.desk, gate, lambda: self.closed(self.pace.now()))
        with undisturbed():
            legs = [leg.id for leg in legs_of(intent)]
            reduces = intent.purpose is not Purpose.ENTRY
            said = self.journal.begin_send(self.slot, self.fencing, event, reduces, judged, legs)
            if isinstance(said, Forbidden):
                if said.latches:
                    self.journal.latch(self.slot.plan, self.slot.job, said.latches, _words(said))
                return self._forbidden(intent, said, again)
            less = replace(intent, quantity=said.quantity) if said else intent
            reach("after-sending")
            answer = self.broker.submit(less)
            reach("after-post")
            span = self._span(answer, patience) if isinstance(answer, Rejected) else None
            if span is None:
                return self._settle(less, answer, said.detail if said else "")
        return self._after(span, less, sent, patience)

    def _forbidden(self, intent: OrderIntent, said: Forbidden, again: bool) -> Order:
        """Given up; but an order that waits for the outcome of another may be asked about again, while it is young."""
        if again and said.code == UNRECONCILED:
            self.journal.alert("UNKNOWN_ORDER", intent.id, _words(said))
            return as_order(intent, OrderState.UNKNOWN, self.pace.now(), _words(said))
        return self._event(intent, OrderState.ABANDONED, _words(said))

    def _span(self, answer: Rejected, patience: timedelta) -> timedelta | None:
        """How long to wait for a broker that asks for patience; None where that takes too long."""
        if answer.retry_at is None:
            return None
        span = max(answer.retry_at - self.pace.clock(), LEAST)
        return span if span <= patience and self.closed(self.pace.now() + span) is None else None

    def _after(self, span: timedelta, intent: OrderIntent, sent: int, patience: timedelta) -> Order:
        """The same order once more, through the last gate, when the broker listens again."""
        self.wait(span)
        detail = f"RATE_LIMIT: the broker did not take it; sent again after {span.total_seconds():.0f} s"
        self.journal.record(OrderEvent(intent.id, OrderState.UNKNOWN, self.pace.now(), detail))
        order = self.send(intent, sent, again=True, patience=patience - span)
        if order.state is OrderState.ABANDONED:
            self.journal.alert("ABANDONED", intent.id, order.reason)
        return order

    def wait(self, span: timedelta) -> None:
        """Let time pass without losing the slot."""
        while span > timedelta(0):
            self.pace.wait(min(span, PIECE))
            self.lease.keep()
            span -= PIECE

    def _gate(self, intent: OrderIntent, sent: int, again: bool) -> Asked | Forbidden:
        """What the last gate judges; no answer of broker or feed is a denial."""
        if forbidden := self.closed(self.pace.now()):
            return forbidden
        booked = self.journal.positions(self.broker.account_id) if self.as_held else None
        try:
            market = self._in_turn(intent.symbol)
        except (BrokerError, DataError) as error:
            return Forbidden("UNAVAILABLE", str(error))
        return Asked(market, intent, self.broker.capabilities, sent, again, booked)

    def _in_turn(self, symbol: str) -> Market:
        """The questions of ``_fresh``, begun again when the account may ask again, within ``PATIENCE``."""
        left = PATIENCE
        while True:
            try:
                return self._fresh(symbol)
            except RequestsSpent as error:
                span = max(error.back, LEAST)
                if span > left or self.closed(self.pace.now() + span):
                    raise
                self.wait(span)
                left -= span

    def _fresh(self, symbol: str) -> Market:
        """Three questions: account, open orders, and the quote unless it is only just here."""
        before, now = self.market.account, self.pace.now()
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
            case Accepted(order, legs, concern):
                if concern:
                    self.journal.alert(CALLED_BACK, intent.id, concern)
                return self._book(intent, order, detail, legs)
            case Rejected(code, message):
                if code == UNAUTHORIZED:
                    self.journal.count(self.slot.plan, self.slot.job, "broker", message, at_once=True)
                return self._event(intent, OrderState.REJECTED, f"{code}: {message}")
            case Unknown(reason):
                return self._event(intent, OrderState.UNKNOWN, reason)

    def _book(self, intent: OrderIntent, order: Order, detail: str, legs: Sequence[Order]) -> Order:
        """Record the broker's word: accepted first, then whatever came of it at once, with its fills; then the legs."""
        fills = self._fills(intent) if order.filled else []
        state = record_told(self.journal, Known(OrderState.SENDING), order, fills, detail)
        book_legs(self.journal, intent, legs, self._fills, self.pace.now())
        return replace(order, state=state, reason=order.reason or detail)

    def _fills(self, intent: OrderIntent) -> list[Fill]:
        """The order's fills; without an answer they are left to the next look at the order."""
        try:
            return [fill for fill in self.broker.fills(self.since) if fill.client_id == intent.id]
        except BrokerError:
            return []

    def _known(self, intent: OrderIntent, state: OrderState) -> Order:
        if state in (OrderState.ABANDONED, OrderState.UNKNOWN):
            return as_order(intent, state, self.pace.now(), f"{state} by an earlier attempt")
        settled = as_order(intent, state, self.pace.now(), "settled by an earlier attempt")
        return self.broker.order(intent.id) or settled

    def _event(self, intent: OrderIntent, state: OrderState, detail: str) -> Order:
        now = self.pace.now()
        legs = along(self.journal, self.slot, intent, state, now)
        self.journal.record(OrderEvent(intent.id, state, now, detail), before=legs)
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
    latch(sender.journal, sender.slot, sender.desk.rules, frozen.verdicts)
    orders = sender.send_all(frozen)
    orders = (*orders, *sent_legs(sender.journal, sender.slot, sendable(frozen), sender.pace.now()))
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


def _stopped(intent: OrderIntent, states: Mapping[str, OrderState], before: Sequence[Order]) -> str:
    unknown = [order for order in before if order.state is OrderState.UNKNOWN]
    # Those that a dead attempt left behind say nothing of how the broker answers now.
    if sum(states[order.client_id] is OrderState.APPROVED for order in unknown) >= MAX_UNKNOWN:
        return f"BASKET_STOPPED: {MAX_UNKNOWN} orders before it have unknown outcomes"
    if intent.symbol in {order.symbol for order in unknown}:
        return f"BASKET_STOPPED: an order of {intent.symbol} before it has an unknown outcome"
    return ""


def _words(forbidden: Forbidden) -> str:
    return f"{forbidden.code}: {forbidden.detail}"
