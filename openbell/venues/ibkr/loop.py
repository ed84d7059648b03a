"""An event loop on a thread of its own, for one process and no longer than it is wanted."""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar
from weakref import finalize

T = TypeVar("T")
#: Seconds that the end may take.
_END = 3.0


class PrivateLoop:
    """Begins when it is first used, after ``begin`` was called; ``farewell`` runs on it before it ends.

    It ends with the object or with the process. A process that was forked off has none of its parent's threads: it
    begins a loop of its own.
    """

    def __init__(self, name: str, begin: Callable[[], None], farewell: Callable[[], Awaitable[None]]) -> None:
        self._name, self._begin, self._farewell = name, begin, farewell
        self._starting = threading.Lock()
        self._process = 0
        self._end: finalize[..., Any] | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What the work comes to, whatever thread or loop the caller is on."""
        return asyncio.run_coroutine_threadsafe(work, self._running()).result()

    def end(self) -> None:
        """Say farewell and stop; the next use begins anew."""
        with self._starting:
            self._process = 0
            if self._end is not None:
                self._end()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._process != os.getpid():
                self._begin()
                self._loop = asyncio.new_event_loop()
                thread = threading.Thread(target=_forever, args=(self._loop,), name=self._name, daemon=True)
                thread.start()
                self._process = os.getpid()
                self._end = finalize(self, _stop, self._loop, thread, self._farewell)
            return self._loop


def _forever(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread, farewell: Callable[[], Awaitable[None]]) -> None:
    if loop.is_closed() or not thread.is_alive() or threading.current_thread() is thread:
        return

    async def last() -> None:
        await farewell()

    asyncio.run_coroutine_threadsafe(last(), loop).add_done_callback(lambda _: loop.call_soon_threadsafe(loop.stop))
    thread.join(_END)
