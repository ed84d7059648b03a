"""A sweep on a Dask cluster, which needs the extra ``dask``: the bars go to each worker once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from distributed import Client, LocalCluster, as_completed

from openbell.errors import InputError
from openbell.ports import MarketFeed
from openbell.replay.asking import open_feed
from openbell.replay.sweep.grid import Point
from openbell.replay.sweep.kept import Array, Kept, kept_feed, pack, unpack
from openbell.replay.sweep.work import Row, Setup, work
from openbell.settings import load_settings

#: A cluster of its own on this machine.
LOCAL = "local"
_PATIENCE = "10s"
_BENCHES: dict[str, MarketFeed] = {}


def by_cluster(
    address: str, key: str, setup: Setup, kept: Kept | None, points: Sequence[Point], jobs: int
) -> Iterator[Row]:
    """Each point's row as it comes; ``key`` tells this sweep from others that the same workers work on."""
    with _client(address, jobs) as client:
        shared = client.scatter(pack(kept), broadcast=True, hash=False) if kept else None
        tasks = client.map(partial(_at_bench, key, setup), points, shared=shared, pure=False)
        for _, row in as_completed(tasks, with_results=True):  # type: ignore[no-untyped-call]
            yield row


@contextmanager
def _client(address: str, jobs: int) -> Iterator[Any]:
    if address == LOCAL:
        local: Any = LocalCluster(n_workers=jobs, threads_per_worker=1, dashboard_address=None)  # type: ignore[no-untyped-call]
        with local as cluster, Client(cluster) as client:  # type: ignore[no-untyped-call]
            yield client
        return
    try:
        client = Client(address, timeout=_PATIENCE)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise InputError(f"no Dask cluster answers at {address!r}: {error}") from None
    with client:
        yield client


def _at_bench(key: str, setup: Setup, point: Point, shared: tuple[str, dict[str, Array]] | None) -> Row:
    """In a worker: open the feed and the bars once for each sweep."""
    if key not in _BENCHES:
        feed = open_feed(setup.plan, load_settings())
        _BENCHES[key] = kept_feed(feed, unpack(*shared) if shared else None)
    return work(setup, _BENCHES[key], point)
