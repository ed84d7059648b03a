"""Waiting for what cannot be told to hurry, and doing several things at once.

Threads as they are: a pool takes no work any more while a process ends, which is when most messages go out.
"""

from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

from openbell.errors import OpenbellError

T = TypeVar("T")
R = TypeVar("R")


def within(seconds: float, work: Callable[[], T]) -> T | None:
    """What the work gives, or None when it takes longer; it is left to itself then, and never holds up an exit.

    The work must not raise.
    """
    answer: SimpleQueue[T] = SimpleQueue()
    Thread(target=lambda: answer.put(work()), name="patience", daemon=True).start()
    try:
        return answer.get(timeout=seconds)
    except Empty:
        return None


def together(work: Callable[[T], R], items: Sequence[T]) -> tuple[R, ...]:
    """The work on each item in a thread of its own, in no order; one of our errors is raised when all are done."""
    results: SimpleQueue[R | OpenbellError] = SimpleQueue()
    threads = [Thread(target=_put, args=(results, work, item), name="each") for item in items]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [results.get() for _ in range(results.qsize())]
    for error in found:
        if isinstance(error, OpenbellError):
            raise error
    return tuple(result for result in found if not isinstance(result, OpenbellError))


def _put(results: "SimpleQueue[R | OpenbellError]", work: Callable[[T], R], item: T) -> None:
    try:
        results.put(work(item))
    except OpenbellError as error:
        results.put(error)
