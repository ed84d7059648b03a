"""A plan replayed with many parameters. Only click is imported here."""

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from openbell.cli.later import as_json, later
from openbell.cli.replay import DAY, Money


@click.command(epilog="Example: openbell sweep demo --grid fast=5:50:5 slow=50:200:10 --by sharpe")
@click.argument("words", nargs=-1, required=True, metavar="PLAN [KEY=VALUES]...")
@click.option("--grid", multiple=True, required=True, metavar="KEY=VALUES ...", help="FIRST:LAST:STEP or a list: 5,10.")
@click.option(
    "--from", "start", metavar="DATE", type=DAY, help="First session; default a year of sessions before the last."
)
@click.option("--to", "end", metavar="DATE", type=DAY, help="Last session; default the newest that the feed has.")
@click.option("--set", "given", metavar="KEY=VALUE", multiple=True, help="Set a key for every point; may be repeated.")
@click.option("--feed", metavar="FEED[:KEY=VALUE,...]", default="", help="Prices from elsewhere: files:path=bars.csv.")
@click.option("--cash", type=Money(), help="Opening cash; default what the plan's paper account opens with.")
@click.option("--by", default="sharpe", show_default=True, help="The figure that points are ordered by.")
@click.option("--jobs", type=click.IntRange(1, 1024), help="Processes; default one for each core.")
@click.option("--dask", metavar="ADDRESS", default="", help="A Dask cluster, tcp://host:8786, or `local` for one here.")
@click.option(
    "--out",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Folder for the rows, a table (CSV) and a heat map (PNG).",
)
@click.option("--fresh", is_flag=True, help="Work out every point anew, also those that are there.")
@as_json
def sweep(words: tuple[str, ...], grid: tuple[str, ...], jobs: int | None, as_json: bool, **asked: Any) -> None:
    """Replay a plan at every point of a grid, and show which values did best.

    Keys are those of the plan (risk.max_positions); a bare name is a parameter of the only strategy that has it. Each
    result is kept as soon as it is there: the same command goes on where a killed one stopped.
    """
    named = [word for word in words if "=" not in word]
    if len(named) != 1:
        raise click.UsageError(f"name one plan, not {len(named)}")
    for name in ("start", "end"):
        asked[name] = asked[name].date() if isinstance(asked[name], datetime) else None
    points = (*grid, *(word for word in words if "=" in word))
    later("openbell.cli.sweeping:show", named[0], points, asked, jobs or _cores(), as_json)


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
