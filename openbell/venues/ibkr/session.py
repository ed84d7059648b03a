"""One connection, from handshake to end. Everything here runs on the event loop of its line."""

import asyncio
import itertools
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from openbell.venues.ibkr import words
from openbell.venues.ibkr.gateway import Gateway, identify
from openbell.venues.ibkr.sdk import IB, ExecutionFilter

T = TypeVar("T")
#: Messages whose loss would make an answer look complete that is not: orders, executions, positions, values, bars.
_NEEDED = ("5", "6", "7", "10", "11", "17", "59", "61", "101")
#: The message about an execution, and the place in it of a time, which in UTC looks like this.
_EXECUTION, _TIME = 11, 15
_IN_UTC = re.compile(r"(\d{8})-(\d\d:\d\d:\d\d)")
#: Order ids at and above this mean "none".
_NO_ID = 2**31 - 1
#: How long a closing connection may take to be gone.
_GOODBYE = 1.0
_serials = itertools.count(1)


class Trouble(Exception):  # never leaves this package: the line turns it into the adapter's own error
    """Why the gateway did not answer, fit for a person.

    ``lasting``: no use in trying again; ``soon``: worth another try in a moment.
    """

    def __init__(self, text: str, lasting: bool = False, soon: bool = False) -> None:
        super().__init__(text)
        self.lasting, self.soon = lasting, soon


class _Witness:
    """Stands where the SDK logs messages that it could not read, and would go on as if they had never come."""

    def __init__(self, unread: Callable[[str], None]) -> None:
        self._unread = unread

    def exception(self, text: str, *_: object) -> None:
        """A message was dropped."""
        self._unread(text)


