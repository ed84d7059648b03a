"""The tables of the page. Every text is escaped here, whoever wrote it."""

import html
from collections.abc import Mapping, Sequence
from itertools import groupby

from openbell.replay.statistics import Month
from openbell.replay.telling import NONE, Rows, Trip, amount, counted, percent
from openbell.stages.wording import clean, count

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: Strongest ground of a month, and rows of a list that are shown.
_DEEPEST, _LONGEST = 0.75, 30


def pairs(title: str, rows: Rows) -> str:
    """Names and values under a title."""
    body = "".join(f'<tr><td class="text">{_e(name)}</td><td>{_e(value)}</td></tr>' for name, value in rows)
    return f"<div><h3>{_e(title)}</h3><table>{body}</table></div>"


def months(found: Sequence[Month]) -> str:
    """A row for each year, the newest first; the ground says how much."""
    if not found:
        return '<p class="none">No month.</p>'
    strongest = max(0.02, *(abs(month.change) for month in found))
    years = {year: {row.month: row.change for row in rows} for year, rows in groupby(found, lambda row: row.year)}
    head = "".join(f"<th>{name}</th>" for name in ("", *MONTHS, "Year"))
    body = "".join(_year(year, years[year], strongest) for year in reversed(years))
    return f'<table class="months"><tr>{head}</tr>{body}</table>'


def _year(year: int, changes: Mapping[int, float], strongest: float) -> str:
    cells = "".join(_month(changes.get(month), strongest) for month in range(1, 13))
    whole = 1.0
    for change in changes.values():
        whole *= 1 + change
    return f'<tr><th>{year}</th>{cells}<td class="whole">{percent(whole - 1, signed=True)}</td></tr>'


def _month(change: float | None, strongest: float) -> str:
    if change is None:
        return "<td></td>"
    side = "gain" if change >= 0 else "loss"
    depth = min(abs(change) / strongest, 1) * _DEEPEST
    return f'<td style="background:rgba(var(--{side}-rgb),{depth:.2f})">{change:+.1%}</td>'


def trades(found: Sequence[Trip]) -> str:
    """One row for each trade."""
    if not found:
        return '<p class="none">No trade.</p>'
    names = ("Symbol", "Side", "Opened", "Closed", "Quantity", "Entry", "Exit", "Fees", "Profit", "of cost")
    head = "".join(f'<th class="text">{name}</th>' if name in names[:2] else f"<th>{name}</th>" for name in names)
    return f"<table><tr>{head}</tr>{''.join(map(_trade, found))}</table>"


def _trade(trip: Trip) -> str:
    closed = "open" if trip.still else str(trip.closed)
    texts = "".join(f'<td class="text">{_e(text)}</td>' for text in (trip.symbol, trip.side))
    numbers = (
        str(trip.opened),
        closed,
        f"{trip.quantity:,g}",
        f"{trip.entry:,.2f}",
        f"{trip.exit:,.2f}",
        f"{trip.fees:,.2f}",
    )
    cells = "".join(f"<td>{_e(text)}</td>" for text in numbers)
    share = percent(trip.share, signed=True)
    return f"<tr>{texts}{cells}<td{tone(trip.profit)}>{amount(trip.profit)}</td><td>{share}</td></tr>"


def counts(title: str, found: Mapping[str, int], none: str) -> str:
    """Counts as bars, the largest first."""
    rows = counted(found)
    most = rows[0][1] if rows else 1
    body = "".join(
        f'<tr><td class="text bar"><i style="width:{number / most:.0%}"></i><span>{_e(clean(name))}</span></td>'
        f"<td>{number:,}</td></tr>"
        for name, number in rows
    )
    return f"<div><h2>{_e(title)}</h2>{f'<table>{body}</table>' if rows else _none(none)}</div>"


def dropped(rows: Sequence[tuple[str, str, str]]) -> str:
    """Symbols that were left out, with the reason."""
    body = "".join(
        "<tr>" + "".join(f'<td class="text">{_e(clean(cell))}</td>' for cell in row) + "</tr>"
        for row in rows[:_LONGEST]
    )
    more = _none(f"and {count(len(rows) - _LONGEST, 'more')}") if len(rows) > _LONGEST else ""
    told = f'<table class="drops">{body}</table>{more}' if rows else _none("No symbol was left out.")
    return f"<div><h2>Symbols left out for their data</h2>{told}</div>"


def tone(value: float | None) -> str:
    """The class of a value that is good or bad."""
    if not value:
        return ""
    return f' class="{"gain" if value > 0 else "loss"}"'


def _none(text: str) -> str:
    return f'<p class="none">{_e(text)}</p>'


def _e(text: str) -> str:
    return html.escape(text) or NONE
