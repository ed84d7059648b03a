"""One order or one cancel goes out, once, and then the gateway's word about it is waited for."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from enum import Enum
from typing import Any

from openbell.brokers.ibkr import codes, rows
from openbell.brokers.ibkr.ids import OrderIds
from openbell.brokers.ibkr.legs import group
from openbell.values.money import ZERO
from openbell.values.orders import OrderIntent, OrderType, TimeInForce
from openbell.venues.ibkr.sdk import Order as WireOrder
from openbell.venues.ibkr.session import Session, Trouble

#: Seconds in which a code may follow a status, or a status an echo.
GRACE = 0.4
_STEP = 0.05
_WIRE_TYPES = {ours: wire for wire, ours in rows.TYPES.items()}


class Word(Enum):
    """What came back."""

    TAKEN = "taken"
    REFUSED = "refused"
    ENDED = "ended"
    LOST = "lost"
    SILENT = "silent"


class Watch:
    """Everything that is told of one order from now on, and for how long it was waited for."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.number, self.serial = 0, session.serial
        self.perm_id = 0
        self.status = ""
        self.filled = ZERO
        self._executed: dict[str, Decimal] = {}
        self._news = asyncio.Event()
        self._first: float | None = None
        ib = session.ib
        for event, heard in self._pairs(ib):
            event += heard  # noqa: PLW2901  # how the SDK's events are listened to

    def _pairs(self, ib: Any) -> tuple[tuple[Any, Callable[..., None]], ...]:
        return (
            (ib.orderStatusEvent, self._on_order),
            (ib.openOrderEvent, self._on_order),
            (ib.execDetailsEvent, self._on_execution),
            (ib.errorEvent, self._on_error),
            (ib.client.conn.disconnected, self._on_error),
        )

    def stop(self) -> None:
        """Listen no longer."""
        for event, heard in self._pairs(self._session.ib):
            event -= heard  # noqa: PLW2901

    async def wait(self, judge: Callable[["Watch"], Word | None], seconds: float) -> Word:
        """The first clear word, or what is known when the time is up."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (word := judge(self)) is None:
            left = end - loop.time()
            if left <= 0:
                return Word.TAKEN if self.perm_id and not self.claims_end else Word.SILENT
            self._news.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), min(left, _STEP))
        return word

    # --- what is known ---------------------------------------------------------------------------------------

    @property
    def refusal(self) -> tuple[int, str] | None:
        """The clear word against it, if there is one."""
        told = self._session.told.get(self.number, [])
        return next(((code, text) for code, text in told if code in codes.REFUSALS), None)

    def said(self, wanted: frozenset[int]) -> tuple[int, str] | None:
        """The first of some codes that was told of it."""
        told = self._session.told.get(self.number, [])
        return next(((code, text) for code, text in told if code in wanted), None)

    def notices(self) -> str:
        """What else was told of it, such as that it waits for the open."""
        return "; ".join(f"{code}: {text}" for code, text in self._session.told.get(self.number, []))[:300]

    @property
    def held_back(self) -> bool:
        """Whether the venue keeps it until it opens."""
        return any(codes.HELD_BACK in text for _, text in self._session.told.get(self.number, []))

    @property
    def executed(self) -> Decimal:
        """What was executed since."""
        return sum(self._executed.values(), ZERO)

    @property
    def claims_end(self) -> bool:
        """Whether a status says that it is over."""
        return self.status in codes.CLAIMED_DEAD

    @property
    def lost(self) -> bool:
        """Whether the connection is gone."""
        return bool(self._session.dead)

    def aged(self) -> bool:
        """Whether the first news of it is old enough for what belongs to it to have come."""
        return self._first is not None and asyncio.get_running_loop().time() - self._first >= GRACE

    # --- news ------------------------------------------------------------------------------------------------

    def _on_order(self, trade: Any) -> None:
        if trade.order.orderId == self.number and trade.order.clientId == self._session.ib.wrapper.clientId:
            self.perm_id = trade.orderStatus.permId or trade.order.permId
            self.status = self._session.statuses.get(self.perm_id, "") if self.perm_id else ""
            self.filled = rows.maybe(trade.orderStatus.filled) or ZERO
            self._wake()

    def _on_execution(self, trade: Any, fill: Any) -> None:
        if trade.order.orderId == self.number:
            self.perm_id = self.perm_id or fill.execution.permId
            self._executed[rows.first_id(fill.execution.execId)] = rows.amount(fill.execution.shares, "shares")
            self._wake()

    def _on_error(self, *_: object) -> None:
        self._wake()

    def _wake(self) -> None:
        if self._first is None and self.perm_id:
            self._first = asyncio.get_running_loop().time()
        self._news.set()


def about_order(watch: Watch) -> Word | None:
    """An order is taken once it is acknowledged as working, or executed. A claimed end is no refusal."""
    if watch.executed or watch.status == codes.FILLED:
        return Word.TAKEN
    if watch.refusal:
        return Word.REFUSED
    if watch.perm_id and watch.status in (codes.ALIVE - {"PendingSubmit", "ApiPending"}):
        return Word.TAKEN
    if watch.claims_end and watch.aged():
        return Word.ENDED
    return Word.LOST if watch.lost else None


def about_cancel(watch: Watch) -> Word | None:
    """A cancel is taken once the gateway says so, by code or by status."""
    if watch.said(codes.CANCEL_REFUSED):
        return Word.REFUSED
    if watch.said(frozenset({codes.CANCELED})) or watch.status in codes.CLAIMED_DEAD | {codes.PENDING_CANCEL}:
        return Word.TAKEN
    return Word.LOST if watch.lost else None


def wire_order(intent: OrderIntent, account: str) -> Any:
    """The order as it goes out: every term named, so that no preset of the gateway fills in another."""
    order = WireOrder()
    order.action = intent.side.value.upper()
    order.totalQuantity = _number(intent.quantity)
    order.orderType = _WIRE_TYPES[intent.type]
    order.tif = intent.time_in_force.value.upper()
    order.orderRef, order.account = intent.id, account
    order.transmit, order.outsideRth = True, False
    aux = intent.trail if intent.type is OrderType.TRAILING_STOP else intent.stop_price
    if intent.limit_price is not None:
        order.lmtPrice = float(intent.limit_price)
    if aux is not None:
        order.auxPrice = float(aux)
    return order


def _number(quantity: Decimal) -> int | float:
    """Whole sizes go out as whole numbers."""
    return int(quantity) if quantity == quantity.to_integral_value() else float(quantity)


class Sending:
    """One order on its way. ``sent`` turns true at the moment from which on nothing is certain."""

    def __init__(self, intent: OrderIntent, contract: Any, seconds: float, ids: OrderIds) -> None:
        self._intent, self._contract, self._seconds = intent, contract, seconds
        self._ids = ids
        self.sent = False

    async def go(self, session: Session) -> tuple[Word, Watch]:
        """Place it and wait for the word about it."""
        if session.severed:
            raise Trouble(session.severed)
        watch = Watch(session)
        try:
            own, orders = group(
                self._intent, lambda intent: wire_order(intent, session.account), lambda: self._number(session)
            )
            watch.number = own.orderId
            self.sent = True
            for each in orders:
                session.ib.placeOrder(self._contract, each)
            return await watch.wait(self._judge, self._seconds), watch
        finally:
            watch.stop()

    def _number(self, session: Session) -> int:
        return self._ids.issue(session.ib.client, session.account, session.ib.wrapper.clientId)

    def _judge(self, watch: Watch) -> Word | None:
        """One that could work at once and only waits may have to wait for the open: a notice says so, in a moment."""
        word = about_order(watch)
        moot = word is Word.TAKEN and watch.status == "PreSubmitted" and not watch.executed
        return None if moot and _at_once(self._intent) and not (watch.held_back or watch.aged()) else word


def _at_once(intent: OrderIntent) -> bool:
    return intent.type in (OrderType.MARKET, OrderType.LIMIT) and intent.time_in_force is TimeInForce.DAY


def waits(intent: OrderIntent, watch: Watch) -> bool:
    """Whether the venue holds back an order for the day until it opens again."""
    return watch.held_back and intent.time_in_force is TimeInForce.DAY and not (watch.executed or watch.filled)


async def cancel(session: Session, number: int, seconds: float) -> tuple[Word, Watch]:
    """Ask for a cancel and wait for the word about it."""
    watch = Watch(session)
    watch.number = number
    session.told.pop(number, None)
    try:
        # Below the SDK's own cancel, which would write a status into its order before the gateway has said anything.
        session.ib.client.cancelOrder(number, "")
        return await watch.wait(about_cancel, seconds), watch
    finally:
        watch.stop()
