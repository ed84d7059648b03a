"""What an audit reads and says: rows as they lie in the database, streamed, and findings that name a row.

Values are converted here and not by the driver, so that a value that cannot be read is a finding of its row.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Boolean, Connection, Date, Row, Select, Table, select, type_coerce
from sqlalchemy.types import NullType

from openbell.errors import OpenbellError
from openbell.store.columns import Instant, Money
from openbell.values.money import text

#: Rows fetched at a time, and findings told of one check.
_BATCH, _TOLD = 2000, 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: What reading a damaged value can raise.
DAMAGE = (ValueError, ArithmeticError, TypeError, KeyError, AttributeError, OpenbellError)


@dataclass(frozen=True, slots=True)
class Finding:
    """A row that is not as it must be: table and key, and what is wrong."""

    row: str
    detail: str


@dataclass(slots=True)
class Check:
    """One thing that was judged: its invariant (FAULTS 3), how many rows, how many are wrong, the first of them."""

    code: str
    name: str
    rows: int = 0
    wrong: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.wrong

    def add(self, row: str, detail: str) -> None:
        """Note a finding; only the first ones are kept."""
        self.wrong += 1
        if len(self.findings) < _TOLD:
            self.findings.append(Finding(row, detail))

    def need(self, holds: bool, row: str, detail: str) -> None:
        """Note a finding unless it holds."""
        if not holds:
            self.add(row, detail)


def stream(connection: Connection, table: Table, *order: str) -> Iterator[Row[Any]]:
    """Every row of a table, in that order, as the driver gives it."""
    query = select(*raw(table)).order_by(*(table.c[name] for name in order))
    return streamed(connection, query)


def streamed(connection: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    """The rows of a query, a batch at a time."""
    yield from connection.execute(query.execution_options(yield_per=_BATCH))


def raw(table: Table, *names: str) -> list[Any]:
    """Columns without their conversion; all of them when none is named."""
    return [type_coerce(table.c[name], NullType()).label(name) for name in names or [c.name for c in table.columns]]


def reader(*tables: Table) -> Callable[[Row[Any]], dict[str, Any]]:
    """Turns a raw row into values by column name; raises one of ``DAMAGE`` when one cannot be read."""
    kinds: dict[str, Any] = {column.name: column.type for table in reversed(tables) for column in table.columns}
    converters = {name: convert for name, kind in kinds.items() if (convert := _converter(kind)) is not None}

    def read(row: Row[Any]) -> dict[str, Any]:
        found: dict[str, Any] = dict(zip(row._fields, row, strict=True))
        for name, convert in converters.items():
            value = found.get(name)
            if value is not None:
                found[name] = convert(value)
        return found

    return read


def _converter(kind: Any) -> Callable[[Any], Any] | None:
    known: Mapping[type, Callable[[Any], Any]] = {Instant: instant, Money: amount, Boolean: truth, Date: day}
    return next((convert for base, convert in known.items() if isinstance(kind, base)), None)


def instant(value: Any) -> datetime:
    """An instant as either database gives it."""
    return value.astimezone(UTC) if isinstance(value, datetime) else _EPOCH + timedelta(microseconds=value)


def amount(value: Any) -> Decimal:
    """An amount; SQLite must have it in the one canonical form."""
    if isinstance(value, str):
        found = Decimal(value)
        if text(found) != value:
            raise ValueError(f"{value!r} is not the canonical form of {text(found)}")
        return found
    if not isinstance(value, Decimal):
        raise ValueError(f"{value!r} is not an exact amount")
    return value


def truth(value: Any) -> bool:
    """A boolean; SQLite has 0 and 1."""
    if value not in (0, 1):
        raise ValueError(f"{value!r} is neither true nor false")
    return bool(value)


def day(value: Any) -> date:
    """A date as either database gives it."""
    return value if isinstance(value, date) else date.fromisoformat(value)


class Grouped:
    """Rows of a stream ordered by a key, taken key by key."""

    def __init__(self, rows: Iterator[Row[Any]], key: str) -> None:
        self._rows, self._key = rows, key
        self._next = next(rows, None)

    def take(self, key: Any) -> list[Row[Any]]:
        """The rows of that key, if they are the next ones."""
        found = []
        while self._next is not None and getattr(self._next, self._key) == key:
            found.append(self._next)
            self._next = next(self._rows, None)
        return found

    def below(self, key: Any) -> Iterator[Row[Any]]:
        """The rows of lower keys: nobody took them."""
        while self._next is not None and getattr(self._next, self._key) < key:
            yield self._next
            self._next = next(self._rows, None)

    def rest(self) -> Iterator[Row[Any]]:
        """Whatever nobody took."""
        while self._next is not None:
            yield self._next
            self._next = next(self._rows, None)
