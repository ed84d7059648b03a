"""A sweep for a person: progress, the best points, a heat map; rows on disk as they come."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from openbell.cli.later import later
from openbell.cli.output import console, emit, say, table
from openbell.cli.replaying import plan_of
from openbell.cli.watching import watched
from openbell.errors import InputError
from openbell.planfiles.overrides import assignments
from openbell.plugins import nearest
from openbell.replay import telling
from openbell.replay.asking import Wish, request
from openbell.replay.sweep.grid import parse_grid
from openbell.replay.sweep.ranking import Heat, heat, ranked, shares
from openbell.replay.sweep.sweep import Labour, Swept, sweep
from openbell.replay.sweep.work import FIGURES, Row
from openbell.settings import load_settings
from openbell.stages.wording import clean, count

#: Points that a person is shown, and figures of each beside the one they are ordered by.
SHOWN = 15
BESIDE = ("sharpe", "total_return", "max_drawdown", "trades", "closing")
#: Columns of a heat map that still fit a page, and colours from the worst to the best.
WIDE = 24
COLOURS = ("#b3453b", "#cf8a7f", "#e6e0d8", "#8fbf9a", "#3d8f57")
_PERCENT = {"total_return", "annual_return", "volatility", "max_drawdown", "exposure", "hit_rate"}
_WHOLE = {"trades", "fills"}


def show(name: str, points: tuple[str, ...], asked: Mapping[str, Any], jobs: int, as_json: bool) -> None:
    """Sweep a plan and tell which points did best by a figure; the files are those of ``--out``."""
    settings, by, out = load_settings(), asked["by"], asked["out"]
    if by not in FIGURES:
        known = dict.fromkeys(FIGURES)
        raise InputError(f"by {by[:40]!r} is no figure{nearest(by, known)}; there are {', '.join(FIGURES)}")
    wish = Wish(asked["start"], asked["end"], assignments(asked["given"]), asked["feed"], asked["cash"])
    wanted = request(plan_of(name), wish, settings)
    grid = parse_grid(wanted.plan, points)
    rows = (out or settings.home.expanduser() / "sweeps") / f"{wanted.plan.name}.jsonl"
    began = perf_counter()
    with _kept_when_stopped(rows), watched("sweeping", "points", quiet=as_json) as progress:
        swept = sweep(wanted, grid, Labour(rows, jobs, asked["dask"], asked["fresh"], progress))
    took = perf_counter() - began
    written = later("openbell.replay.sweep.charts:write_sweep", swept, by, out) if out else ()
    if as_json:
        emit(_machine(swept, by, rows, written))
        return
    _tell(swept, by, took)
    say("\n".join(f"{path}" for path in (*written, rows)))


@contextmanager
def _kept_when_stopped(rows: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        click.echo(f"what is done is kept in {rows}: the same command goes on from there", err=True)
        raise


# --- for people ----------------------------------------------------------------------------------------------


def _tell(swept: Swept, by: str, took: float) -> None:
    wanted, refused = swept.request, [row for row in swept.rows if row.refused]
    say(f"Sweep of {swept.plan.name}, {wanted.start} to {wanted.end}, prices of {clean(wanted.feed.provider)}")
    worked = len(swept.rows) - swept.reused
    before = f", {swept.reused:,} were there" if swept.reused else ""
    say(f"{count(len(swept.rows), 'point')}: {worked:,} worked out in {took:.1f} s{before}")
    if refused:
        first = f"{_place(swept, refused[0])}: {clean(refused[0].refused)}"
        say(f"{count(len(refused), 'point')} can be no plan; the first, {first}")
    say()
    best = [row for row in ranked(swept.rows, by) if not row.refused]
    names = (by, *(name for name in BESIDE if name != by))
    columns = [*(axis.name for axis in swept.grid.axes), *(f">{name.replace('_', ' ')}" for name in names)]
    more = f", {SHOWN} of {len(best):,}" if len(best) > SHOWN else ""
    rows = [(*row.point.values(), *(_said(name, row) for name in names)) for row in best[:SHOWN]]
    table(f"The best by {by.replace('_', ' ')}{more}", columns, rows)
    found = heat(swept, by)
    if found is not None and any(map(math.isfinite, found.values.ravel().tolist())):
        _heat(found)


def _place(swept: Swept, row: Row) -> str:
    return ", ".join(f"{axis.name}={row.point[axis.key]}" for axis in swept.grid.axes)


def _said(name: str, row: Row) -> str:
    value = row.figures.get(name)
    if name in _PERCENT:
        return telling.percent(value)
    return telling.ratio(value, 0 if name in _WHOLE else 2)


def _heat(found: Heat) -> None:
    """A table with a number in each cell, from red to green on a terminal; wide ones show every n-th column."""
    step = math.ceil(len(found.across.values) / WIDE)
    across = range(0, len(found.across.values), step)
    say(f"{found.by.replace('_', ' ')}: {found.down.name} down, {found.across.name} across")
    drawn = Table(box=None, pad_edge=False)
    drawn.add_column(Text(found.down.name), justify="right", style="dim")
    for column in across:
        drawn.add_column(Text(found.across.values[column]), justify="right")
    good = shares(found)
    for row, value in enumerate(found.down.values):
        cells = (_cell(float(found.values[row, column]), float(good[row, column])) for column in across)
        drawn.add_row(Text(value), *cells)
    screen = console()
    screen.print(drawn)
    screen.print()


def _cell(value: float, good: float) -> Text:
    if not math.isfinite(value):
        return Text("-", style="dim")
    colour = COLOURS[min(int(good * len(COLOURS)), len(COLOURS) - 1)]
    return Text(f"{value:.3g}", style=f"black on {colour}")


# --- for machines --------------------------------------------------------------------------------------------


def _machine(swept: Swept, by: str, rows: Path, written: tuple[Path, ...]) -> dict[str, Any]:
    wanted = swept.request
    return {
        "plan": swept.plan.name,
        "plan_hash": swept.plan.hash,
        "from": wanted.start,
        "to": wanted.end,
        "provider": wanted.feed.provider,
        "axes": [{"name": axis.name, "key": axis.key, "values": axis.values} for axis in swept.grid.axes],
        "by": by,
        "points": len(swept.rows),
        "reused": swept.reused,
        "rows": [_row(row) for row in ranked(swept.rows, by)],
        "files": [str(path) for path in (*written, rows)],
    }


def _row(row: Row) -> dict[str, Any]:
    told = {"point": row.point, "figures": row.figures, "closing_cash": row.cash}
    return {**told, "refused": row.refused} if row.refused else told