class Session:
    """A connection whose start-up is complete once ``open`` returns.

    ``dead`` says why it cannot be used any more, ``lost`` whether that is because it broke; ``severed`` why the
    gateway is of no use at present, ``stale`` that everything must be read anew, since it was cut off for a while.
    """

    def __init__(self, gateway: Gateway, client_id: int, orders: bool) -> None:
        self._gateway, self._client_id, self._orders = gateway, client_id, orders
        self.ib = IB()
        self.ib.RaiseRequestErrors = True
        self.account = ""
        #: Numbers of requests and orders mean something within one session only.
        self.serial = next(_serials)
        self.dead = self.severed = ""
        self.stale = True
        self.lost = False
        self.heard = time.monotonic()
        self._lock = asyncio.Lock()
        self._alarm: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._codes: list[int] = []
        #: The newest complaint that is about no request, for whoever waits for an answer in vain.
        self._complaint = ""
        #: What was said of each request or order, newest last: code and text by number.
        self.told: dict[int, list[tuple[int, str]]] = {}
        #: The newest status of each order on the wire, by the venue's own id: the SDK takes notices for cancellations.
        self.statuses: dict[int, str] = {}
        #: When and how each completed order ended, by the venue's own id: the SDK leaves both out.
        self.ends: dict[int, tuple[str, str]] = {}
        self._listen()

    def _listen(self) -> None:
        wrapper = self.ib.wrapper
        self._open_order, self._completed_order = wrapper.openOrder, wrapper.completedOrder
        self._order_status = wrapper.orderStatus
        wrapper.openOrder, wrapper.completedOrder = self._on_open_order, self._on_completed_order
        wrapper.orderStatus = self._on_order_status
        handlers = self.ib.client.decoder.handlers
        self._execution, handlers[_EXECUTION] = handlers[_EXECUTION], self._on_execution
        self.ib.errorEvent += self._on_error
        self.ib.client.conn.disconnected += self._on_gone
        self.ib.client.decoder.logger = _Witness(self._on_unread)

    # --- beginning and end -----------------------------------------------------------------------------------

    async def open(self) -> None:
        """Handshake, account, and the whole start-up; Trouble when any of it does not come."""
        await self._handshake()
        self.account, problem = identify(self._gateway, list(self.ib.client.getAccounts()))
        if problem:
            raise Trouble(problem, lasting=True)
        await self.refresh()

    async def refresh(self) -> None:
        """Read everything that an order depends on."""
        if self.severed:
            raise Trouble(self.severed)
        self.stale = False
        try:
            await self.named("its clock", self.ib.reqCurrentTimeAsync)
            if self._orders:
                await self._read_orders()
        except Trouble:
            self.stale = True
            raise

    async def close(self) -> None:
        """Hang up; what does not close by itself is cut."""
        self.dead = self.dead or "the connection was closed"
        with suppress(OSError):  # the other side may have gone in the meantime
            self.ib.client.disconnect()
        transport = self.ib.client.conn.transport
        end = time.monotonic() + _GOODBYE
        while self.ib.client.conn.transport is not None and time.monotonic() < end:
            await asyncio.sleep(0.005)
        if self.ib.client.conn.transport is not None:
            transport.abort()
            await asyncio.sleep(0)

    async def _handshake(self) -> None:
        client, seconds = self.ib.client, self._gateway.connect_timeout
        self.ib.wrapper.clientId = self._client_id
        connecting = asyncio.ensure_future(
            client.connectAsync(self._gateway.host, self._gateway.port, self._client_id, 0)
        )
        done, _ = await asyncio.wait({connecting, self._alarm}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if connecting in done and connecting.exception() is None and not self._alarm.done():
            return
        hanging = words.hanging(seconds, client.conn.isConnected(), bool(client.serverVersion()))
        connecting.cancel()
        ended: list[object] = await asyncio.gather(connecting, return_exceptions=True)
        raise self._beginning(ended[0], hanging if not done else "")

    def _beginning(self, error: object, hanging: str) -> Trouble:
        if words.CLIENT_ID_IN_USE in self._codes:
            return Trouble(words.id_in_use(self._client_id), soon=True)
        if isinstance(error, ConnectionRefusedError):
            return Trouble(words.refused())
        if isinstance(error, OSError) and not isinstance(error, ConnectionError):
            return Trouble(words.unreachable(error))
        return Trouble(f"{hanging or words.closed_early()}{self._complaint}")

    async def _read_orders(self) -> None:
        ib = self.ib
        await self.named("positions", ib.reqPositionsAsync)
        await self.named("open orders", ib.reqAllOpenOrdersAsync)
        await self.named("completed orders", lambda: ib.reqCompletedOrdersAsync(False))
        await self.named("account values", lambda: ib.reqAccountUpdatesAsync(self.account))
        ib.client.reqAccountUpdates(False, self.account)
        made = await self.named("executions", lambda: ib.reqExecutionsAsync(ExecutionFilter()))
        ids = [fill.execution.orderId for fill in made if fill.execution.clientId == self._client_id]
        # The next id that the gateway names can go back after a restart; ids that were seen are never used again.
        ib.client.updateReqId(max((each for each in ids if each < _NO_ID), default=0) + 1)

    # --- questions -------------------------------------------------------------------------------------------

    async def named(self, what: str, ask: Callable[[], Awaitable[T]]) -> T:
        """A question whose answer carries no number: one at a time.

        One that does not end spoils the connection, since its late answer would be taken for that of the next.
        """
        async with self._lock:
            if self.dead:
                raise Trouble(self.dead)
            return await self._answered(what, asyncio.ensure_future(ask()))

    async def _answered(self, what: str, answer: "asyncio.Future[T]") -> T:
        seconds = self._gateway.request_timeout
        waiting: set[asyncio.Future[Any]] = {answer, self._alarm}
        done, _ = await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if self._alarm.done() or not done:
            self.dead = self._alarm.result() if self._alarm.done() else self._missing(what, seconds)
            answer.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await answer
            raise Trouble(self.dead)
        self.heard = time.monotonic()
        return answer.result()

    async def numbered(self, what: str, ask: Callable[[], Awaitable[T]], seconds: float | None = None) -> T:
        """A question with a number of its own: any number at a time, and a late answer harms nobody."""
        if self.dead:
            raise Trouble(self.dead)
        limit = self._gateway.request_timeout if seconds is None else seconds
        answer = asyncio.ensure_future(ask())
        waiting: set[asyncio.Future[Any]] = {answer, self._alarm}
        await asyncio.wait(waiting, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            self.heard = time.monotonic()
            return answer.result()
        answer.cancel()
        raise Trouble(self.dead or self._missing(what, limit))

    def _missing(self, what: str, seconds: float) -> str:
        return f"{what} did not come within {seconds:g} s{self._complaint}"

    @property
    def quiet(self) -> float:
        """Seconds since the last answer."""
        return time.monotonic() - self.heard

    # --- news ------------------------------------------------------------------------------------------------

    def _alert(self, text: str) -> None:
        if not self._alarm.done():
            self._alarm.set_result(text)

    def _on_gone(self, *_: object) -> None:
        self.lost = not self.dead
        self.dead = self.dead or "the gateway closed the connection"
        self._alert(self.dead)

    def _on_unread(self, text: str) -> None:
        if any(f"fields: ['{number}'" in text for number in _NEEDED):
            self.dead = self.dead or f"a message of the gateway could not be read: {words.shown(text)}"
            self._alert(self.dead)

    def _on_open_order(self, number: int, contract: Any, order: Any, state: Any) -> None:
        self.statuses[order.permId] = state.status
        self._open_order(number, contract, order, state)

    def _on_order_status(self, number: int, status: str, *rest: Any) -> None:
        self.statuses[rest[3]] = status
        self._order_status(number, status, *rest)

    def _on_execution(self, fields: list[str]) -> None:
        """A time with a dash is of UTC, whatever the zone of this machine, which the SDK takes it for."""
        self._execution([*fields[:_TIME], _IN_UTC.sub(r"\1 \2 UTC", fields[_TIME]), *fields[_TIME + 1 :]])

    def _on_completed_order(self, contract: Any, order: Any, state: Any) -> None:
        self.ends[order.permId] = state.completedTime, state.completedStatus
        self._completed_order(contract, order, state)

    def _on_error(self, number: int, code: int, text: str, _: object) -> None:
        self._codes.append(code)
        if number > 0:
            self.told.setdefault(number, []).append((code, words.shown(text)))
        elif code not in words.NEWS:
            self._complaint = f"; the gateway said {code}: {words.shown(text)}"
        if code in words.SEVERED:
            self.severed, self.stale = words.severed(code), True
        elif code in words.RESTORED:
            self.severed, self.stale = "", True
        elif code == words.CLIENT_ID_IN_USE:
            self._alert(words.id_in_use(self._client_id))
        elif code == words.READ_ONLY and number < 0 and "read-only" in text.lower():
            self.dead = words.read_only()
            self._alert(self.dead)
