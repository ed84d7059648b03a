"""The crash matrix as a page."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from tests.faults.points import POINTS
from tests.faults.trial import ALPACA, FAULTS, GATEWAY_FAULTS, IBKR, Result

HEAD = """# The crash matrix

Written by `make faults`; do not edit. Each trial runs the trading run on a store of its own against a venue with a
ledger: the adapter of Alpaca on the fault broker (`tests/faultbroker`, an HTTP server), or the adapter of Interactive
Brokers on the gateway double (`tests/twsdouble`, which speaks the TWS wire protocol). The run is killed with SIGKILL at
a named point or at a random instant and restarted until everything is settled. Then a judge that shares no code with
openbell compares the venue's own ledger, the database file and every output (`tests/faults/oracle.py`).

"""
LEGEND = """
A cell says what became of orders whose outcome was unknown after the kill: **f**ound at the broker by a look-up,
sent **a**gain under the same id after two look-ups without it, **g**iven up with an alert. A dot is none of them.
A broker without unique ids is never sent an order a second time. `!` counts trials with a violation. A fault hurts
the first order (in the scene `cancel`: the first cancel); late visibility hides every order for a while. At points
that each order of the basket passes the repetitions die at the first, the second and the third of them.

## Alpaca

"""
GATEWAY = """## Interactive Brokers

The gateway takes an id twice, so nothing is ever sent to it again. A swallowed order never arrives and nobody says so;
a disconnect after place cuts the line right after the word about the order. At the point `frozen` the process that was
stopped still has its client id, so the next one may be refused by the gateway.

"""
TOTALS = """## Both together

"""
#: What a venue does, as the matrix has it: its name, whether its ids are unique, and the fault.
Way = tuple[str, bool, str]
Cell = Mapping[Way, list[Result]]
#: The columns of each table with their titles.
ALPACA_COLUMNS: dict[Way, str] = {
    (ALPACA, unique, fault): f"{'unique ids' if unique else 'no unique ids'}, {fault}"
    for unique in (True, False)
    for fault in FAULTS
}
GATEWAY_COLUMNS: dict[Way, str] = {(IBKR, False, fault): fault for fault in GATEWAY_FAULTS}


def report(cells: Mapping[str, Cell], seconds: float, lanes: int, violations: int) -> str:
    """The whole page."""
    every = [result for row in cells.values() for results in row.values() for result in results]
    tables = _table(cells, ALPACA_COLUMNS) + GATEWAY + _table(cells, GATEWAY_COLUMNS)
    return HEAD + _summary(every, seconds, lanes, violations) + LEGEND + tables + TOTALS + _totals(cells)


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


def _table(cells: Mapping[str, Cell], columns: Mapping[Way, str]) -> str:
    lines = [f"| rows | dies | {' | '.join(columns.values())} |", f"|---|---|{'---|' * len(columns)}"]
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
