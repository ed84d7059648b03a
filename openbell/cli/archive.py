"""Move whole months of sealed records out of the store, into files that are still read and still verified."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from openbell import store
from openbell.cli.output import emit, machine, say, table
from openbell.cli.place import FIRST_STEP, shown
from openbell.errors import InputError, StoreError
from openbell.settings import Settings, load_settings
from openbell.stages.wording import count
from openbell.store.archiving import Part, Step, archiving, check_settled, parts, utc_month
from openbell.store.connect import Store, exists, open_store

_MONTH = re.compile(r"^20\d{2}-(0[1-9]|1[0-2])$")


@click.command(epilog="Example: openbell archive --before 2026-03 --dry-run")
@click.option("--before", "month", required=True, metavar="YYYY-MM", help="Months before this one, in UTC.")
@click.option("--dry-run", is_flag=True, help="Say what would be moved, and move nothing.")
@machine
def archive(month: str, dry_run: bool, as_json: bool) -> None:
    """Move the runs of whole months, with their signals, verdicts and panels, to Parquet files in the home folder.

    They are still shown, explained and verified. Each month is read back from its file before anything is deleted;
    stopped at any moment it loses nothing, and the next call goes on. Orders, fills, slots and every log stay.
    """
    settings, before = load_settings(), _before(month, datetime.now(UTC))
    place = _store(settings)
    check_settled(place, before)
    found = parts(place, before)
    if not dry_run:
        _work(archiving(place, settings.archive, before), found, quiet=as_json)
    if as_json:
        emit({"archive": str(settings.archive), "dry_run": dry_run, "months": [_told(part) for part in found]})
    else:
        _say(found, settings, dry_run)


def _before(month: str, now: datetime) -> datetime:
    if not _MONTH.match(month):
        raise InputError(f"--before {month[:20]!r} is not a month such as 2026-03")
    before = utc_month(month)
    if before > now:
        raise InputError(f"--before {month}: the last month that has ended is the one before {now:%Y-%m}")
    return before


def _store(settings: Settings) -> Store:
    if not exists(settings.url):
        raise StoreError(f"no store yet at {shown(settings.url)}: {FIRST_STEP}")
    store.check(settings.url)
    return open_store(settings.url)


def _work(steps: Iterable[Step], found: tuple[Part, ...], quiet: bool) -> None:
    """Each step with the share of the records that are out of the store."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=quiet, transient=True) as progress:
        task, done = progress.add_task("archive", total=sum(part.runs for part in found) or None), 0
        for step in steps:
            moved = done + (step.runs if step.what == "deleted" else 0)
            progress.update(task, description=f"{step.month or 'before'} {step.what}", completed=moved)
            if step.what == "deleted" and step.runs >= next((p.runs for p in found if p.month == step.month), 0):
                done = moved


def _told(part: Part) -> dict[str, object]:
    return {"month": part.month, "runs": part.runs, "first": part.first, "last": part.last}


def _say(found: tuple[Part, ...], settings: Settings, dry_run: bool) -> None:
    if not found:
        say("nothing to archive: no run of a whole month before is in the store alone")
        return
    rows = [(part.month, f"{part.runs:,}", f"{part.first:,} to {part.last:,}") for part in found]
    table("", ("month", ">runs", "records"), rows)
    total = count(sum(part.runs for part in found), "run")
    if dry_run:
        say(f"{total} would be moved to {settings.archive}; nothing was changed")
    else:
        say(f"{total} moved to {settings.archive}; keep that folder with your backups")
        say("`openbell verify` proves store and archive, `openbell history --archived` lists what was moved")
