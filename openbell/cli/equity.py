"""The equity curve of an account."""

from collections.abc import Sequence
from datetime import UTC
from decimal import Decimal
from itertools import pairwise

import click

from openbell import planfiles, store
from openbell.cli.curves import spark
from openbell.cli.output import amount, emit, machine, say, table
from openbell.cli.place import reading
from openbell.errors import InputError, OpenbellError
from openbell.planfiles import load_all
from openbell.ports import EquityPoint, History
from openbell.settings import load_settings
from openbell.stages.wording import when
from openbell.values.snapshot import Snapshot

DAILY = (
    *("session", ">total", ">cash", ">positions", ">today", ">in all", ">realised", ">unrealised", ">fees"),
    *(">not traded", ">less broker"),
)
COLUMNS = ("time", "session", ">cash", ">equity", ">change")


@click.command(epilog="Example: openbell equity demo --daily")
@click.argument("account", required=False)
@click.option("--daily", is_flag=True, help="One row for each session: its snapshot, with the profit of the day.")
@click.option("--limit", default=30, show_default=True, type=click.IntRange(1, 10_000), help="The last so many points.")
@machine
def equity(account: str | None, daily: bool, limit: int, as_json: bool) -> None:
    """Show cash and equity at the end of each run, archived ones too, with the curve; by default of all accounts."""
    history = reading()
    if daily:
        _daily([account] if account else accounts(history), limit, as_json)
        return
    found = {name: history.equity(name, limit) for name in ([account] if account else accounts(history))}
    curves = {name: points for name, points in found.items() if points}
    if any(len(points) < limit for points in curves.values()) and (elsewhere := history.elsewhere()):
        click.echo(f"note: archived points from before are not shown{elsewhere}", err=True)
    if as_json:
        emit(curves)
    elif curves:
        for name, points in curves.items():
            _show(name, points)
    elif account:
        raise InputError(f"no equity of account {account[:60]!r} in the store")
    else:
        say("no equity yet: `make demo` makes some")


def _daily(names: Sequence[str], limit: int, as_json: bool) -> None:
    book = store.open_snapshots(load_settings().url)
    taken = {name: rows for name in names if (rows := book.snapshots(name, limit))}
    if as_json:
        emit(taken)
    for name, rows in () if as_json else taken.items():
        table(f"Snapshots of {name}", DAILY, map(_day, rows))
        _curve([row.total for row in rows])
    if not taken and not as_json:
        say("no snapshot yet: the job `snapshot` takes one after each session")


def _day(row: Snapshot) -> tuple[object, ...]:
    made = (row.total, row.cash, row.value, row.daily, row.gain, row.realized, row.unrealized, row.fees)
    return row.session, *map(amount, made), amount(row.activity), amount(row.difference)


def accounts(history: History) -> list[str]:
    """The accounts of all plans that can be read, and those that hold anything."""
    held = {row.account for row in history.positions()}
    try:
        named = {plan.account.name for plan in load_all(planfiles.plans_folder(load_settings()))}
    except OpenbellError:
        named = set()
    return sorted(held | named)


def _show(account: str, points: Sequence[EquityPoint]) -> None:
    changes = [None, *(after.equity - before.equity for before, after in pairwise(points))]
    rows = (
        (when(point.time, UTC), point.session, amount(point.cash), amount(point.equity), amount(change))
        for point, change in zip(points, changes, strict=True)
    )
    table(f"Equity of {account}", COLUMNS, rows)
    _curve([point.equity for point in points])


def _curve(values: Sequence[Decimal]) -> None:
    say(f"{amount(min(values))} {spark(values)} {amount(max(values))}")
