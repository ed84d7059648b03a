"""A sweep on the cores of this machine: this process works, and so does one more for each further core.

Workers see the bars of this process as they are, or map the files that they lie in: nobody is sent a copy. A worker
whose parent is gone ends itself.
"""

import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from tempfile import TemporaryDirectory

from openbell.errors import OpenbellError
from openbell.ports import MarketFeed
from openbell.replay.asking import open_feed
from openbell.replay.sweep.grid import Point
from openbell.replay.sweep.kept import Kept, kept_feed, load, save
from openbell.replay.sweep.work import Row, Setup, work
from openbell.settings import load_settings

#: Points that wait for each worker, so that none ever waits for a point.
AHEAD = 2


@dataclass(slots=True)
class _Bench:
    """What a worker process works with, made when it starts."""

    setup: Setup
    feed: MarketFeed


_BENCHES: list[_Bench] = []


def by_processes(
    setup: Setup, feed: MarketFeed, kept: Kept | None, points: Sequence[Point], jobs: int
) -> Iterator[Row]:
    """Each point's row as it comes; this process is one of ``jobs``.

    A worker that dies is an OpenbellError: the rows so far have been given.
    """
    near = kept_feed(feed, kept)
    if jobs == 1 or len(points) <= jobs:
        yield from (work(setup, near, point) for point in points)
        return
    with _pool(setup, near, kept, jobs - 1) as pool:
        try:
            yield from _shared(pool, setup, near, deque(points), AHEAD * (jobs - 1))
        except BrokenProcessPool as error:
            raise OpenbellError(f"a worker process died; what is done is kept: {error}") from error
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _pool(setup: Setup, near: MarketFeed, kept: Kept | None, workers: int) -> Iterator[ProcessPoolExecutor]:
    """Workers at their benches. A copy of this process works at once, a new one first has a second of imports.

    Only a process with no other thread of Python's can be copied, and not on every system.
    """
    if sys.platform == "linux" and threading.active_count() == 1:
        fork = multiprocessing.get_context("fork")
        with warnings.catch_warnings():
            # The threads that Python 3.12 warns of are those of libraries, which are made for it.
            warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
            with ProcessPoolExecutor(workers, fork, initializer=_stand, initargs=(setup, near)) as pool:
                yield pool
        return
    with TemporaryDirectory(prefix="openbell-sweep-") as folder:
        if kept:
            save(kept, Path(folder))
        spawn, begin = multiprocessing.get_context("spawn"), (setup, folder if kept else "")
        with ProcessPoolExecutor(workers, spawn, initializer=_begin, initargs=begin) as pool:
            yield pool


def _shared(
    pool: ProcessPoolExecutor, setup: Setup, feed: MarketFeed, points: deque[Point], ahead: int
) -> Iterator[Row]:
    """Hand out points, and work on one here whenever enough are out."""
    out: set[Future[Row]] = set()
    while points or out:
        while points and len(out) < ahead:
            out.add(pool.submit(_at_bench, points.popleft()))
        if points:
            yield work(setup, feed, points.popleft())
        done, out = wait(out, timeout=0 if points else None, return_when=FIRST_COMPLETED)
        yield from (future.result() for future in done)


def _begin(setup: Setup, folder: str) -> None:
    """In a new process: open the feed and the bars once."""
    feed = open_feed(setup.plan, load_settings())
    _stand(setup, kept_feed(feed, load(Path(folder)) if folder else None))


def _stand(setup: Setup, feed: MarketFeed) -> None:
    """In a worker: ready to work. The parent alone is told of an interrupt."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    _BENCHES.append(_Bench(setup, feed))


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _at_bench(point: Point) -> Row:
    bench = _BENCHES[-1]
    return work(bench.setup, bench.feed, point)
