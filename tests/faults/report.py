"""The crash matrix as a page."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from tests.faults.points import POINTS
from tests.faults.trial import FAULTS, Result

HEAD = """# The crash matrix

Written by `make faults`; do not edit. Each trial runs the trading run on a store of its own against the fault broker
(`tests/faultbroker`, an HTTP server with a ledger), kills it with SIGKILL at a named point or at a random instant,
restarts it until everything is settled, and lets a judge that shares no code with openbell compare the broker's own
ledger, the database file and every output (`tests/faults/oracle.py`).

"""
LEGEND = """
A cell says what became of orders whose outcome was unknown after the kill: **f**ound at the broker by a look-up,
sent **a**gain under the same id after two look-ups without it, **g**iven up with an alert. A dot is none of them.
A broker without unique ids is never sent an order a second time. `!` counts trials with a violation. A fault hurts
the first order (in the scene `cancel`: the first cancel); late visibility hides every order for a while. At points
that each order of the basket passes the repetitions die at the first, the second and the third of them.

"""
Cell = Mapping[tuple[bool, str], list[Result]]


def report(cells: Mapping[str, Cell], seconds: float, lanes: int, violations: int) -> str:
    """The whole page."""
    every = [result for row in cells.values() for results in row.values() for result in results]
    return HEAD + _summary(every, seconds, lanes, violations) + LEGEND + _table(cells) + _totals(cells)


def _summary(every: list[Result], seconds: float, lanes: int, violations: int) -> str:
    rows = {
        "run": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {seconds:.0f} s, {lanes} at a time",
        "trials": len(every),
        "kills": sum(result.kills for result in every),
        "processes started": sum(result.attempts for result in every),
        "orders decided": sum(result.orders for result in every),
        "unknown outcomes found out": sum(result.recovered for result in every),
        "sent again after two look-ups": sum(result.resent for result in every),
        "given up with an alert": sum(result.abandoned for result in every),
        "trials that did not settle": sum(not result.settled for result in every),
        "**violations**": f"**{violations}**",
    }
    lines = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
    return "\n".join(lines) + "\n"


def _table(cells: Mapping[str, Cell]) -> str:
    columns = [(unique, fault) for unique in (True, False) for fault in FAULTS]
    names = [f"{'unique ids' if unique else 'no unique ids'}, {fault}" for unique, fault in columns]
    lines = [f"| rows | dies | {' | '.join(names)} |", f"|---|---|{'---|' * len(columns)}"]
    for name, row in _ordered(cells):
        point = POINTS.get(name)
        rows, says = (", ".join(point.rows), f"`{point.label}`: {point.says}") if point else ("G3", name)
        lines.append(f"| {rows} | {says} | {' | '.join(_cell(row.get(column, [])) for column in columns)} |")
    return "\n".join(lines) + "\n\n"


def _cell(results: list[Result]) -> str:
    counts = {
        "f": sum(result.recovered - result.resent for result in results if result.recovered),
        "a": sum(result.resent for result in results),
        "g": sum(result.abandoned for result in results),
        "!": sum(bool(result.findings) for result in results),
    }
    said = " ".join(f"{count}{letter}" for letter, count in counts.items() if count > 0)
    return f"{len(results)}: {said or '·'}" if results else ""


def _totals(cells: Mapping[str, Cell]) -> str:
    lines = [
        "| dies at | trials | kills | found | sent again | given up | violations | seconds each |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in _ordered(cells):
        results = [result for found in row.values() for result in found]
        figures = (
            len(results),
            sum(r.kills for r in results),
            sum(r.recovered for r in results),
            sum(r.resent for r in results),
            sum(r.abandoned for r in results),
            sum(len(r.findings) for r in results),
            f"{sum(r.seconds for r in results) / len(results):.2f}",
        )
        lines.append(f"| {name} | {' | '.join(str(figure) for figure in figures)} |")
    return "\n".join(lines) + "\n"


def _ordered(cells: Mapping[str, Cell]) -> Iterable[tuple[str, Cell]]:
    places = {name: place for place, name in enumerate(POINTS)}
    return sorted(cells.items(), key=lambda item: places.get(item[0], len(places)))
