"""One connection of a client: handshake, start, and then one message after the other."""

import asyncio
from typing import TYPE_CHECKING, Any

from tests.twsdouble import messages, replies
from tests.twsdouble.orders import Placed
from tests.twsdouble.wire import OLDEST, VERSION, Fields, frame

if TYPE_CHECKING:
    from tests.twsdouble.server import Server

#: Names of messages by their number, as faults call them.
NAMES = {
    1: "marketData", 2: "cancelMarketData", 3: "placeOrder", 4: "cancelOrder", 5: "openOrders", 6: "accountUpdates",
    7: "executions", 8: "ids", 9: "contractDetails", 15: "autoOpenOrders", 16: "allOpenOrders", 17: "managedAccounts",
    20: "history", 25: "cancelHistory", 49: "currentTime", 59: "marketDataType", 61: "positions",
    62: "accountSummary", 63: "cancelAccountSummary", 64: "cancelPositions", 71: "startApi",
    76: "accountUpdatesMulti", 77: "cancelAccountUpdatesMulti", 91: "marketRule", 99: "completedOrders",
}  # fmt: skip


class Session:
    """``silent`` is a line that still takes messages and never answers."""

    def __init__(self, server: "Server", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.reader, self.writer = reader, writer
        self.client = -1
        self.started = self.silent = False
        self.data_type = 1
        self.watching: dict[int, asyncio.TimerHandle] = {}
        self.asking = 0

    # --- out -------------------------------------------------------------------------------------------------

    def send(self, *fields: object) -> None:
        self.send_raw(frame(*fields))

    def send_raw(self, message: bytes) -> None:
        if not self.silent and not self.server.silent and not self.writer.is_closing():
            self.writer.write(message)

    def error(self, number: int, code: int, words: str) -> None:
        self.send_raw(messages.error(number, code, words))

    def later(self, seconds: float, call: Any, *args: Any) -> None:
        self.server.loop.call_later(seconds, call, *args)

    def cut(self) -> None:
        """Close at once, as a crash would."""
        if self.writer.transport is not None:
            self.writer.transport.abort()

    def tell(self, kind: str, order: Placed, what: Any) -> None:
        """News of an order to the client that placed it."""
        if kind == "order":
            self.send_raw(messages.open_order(order))
            self.send_raw(messages.order_status(order))
        elif kind == "status":
            self.send_raw(messages.order_status(order))
        elif kind == "execution":
            self.send_raw(messages.execution(order, what))
        elif kind == "commission":
            self.send_raw(messages.commission(what))
        elif kind == "error":
            self.error(order.order_id, *what)

    # --- in --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        try:
            if await self._handshake():
                while True:
                    self._take(await self._message())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            for timer in self.watching.values():
                timer.cancel()
            self.server.gone(self)

    async def _message(self) -> Fields:
        size = int.from_bytes(await self.reader.readexactly(4), "big")
        return Fields(await self.reader.readexactly(size))

    async def _handshake(self) -> bool:
        if await self.reader.readexactly(4) != b"API\0":
            self.cut()
            return False
        size = int.from_bytes(await self.reader.readexactly(4), "big")
        words = (await self.reader.readexactly(size)).decode()
        fault = self.server.fault("handshake", [words])
        self.server.ledger.write("connect", versions=words)
        low, high = (int(part) for part in words.split(" ")[0].removeprefix("v").split(".."))
        if fault.get("drop") or high < OLDEST or low > VERSION:
            self.cut()
            return False
        if not fault.get("swallow"):
            self.send_raw(messages.connected(min(high, VERSION)))
        return True

    def _take(self, fields: Fields) -> None:
        number = fields.number()
        name = NAMES.get(number, str(number))
        self.server.ledger.write("request", name=name, client=self.client, fields=[f for f in fields.all if f][:24])
        fault = self.server.fault(name, fields.all)
        if fault.get("swallow") or self.silent or self.server.silent:
            return
        if fault.get("drop") == "before":
            self.cut()
            return
        delayed = "delay" in fault and name not in ("placeOrder", "cancelOrder")
        wait = fault.get("late") or (fault["delay"] if delayed else 0)
        if wait:
            self.later(wait, self._answer, name, fields, fault)
        else:
            self._answer(name, fields, fault)

    def _answer(self, name: str, fields: Fields, fault: dict) -> None:
        if name != "startApi" and not self.started:
            return
        answer = replies.REPLIES.get(name)
        if answer is None:
            self.error(-1, 320, f"Server error when reading an API client request: {name}")
        else:
            answer(self, fields, fault)
        if fault.get("drop") == "after":
            self.later(0.02, self.cut)
