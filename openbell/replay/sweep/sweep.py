"""A sweep: which points are still to do, who works on them, and what all of them came to."""

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from openbell.errors import InputError
from openbell.replay.request import Progress, Request, silent
from openbell.replay.sweep.grid import Grid, Point
from openbell.replay.sweep.kept import Kept, keep
from openbell.replay.sweep.processes import by_processes
from openbell.replay.sweep.rows import appending, common_key, known_rows, point_key
from openbell.replay.sweep.work import Row, Setup
from openbell.stages.resolve import resolve
from openbell.values.plan import Plan

_CLUSTER = "openbell.replay.sweep.cluster"


@dataclass(frozen=True, slots=True)
class Labour:
    """Who works: ``jobs`` processes on this machine, or the Dask cluster at an address (``local``: one of its own).

    Rows go to the file ``rows`` one by one; with ``fresh`` those that are there are worked out again.
    """

    rows: Path
    jobs: int = 1
    dask: str = ""
    fresh: bool = False
    progress: Progress = silent


@dataclass(frozen=True, slots=True)
class Swept:
    """A row for each point, in the order of the grid; ``reused`` of them were there before."""

    request: Request
    grid: Grid
    rows: tuple[Row, ...]
    reused: int

    @property
    def plan(self) -> Plan:
        """The plan that all points start from."""
        return self.request.plan


def sweep(request: Request, grid: Grid, labour: Labour) -> Swept:
    """Replay every point of the grid that is not in the file yet; InputError when none of them can be."""
    setup = Setup(request.plan, request.start, request.end, request.cash)
    kept = _kept(request)
    common = common_key(setup, kept.history.bars.digest() if kept else request.feed.provider)
    keys = {point_key(common, point): point for point in grid.points()}
    known = {} if labour.fresh else known_rows(labour.rows)
    found = {key: known[key] for key in keys if key in known}
    reused, todo = len(found), [point for key, point in keys.items() if key not in found]
    with appending(labour.rows, labour.fresh) as append:
        labour.progress(reused, len(keys))
        for row in _worked(request, setup, kept, common, todo, labour):
            key = point_key(common, row.point)
            append(key, row)
            found[key] = row
            labour.progress(len(found), len(keys))
    return _swept(request, grid, tuple(found[key] for key in keys), reused)


def _swept(request: Request, grid: Grid, rows: tuple[Row, ...], reused: int) -> Swept:
    if all(row.refused for row in rows):
        raise InputError(f"no point of the grid can be replayed; the first: {rows[0].refused}")
    return Swept(request, grid, rows, reused)


def _kept(request: Request) -> Kept | None:
    """The feed's answer to what every replay of the sweep asks, where one answer serves all."""
    desk = resolve(request.plan)
    hours = desk.exchange.hours(request.end)
    return keep(request.feed, desk.symbols, desk.timeframe, hours.closes) if hours else None


def _worked(
    request: Request, setup: Setup, kept: Kept | None, common: str, todo: Sequence[Point], labour: Labour
) -> Iterator[Row]:
    if not labour.dask or not todo:
        return by_processes(setup, request.feed, kept, todo, labour.jobs)
    try:
        cluster = importlib.import_module(_CLUSTER)
    except ImportError as error:
        raise InputError(f"Dask is not installed ({error}): pip install 'openbell[dask]'") from None
    rows: Iterator[Row] = cluster.by_cluster(labour.dask, common, setup, kept, todo, labour.jobs)
    return rows
