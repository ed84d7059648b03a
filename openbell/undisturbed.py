"""What must not be cut in two by a polite request to stop: an order between its mark and its outcome."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType

#: What asks a process to end, by a supervisor or by a person at the keyboard.
REQUESTS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def undisturbed() -> Iterator[None]:
    """A request to stop waits until the block has ended, and then counts as if it had come at that moment.

    Signals reach a process in its main thread; in any other thread there is nothing to hold back.
    """
    if current_thread() is not main_thread():
        yield
        return
    came: list[int] = []

    def wait(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.signal(number, wait) for number in REQUESTS}
    try:
        yield
    finally:
        for number, action in before.items():
            signal.signal(number, signal.SIG_DFL if action is None else action)
        for request in dict.fromkeys(came):
            signal.raise_signal(request)
