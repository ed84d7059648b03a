"""The report as markdown: for the Prefect UI, for a terminal, for a file."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from openbell.replay.report.tables import MONTHS
from openbell.replay.result import Replayed
from openbell.replay.statistics import Month, Statistics
from openbell.replay.telling import (
    Trip,
    amount,
    counted,
    figures,
    headline,
    percent,
    source,
    span,
    telling,
    trips,
)
from openbell.stages.wording import marked

#: Reasons and symbols of a list that are told.
LONGEST = 20


def markdown(replayed: Replayed, found: Statistics, picture: str = "") -> str:
    """The page; ``picture`` is the address of the equity curve's picture."""
    return "\n".join(_lines(replayed, found, picture)) + "\n"


def _lines(replayed: Replayed, found: Statistics, picture: str) -> Iterator[str]:
    yield from (f"# Replay of {marked(replayed.plan.name)}", "", f"**{headline(replayed, found)}**", "")
    yield from (f"{span(replayed)}, {source(replayed)}.", "")
    for note in replayed.notes:
        yield f"- {marked(note)}"
    if picture:
        yield from ("", f"![Equity and drawdown]({picture})", "")
    yield from _figures(found, replayed.currency)
    yield from _table("Monthly returns", ("Year", *MONTHS, "Whole"), _years(found.months))
    shown = trips(replayed, telling(replayed.trades))
    told = f"Trades: the {len(shown)} most telling of {len(replayed.trades):,}"
    names = ("Symbol", "Side", "Opened", "Closed", "Quantity", "Entry", "Exit", "Profit")
    yield from _table(told if len(shown) < len(replayed.trades) else "Trades", names, map(_trade, shown))
    yield from _counts("Denied by the gate", "Rule", replayed.denials)
    yield from _counts("Made smaller by the gate", "Rule", replayed.clipped)
    yield from _counts("Slots skipped", "Reason", replayed.skips)
    dropped = [(drop.symbol, drop.code, drop.detail) for drop in replayed.dropped]
    yield from _table("Symbols left out for their data", ("Symbol", "Code", "Detail"), dropped[:LONGEST])


def _figures(found: Statistics, currency: str) -> Iterator[str]:
    """Two groups of figures side by side, two times."""
    groups = list(figures(found, currency).items())
    for (left, rows), (right, others) in zip(groups[::2], groups[1::2], strict=True):
        beside = zip_longest(rows, others, fillvalue=("", ""))
        yield from _table("", (left, "", right, ""), [(*one, *other) for one, other in beside])


def _counts(title: str, name: str, found: Mapping[str, int]) -> Iterator[str]:
    yield from _table(title, (name, "Count"), ((key, f"{number:,}") for key, number in counted(found)))


def _table(title: str, names: Sequence[str], rows: Iterator[Sequence[str]] | Sequence[Sequence[str]]) -> Iterator[str]:
    body = [f"| {' | '.join(marked(cell) for cell in row)} |" for row in rows]
    if body:
        yield from (
            "",
            *((f"## {title}", "") if title else ()),
            f"| {' | '.join(names)} |",
            f"|{'---|' * len(names)}",
            *body,
        )


def _years(found: Sequence[Month]) -> list[list[str]]:
    rows = []
    for year in sorted({month.year for month in found}, reverse=True):
        changes = {month.month: month.change for month in found if month.year == year}
        whole = 1.0
        for change in changes.values():
            whole *= 1 + change
        cells = [percent(changes.get(month), signed=True) if month in changes else "" for month in range(1, 13)]
        rows.append([str(year), *cells, percent(whole - 1, signed=True)])
    return rows


def _trade(trip: Trip) -> Sequence[str]:
    closed = "open" if trip.still else str(trip.closed)
    numbers = (f"{trip.quantity:,g}", f"{trip.entry:,.2f}", f"{trip.exit:,.2f}", amount(trip.profit))
    return (trip.symbol, trip.side, str(trip.opened), closed, *numbers)
