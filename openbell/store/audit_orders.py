"""Whether orders stand where their events and fills lead, and whether the events kept the rules."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any

from sqlalchemy import Connection, Row, select

from openbell.store.audit import DAMAGE, Check, Grouped, raw, reader, stream, streamed
from openbell.store.connect import now
from openbell.store.desk_tables import ADJUSTMENTS
from openbell.store.order_tables import BOOKS, BUSTS, FILLS, INTENTS, ORDER_EVENTS, ORDERS, SLOTS
from openbell.store.reports import WORDS
from openbell.store.texts import intent_of
from openbell.store.watch_tables import ALERTS
from openbell.values.money import ZERO
from openbell.values.order_states import TRANSITIONS
from openbell.values.orders import OrderState, Side
from openbell.values.shares import split

S = OrderState
#: How long an order may be left alone before somebody must have been told.
PATIENCE = timedelta(minutes=15)
_COLUMNS = ("state", "working", "filled", "cost", "broker_id", "detail", "sent", "updated")
_WAITING = frozenset({S.PLANNED, S.APPROVED, S.SENDING})


@dataclass(slots=True)
class _Replay:
    """An order, rebuilt from nothing but its events and fills."""

    state: OrderState = S.PLANNED
    filled: Decimal = ZERO
    cost: Decimal = ZERO
    broker_id: str = ""
    detail: str = ""
    sent: datetime | None = None
    updated: datetime | None = None
    written: datetime | None = None
    quantity: Decimal | None = None
    fencing: int = 0
    broker_ids: set[str] = field(default_factory=set)

    @property
    def working(self) -> bool:
        """As the projection has it."""
        return self.state.working


class Orders:
    """One pass over the orders; ``checks`` holds what it found."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._events = Grouped(stream(connection, ORDER_EVENTS, "client_id", "sequence"), "client_id")
        self._fills = Grouped(stream(connection, FILLS, "client_id", "sequence"), "client_id")
        self._busts = Grouped(stream(connection, BUSTS, "client_id", "sequence"), "client_id")
        self._read, self._event, self._fill = reader(ORDERS, SLOTS), reader(ORDER_EVENTS), reader(FILLS)
        self._alerted = set(connection.execute(select(ALERTS.c.subject)).scalars())
        self._books: dict[tuple[str, str, str, str], Decimal] = {}
        self._now = now(connection)
        self.projection = Check("I19", "orders = their events and fills")
        self.books = Check("I19", "strategy books = fills split by strategy")
        self.once = Check("I1", "one broker order for each intent")
        self.lost = Check("I2", "no order is left alone")
        self.traced = Check("I3", "each order has intent, verdict and slot")
        self.ahead = Check("I4", "SENDING is written before the broker's word")
        self.sender = Check("I9", "SENDING carries the fencing number of its slot")
        self.machine = Check("I13", "only listed transitions; filled within the quantity")

    def checks(self) -> tuple[Check, ...]:
        """Judge everything."""
        for found in streamed(self._connection, _orders()):
            for check in self._of_orders():
                check.rows += 1
            where = f"orders {found.number} (order {found.client_id})"
            parts = (self._events, self._fills, self._busts)
            events, fills, busts = (rows.take(found.client_id) for rows in parts)
            for bust in busts:
                self.traced.need(bust.account == found.account, f"busts {bust.sequence}", f"is not of {where}")
            try:
                self._one(where, found, events, fills, {bust.fill for bust in busts}, {bust.event for bust in busts})
            except DAMAGE as error:
                self.projection.add(where, f"it or what belongs to it cannot be read: {error}")
        for name, rows in (("order_events", self._events), ("fills", self._fills), ("busts", self._busts)):
            for stray in rows.rest():
                self.traced.add(f"{name} {stray.sequence}", f"there is no order {stray.client_id} for it")
        self._judge_books()
        return *self._of_orders(), self.books

    def _of_orders(self) -> tuple[Check, ...]:
        return self.projection, self.once, self.lost, self.traced, self.ahead, self.sender, self.machine

    def _one(
        self,
        where: str,
        found: Row[Any],
        events: list[Row[Any]],
        fills: list[Row[Any]],
        busted: set[str],
        bust_events: set[int],
    ) -> None:
        self.traced.need(found.body is not None and found.key is not None, where, "its intent or slot is missing")
        same = (found.account, found.symbol) == (found.asked_account, found.asked_symbol)
        self.traced.need(same, where, f"its intent is of {found.asked_symbol} in account {found.asked_account}")
        order, replay = self._read(found), _Replay()
        bringing = {fill.event for fill in fills} | bust_events
        for event in events:
            self._step(where, replay, self._event(event), event.sequence in bringing)
        self._fill_up(where, order, replay, [self._fill(fill) for fill in fills], busted)
        for name in _COLUMNS:
            stored, rebuilt = order[name], getattr(replay, name)
            self.projection.need(stored == rebuilt, where, f"{name} is {stored}, its events make {rebuilt}")
        lowered, stored = replay.quantity, order["quantity"]
        self.projection.need(lowered in (None, stored), where, f"quantity is {stored}, it was lowered to {lowered}")
        self.sender.need(replay.fencing <= order["fencing"], where, "a SENDING mark is newer than the slot's claim")
        self.once.need(len(replay.broker_ids) < 2, where, f"the broker has {sorted(replay.broker_ids)} for it")
        self._judge_rest(where, order, replay)

    def _step(self, where: str, replay: _Replay, event: dict[str, Any], brings: bool) -> None:
        at, state = f"order_events {event['sequence']} ({where})", OrderState(event["state"])
        listed = state in TRANSITIONS.get(replay.state, ()) or (state is replay.state and brings)
        self.machine.need(listed, at, f"goes from {replay.state} to {state}")
        if state is S.SENDING:
            number = event["fencing"] or 0
            self.sender.need(number >= max(replay.fencing, 1), at, f"carries {event['fencing']}: a stale claim sent it")
            replay.fencing, replay.sent = max(number, replay.fencing), replay.sent or event["time"]
        if event["quantity"] is not None:
            once = state is S.SENDING and replay.quantity is None and event["quantity"] > 0
            self.machine.need(once, at, f"lowers the quantity to {event['quantity']}")
            replay.quantity = event["quantity"]
        if state in WORDS:
            self.ahead.need(replay.sent is not None, at, f"the order was never marked SENDING, but is {state}")
        early = replay.written is not None and event["written"] < replay.written - _JITTER
        self.ahead.need(not early, at, "was written before the event before it")
        if event["broker_id"]:
            replay.broker_ids.add(event["broker_id"])
        replay.state, replay.detail, replay.updated = state, event["detail"], event["time"]
        replay.broker_id, replay.written = event["broker_id"] or replay.broker_id, event["written"]

    def _fill_up(
        self, where: str, order: dict[str, Any], replay: _Replay, fills: list[dict[str, Any]], busted: set[str]
    ) -> None:
        with localcontext(prec=80):
            for fill in fills:
                same = (fill["account"], fill["symbol"], fill["side"]) == (
                    order["account"],
                    order["symbol"],
                    order["side"],
                )
                self.projection.need(same, f"fills {fill['sequence']}", f"is not of {where}")
                if fill["id"] not in busted:
                    replay.filled += fill["quantity"]
                    replay.cost += fill["quantity"] * fill["price"]
        self.machine.need(replay.filled <= order["quantity"], where, f"{replay.filled} of {order['quantity']} filled")

    def _judge_rest(self, where: str, order: dict[str, Any], replay: _Replay) -> None:
        if replay.filled:
            intent, sign = intent_of(order["body"]), Side(order["side"]).sign
            for strategy, part in split(intent.shares, replay.filled * sign).items():
                key = (order["account"], order["plan"], strategy, order["symbol"])
                self._books[key] = self._books.get(key, ZERO) + part
        written = replay.written or self._now
        left = order["lease_until"] if order["outcome"] is None else written
        if replay.state in _WAITING:
            late = self._now - left > PATIENCE
            self.lost.need(not late, where, f"is {replay.state} although its run ended at {left:%Y-%m-%d %H:%M}")
        if replay.state is S.UNKNOWN and order["client_id"] not in self._alerted:
            self.lost.need(self._now - written <= PATIENCE, where, "is UNKNOWN for long, and nobody was alerted")

    def _adjusted(self, kept: dict[tuple[str, str, str, str], Decimal]) -> dict[tuple[str, str, str, str], Decimal]:
        """The books with what was given to strategies without an order."""
        read = reader(ADJUSTMENTS)
        for found in stream(self._connection, ADJUSTMENTS, "number"):
            try:
                row = read(found)
                if row["strategy"]:
                    key = (row["account"], row["plan"], row["strategy"], row["symbol"])
                    kept[key] = kept.get(key, ZERO) + row["quantity"]
            except DAMAGE as error:
                self.books.add(f"adjustments {found.number}", f"cannot be read: {error}")
        return kept

    def _judge_books(self) -> None:
        read, kept = reader(BOOKS), self._adjusted(dict(self._books))
        for found in stream(self._connection, BOOKS, "account", "plan", "strategy", "symbol"):
            self.books.rows += 1
            key = (found.account, found.plan, found.strategy, found.symbol)
            where = f"strategy_books {' '.join(map(str, key))}"
            rebuilt = kept.pop(key, None)
            try:
                stored = read(found)["quantity"]
                self.books.need(stored == (rebuilt or ZERO), where, f"quantity is {stored}, its fills make {rebuilt}")
                self.books.need(rebuilt is not None, where, "no fill leads to it")
            except DAMAGE as error:
                self.books.add(where, f"cannot be read: {error}")
        for missing, part in kept.items():
            self.books.add(f"strategy_books {' '.join(missing)}", f"is missing; its fills make {part}")


#: A database's clock may be set back by so much without a word.
_JITTER = timedelta(seconds=2)


def _orders() -> Any:
    of_slot = raw(SLOTS, "key", "fencing", "lease_until", "outcome")
    asked = (INTENTS.c.account.label("asked_account"), INTENTS.c.symbol.label("asked_symbol"))
    query = select(*raw(ORDERS), *of_slot, *raw(INTENTS, "body"), *asked)
    joined = query.join(SLOTS, SLOTS.c.key == ORDERS.c.slot, isouter=True)
    joined = joined.join(INTENTS, INTENTS.c.client_id == ORDERS.c.client_id, isouter=True)
    return joined.order_by(ORDERS.c.client_id)


def orders(connection: Connection) -> Iterator[Check]:
    """Every check of the orders."""
    yield from Orders(connection).checks()
