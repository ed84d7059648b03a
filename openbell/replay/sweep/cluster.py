"""A sweep on a Dask cluster, which needs the extra ``dask``: the bars go to each worker once."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from distributed import LocalCluster, as_completed

from openbell.cluster import START, connected
from openbell.errors import OpenbellError
from openbell.ports import MarketFeed
from openbell.replay.asking import open_feed
from openbell.replay.sweep.grid import Point
from openbell.replay.sweep.kept import Array, Kept, kept_feed, pack, unpack
from openbell.replay.sweep.work import Row, Setup, work
from openbell.settings import load_settings

#: A cluster of its own on this machine.
LOCAL = "local"
#: How often bars that went with a worker are sent anew.
TRIES = 5
#: Seconds between two looks at what is done.
_LOOK = 0.02
_BENCHES: dict[str, MarketFeed] = {}


def by_cluster(
    address: str, key: str, setup: Setup, kept: Kept | None, points: Sequence[Point], jobs: int
) -> Iterator[Row]:
    """Each point's row as it comes; ``key`` tells this sweep from others that the same workers work on.

    Points of a worker that dies are worked out by the others. When nobody is left, and when a worker fails in a way
    that no replay does, an OpenbellError says so: the rows so far have been given.
    """
    with _client(address, jobs) as client:
        for _ in range(TRIES):
            lost: list[Point] = []
            yield from _round(client, partial(_at_bench, key, setup), kept, points, lost)
            if not lost:
                return
            points = lost
    raise OpenbellError(f"{len(points)} points were lost with their workers {TRIES} times; what is done is kept")


@contextmanager
def _client(address: str, jobs: int) -> Iterator[Any]:
    if address != LOCAL:
        with connected(address) as client:
            yield client
        return
    local: Any = LocalCluster(n_workers=jobs, threads_per_worker=1, dashboard_address=None)  # type: ignore[no-untyped-call]
    with local as cluster, connected(cluster.scheduler_address) as client:
        yield client


def _round(
    client: Any, bench: "partial[Row]", kept: Kept | None, points: Sequence[Point], lost: list[Point]
) -> Iterator[Row]:
    """Every point handed out once; ``lost`` gets those whose bars went with a worker."""
    shared = client.scatter(pack(kept), broadcast=True, hash=False) if kept else None
    tasks = client.map(bench, points, shared=shared, pure=False)
    of = {task.key: point for task, point in zip(tasks, points, strict=True)}
    for task in _ended(client, tasks):
        if task.status == "finished":
            yield task.result()
        elif task.status == "error":
            error = task.exception()
            raise OpenbellError(f"a Dask worker failed: {type(error).__name__}: {error}; what is done is kept")
        else:
            lost.append(of[task.key])


def _ended(client: Any, tasks: Sequence[Any]) -> Iterator[Any]:
    """Tasks as they end, as long as there is anybody to work on them."""
    waiting, alone = as_completed(tasks), 0.0  # type: ignore[no-untyped-call]
    while not waiting.is_empty():  # type: ignore[no-untyped-call]
        batch = waiting.next_batch(block=False)  # type: ignore[no-untyped-call]
        yield from batch
        if client.status != "running":
            raise OpenbellError("the Dask scheduler is gone; what is done is kept")
        if batch:
            alone = 0.0
            continue
        time.sleep(_LOOK)
        alone = alone + _LOOK if not client.scheduler_info()["workers"] else 0.0
        if alone > START:
            raise OpenbellError(f"the Dask cluster has had no worker for {START:g} s; what is done is kept")


def _at_bench(key: str, setup: Setup, point: Point, shared: tuple[str, dict[str, Array]] | None) -> Row:
    """In a worker: open the feed and the bars once for each sweep."""
    if key not in _BENCHES:
        feed = open_feed(setup.plan, load_settings())
        _BENCHES[key] = kept_feed(feed, unpack(*shared) if shared else None)
    return work(setup, _BENCHES[key], point)
