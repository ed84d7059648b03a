"""How answers are printed: tables for people, canonical plain JSON for machines."""

import json
import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from openbell.values import canonical, money

#: Rows of a pipe are never wrapped: one row, one line.
PIPE_WIDTH = 4000
STYLES = {
    "completed": "green",
    "approved": "green",
    "filled": "green",
    "run": "green",
    "active": "green",
    "valid": "green",
    "ok": "green",
    "warning": "yellow",
    "skipped": "yellow",
    "skip": "yellow",
    "clipped": "yellow",
    "reduce_only": "yellow",
    "failed": "red",
    "denied": "red",
    "rejected": "red",
    "unknown": "red",
    "halted": "red",
    "invalid": "red",
}

machine = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines instead of tables.")


def emit(value: Any) -> None:
    """Print as JSON: Decimal and instants as text, UTC."""
    click.echo(json.dumps(canonical.plain(value), indent=2, ensure_ascii=False))


def say(text: str = "") -> None:
    """Print one line."""
    click.echo(text)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows under a title; a column whose name begins with ``>`` holds numbers and stands to the right."""
    drawn = Table(
        title=title or None, box=SIMPLE_HEAD, show_edge=False, title_justify="left", title_style="bold", pad_edge=False
    )
    for column in columns:
        drawn.add_column(
            Text(column.removeprefix(">")), justify="right" if column[0] == ">" else "left", overflow="fold"
        )
    for row in rows:
        drawn.add_row(*(_cell(value) for value in row))
    screen = console()
    screen.print(drawn)
    screen.print()


def console() -> Console:
    """What tables are drawn on: a terminal as wide as it is, a pipe without end or colour."""
    person = sys.stdout.isatty()
    return Console(
        markup=False,
        highlight=False,
        emoji=False,
        width=None if person else PIPE_WIDTH,
        force_terminal=None if person else False,
    )


def _cell(value: Any) -> Text:
    if value is None or value == "":
        return Text("-", style="dim")
    if isinstance(value, Decimal):
        return Text(money.text(value))
    text = str(value)
    return Text(text, style=STYLES.get(text.split(" ", 1)[0], ""))


def amount(value: Decimal | None) -> str | None:
    """Money for people: thousands apart, two decimals; None stays unknown."""
    return None if value is None else f"{value:,.2f}"
