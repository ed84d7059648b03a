"""The page of a job other than trading: its words, its counters, and what it found as tables."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from openbell.stages.wording import clean, marked
from openbell.values.record import RunRecord

#: Rows of a table on the page; the rest is on the command line.
LONGEST = 50


def job_words(record: RunRecord) -> str:
    """One clean line: how the run ended and what it did."""
    said = clean(record.message)
    return f"{record.outcome.value}: {said}" if said else record.outcome.value


def job_tables(record: RunRecord) -> dict[str, list[dict[str, str]]]:
    """Counters that counted something, then each part of the details that is not empty; every row has every column."""
    counted = [{"counter": name, "number": str(number)} for name, number in record.counters.items() if number]
    parts = {clean(name.replace("_", " ").capitalize()): _rows(part) for name, part in record.details.items()}
    return {title: rows for title, rows in {"Counters": counted, **parts}.items() if rows}


def job_sections(record: RunRecord) -> Iterator[str]:
    """The tables as markdown."""
    for title, rows in job_tables(record).items():
        yield f"## {marked(title)}"
        yield _table(rows[:LONGEST])
        if len(rows) > LONGEST:
            yield f"and {len(rows) - LONGEST:,} more (openbell show {marked(record.id)})"


def _rows(part: Any) -> list[dict[str, str]]:
    """Rows of one part of the details, whatever its shape: a list of rows or values, a mapping, one value."""
    if isinstance(part, Mapping):
        found: list[Any] = [{"name": name, "value": value} for name, value in part.items()]
    else:
        values = part if isinstance(part, Sequence) and not isinstance(part, str) else [part] if part else []
        found = [value if isinstance(value, Mapping) else {"value": value} for value in values]
    names = dict.fromkeys(str(name) for row in found for name in row)
    return [{name: _text(row.get(name)) for name in names} for row in found]


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_text(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return "" if value is None else str(value)


def _table(rows: Sequence[Mapping[str, str]]) -> str:
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join(f"| {' | '.join(map(marked, cells) if cells[0] != '---' else cells)} |" for cells in lines)
