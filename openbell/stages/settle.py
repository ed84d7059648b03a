"""What became of orders whose outcome is not known, and of orders that still work: ask, and only then act.

An order that may or may not be at the broker is looked up. It is absent only when two complete look-ups, a quiet
time apart, both say so; then it is sent again where the broker itself refuses a second order of the same id and
the last gate agrees, and else given up with an alert. A broker that cannot be asked changes nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from openbell.crashpoints import reach
from openbell.errors import BrokerError, DataError, IllegalTransition
from openbell.ports import Broker, Frozen, Journal, Level, Lookup, OrderEvent, Unsettled
from openbell.stages.execute import CALLED_BACK, Executed, Sender, fills_of, sendable
from openbell.stages.legs import sent_legs
from openbell.stages.pace import Pace
from openbell.stages.steps import (
    SAID,
    STOP_CANCELED,
    Known,
    as_order,
    filled_by,
    mark_canceling,
    record_told,
    withdrawn,
)
from openbell.values.instrument import is_coin
from openbell.values.legs import parent_of
from openbell.values.orders import Fill, Order, OrderState, OrderType, TimeInForce
from openbell.values.time import iso

#: A market order older than this is not sent again, whatever the look-ups say.
MARKET_AGE = timedelta(seconds=60)
#: A cancel that the broker has not carried out by then is told to a person.
CANCEL_AGE = timedelta(minutes=5)
#: Fills are asked for from this long before the oldest order on.
BEFORE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Seen:
    """One answer of the broker about everything at once."""

    orders: Mapping[str, Order]
    fills: Mapping[str, list[Fill]]


@dataclass(frozen=True, slots=True)
class Resolver:
    """Follows orders at one account's broker.

    ``resend`` sends an order again through the last gate and returns it as it stands then; None where the slot is
    closed and nothing may be sent for it. ``oldest`` is the age up to which an order with a price limit may be.
    """

    journal: Journal
    broker: Broker
    pace: Pace
    resend: Callable[[Unsettled], Order | None]
    oldest: Callable[[Unsettled], timedelta]

    def settle(self, orders: Sequence[Unsettled], passes: int = 1) -> tuple[Unsettled, ...]:
        """Up to ``passes`` looks, a quiet time apart; returns those whose outcome is still unknown."""
        waiting = self._once(orders)
        for _ in range(passes - 1):
            if not waiting:
                break
            self.pace.wait(self.pace.quiet)
            waiting = self._once(waiting)
        return waiting

    def _once(self, orders: Sequence[Unsettled]) -> tuple[Unsettled, ...]:
        reach("before-settle")
        marked = [mark_unknown(self.journal, order, self.pace.now()) for order in orders]
        unknown = tuple(order for order in marked if order.state is OrderState.UNKNOWN)
        if not marked:
            return ()
        try:
            seen = self._ask(marked)
        except BrokerError:
            return unknown
        return tuple(order for order in marked if not self._settled(order, seen))

    def _ask(self, orders: Sequence[Unsettled]) -> _Seen:
        """Two questions, however many orders there are."""
        since = min(order.sent or order.slot.planned for order in orders) - BEFORE
        open_orders = {order.client_id: order for order in self.broker.open_orders()}
        fills: dict[str, list[Fill]] = {}
        for fill in self.broker.fills(since):
            fills.setdefault(fill.client_id, []).append(fill)
        return _Seen(open_orders, fills)

    def _settled(self, order: Unsettled, seen: _Seen) -> bool:
        """Whether nothing more has to be found out about the order now."""
        fills = seen.fills.get(order.intent.id, [])
        try:
            found = seen.orders.get(order.intent.id) or self.broker.order(order.intent.id)
        except BrokerError:
            return order.state is not OrderState.UNKNOWN
        if found is None and fills:
            found = _from_fills(order, fills)
        if found is not None:
            return self._found(order, found, fills)
        if order.state is OrderState.UNKNOWN:
            return self._absent(order)
        self.journal.alert("VANISHED", order.intent.id, f"{order.state} here, and the broker does not know it")
        return True

    def _found(self, order: Unsettled, found: Order, fills: Sequence[Fill]) -> bool:
        unknown = order.state is OrderState.UNKNOWN
        if unknown and not _same(order, found):
            return self._collision(order, found)
        if unknown:
            self.journal.looked_up(Lookup(order.intent.id, self.pace.clock(), found=True, detail=found.broker_id))
        if found.state not in SAID:
            self.journal.alert("UNMAPPED", order.intent.id, f"the broker says {found.state}: {found.reason}"[:500])
            return not unknown
        self._write(order, found, fills, "recovered=true" if unknown else "")
        if unknown and found.state is OrderState.ACKED and found.time_in_force is TimeInForce.DAY:
            self._in_session(order)
        return True

    def _in_session(self, order: Unsettled) -> None:
        """One that may have arrived after the close waits for the next session, for which nobody decided: call it back.

        Those whose answer came were looked at when it did.
        """
        if is_coin(order.intent.symbol) or order.intent.extended_hours:
            return
        try:
            if self.broker.clock().is_open:
                return
        except BrokerError as error:
            self.journal.alert(CALLED_BACK, order.intent.id, f"whether it waits for the next session: {error}")
            return
        why = "found at the broker while its market is closed, and called back: it would wait for the next session"
        mark_canceling(self.journal, replace(order, state=OrderState.ACKED), self.pace.now(), why)
        self.journal.alert(CALLED_BACK, order.intent.id, why)
        self.broker.cancel(order.intent.id)

    def _write(self, order: Unsettled, found: Order, fills: Sequence[Fill], detail: str) -> None:
        try:
            after = record_told(self.journal, Known(order.state, order.filled), found, fills, detail)
        except IllegalTransition:
            return  # somebody else wrote it down in the meantime
        if why := withdrawn(order, after):
            self.journal.alert(STOP_CANCELED, f"{order.plan}/{order.intent.symbol}", why)
        stuck = order.state is after is OrderState.PENDING_CANCEL
        if stuck and self.pace.now() - order.updated > CANCEL_AGE:
            self.journal.alert("CANCEL_STUCK", order.intent.id, "the broker has not carried out the cancel")
        if found.state is OrderState.REJECTED and after.terminal:
            self.journal.alert("REJECTED_LATER", order.intent.id, found.reason)

    def _collision(self, order: Unsettled, found: Order) -> bool:
        """Our id names another order at the broker: nothing may be sent until a person has looked."""
        words = f"{found.side} {found.quantity} {found.symbol} at the broker, {order.intent.side} {order.quantity} here"
        self.journal.alert("ID_COLLISION", order.intent.id, words)
        self.journal.set_switch(Level.HALTED, "openbell", f"ID_COLLISION {order.intent.id}: {words}")
        return False

    def _absent(self, order: Unsettled) -> bool:
        if parent := parent_of(order.intent.id):
            frozen = self.journal.frozen(order.slot)
            state = frozen.states.get(parent) if frozen else None
            if state in (OrderState.SENDING, OrderState.UNKNOWN):
                return False  # a leg goes the way of its order, whose outcome is not known either
            if state in (OrderState.REJECTED, OrderState.ABANDONED):
                words = f"its order {parent} is {state}"
                _record(self.journal, OrderEvent(order.intent.id, OrderState.ABANDONED, self.pace.now(), words))
                return True
        before, time = self.journal.lookups(order.intent.id), self.pace.clock()
        self.journal.looked_up(Lookup(order.intent.id, time, found=False))
        reach("after-look-up")
        clean = [lookup.time for lookup in before if not lookup.found]
        if not clean or time - clean[0] < self.pace.quiet:
            return False
        return self._give_up(order, clean[0], time) if not self._may_resend(order) else self._again(order)

    def _may_resend(self, order: Unsettled) -> bool:
        if parent_of(order.intent.id):
            return False
        limit = MARKET_AGE if order.intent.type is OrderType.MARKET else self.oldest(order)
        young = order.sent is not None and self.pace.now() - order.sent < limit
        return self.broker.capabilities.unique_client_ids is True and young

    def _again(self, order: Unsettled) -> bool:
        try:
            sent = self.resend(order)
        except (BrokerError, DataError):
            return False
        if sent is None:
            return self._give_up(order, None, self.pace.clock())
        if sent.state is OrderState.ABANDONED:
            self.journal.alert("ABANDONED", order.intent.id, sent.reason)
        return sent.state is not OrderState.UNKNOWN

    def _give_up(self, order: Unsettled, first: datetime | None, last: datetime) -> bool:
        between = f" and at {iso(first)}" if first else ""
        detail = f"ABSENT: the broker did not have it at {iso(last)}{between}; it is not sent again"
        _record(self.journal, OrderEvent(order.intent.id, OrderState.ABANDONED, self.pace.now(), detail))
        self.journal.alert("ABANDONED", order.intent.id, detail)
        return True


def mark_unknown(journal: Journal, order: Unsettled, now: datetime) -> Unsettled:
    """An order whose sender died between mark and answer has an unknown outcome, which a person is told of."""
    if order.state not in (OrderState.SENDING, OrderState.UNKNOWN):
        return order
    detail = "an earlier attempt ended before its outcome was known"
    if order.state is OrderState.SENDING:
        _record(journal, OrderEvent(order.intent.id, OrderState.UNKNOWN, now, detail))
    journal.alert("UNKNOWN_ORDER", order.intent.id, detail)
    return replace(order, state=OrderState.UNKNOWN)


def _record(journal: Journal, event: OrderEvent) -> None:
    try:
        journal.record(event)
    except IllegalTransition:
        return  # somebody else wrote it down in the meantime


def _same(order: Unsettled, found: Order) -> bool:
    if (found.symbol, found.side) != (order.intent.symbol, order.intent.side):
        return False
    # A venue takes off a leg what the other one has filled.
    return found.quantity == order.quantity or (bool(parent_of(found.client_id)) and found.quantity < order.quantity)


def _from_fills(order: Unsettled, fills: Sequence[Fill]) -> Order:
    """An order that shows only by what was executed of it."""
    filled = filled_by(fills)
    state = OrderState.FILLED if filled >= order.quantity else OrderState.PARTIAL
    bare = as_order(replace(order.intent, quantity=order.quantity), state, fills[-1].time, "")
    return replace(bare, filled=filled)


def settle_basket(sender: Sender, executed: Executed) -> Executed:
    """Look up the orders of a basket whose outcome is unknown, before the slot is closed: two looks at most.

    What is still unknown afterwards is left to recovery.
    """
    unknown = {order.client_id for order in executed.orders if order.state is OrderState.UNKNOWN}
    if not unknown:
        return executed
    orders = [order for order in sender.journal.unsettled(sender.broker.account_id) if order.intent.id in unknown]

    resolver_of(sender).settle(orders, passes=2)
    return standing(sender, executed)


def resolver_of(sender: Sender) -> Resolver:
    """A resolver that may send again for the sender's slot, and keeps its lease while it waits."""
    grid = sender.desk.grids.get(sender.slot.job)
    interval = grid.interval_at(sender.slot.planned) if grid else MARKET_AGE

    def resend(order: Unsettled) -> Order | None:
        if order.slot.key != sender.slot.key:
            return None
        sender.lease.keep()
        return sender.send(replace(order.intent, quantity=order.quantity), again=True)

    pace = replace(sender.pace, wait=sender.wait)
    return Resolver(sender.journal, sender.broker, pace, resend, lambda _: interval)


def standing(sender: Sender, executed: Executed) -> Executed:
    """The basket once more, with the orders as they stand now."""
    frozen = sender.journal.frozen(sender.slot) or Frozen(executed.intents, executed.verdicts, {})
    before = {order.client_id: order for order in executed.orders}
    sent = [intent for intent in sendable(frozen) if intent.id in before]
    orders = tuple(_standing(sender, before[intent.id], frozen.states.get(intent.id)) for intent in sent)
    orders = (*orders, *sent_legs(sender.journal, sender.slot, sent, sender.pace.now()))
    return replace(executed, orders=orders, fills=fills_of(sender.broker, frozen, orders, sender.since))


def _standing(sender: Sender, before: Order, state: OrderState | None) -> Order:
    if state is None or state is before.state:
        return before
    try:
        found = None if state is OrderState.ABANDONED else sender.broker.order(before.client_id)
    except BrokerError:
        found = None
    return found or replace(before, state=state, reason=f"{state} after a look-up")
