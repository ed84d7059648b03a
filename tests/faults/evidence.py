"""What the oracle judges from: the broker's ledger, the database file, the outputs. Standard library only."""

import base64
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

Row = Mapping[str, Any]
#: Tables that are read, each in the order of this column.
_TABLES = {
    **dict.fromkeys(("slots", "intents", "orders", "positions"), "rowid"),
    **dict.fromkeys(("order_events", "fills", "busts", "runs"), "sequence"),
    **dict.fromkeys(("alerts", "breaks", "lookups", "resolutions", "breaker_events"), "number"),
    "switches": "epoch",
}
#: Tables whose rows name the hash of the row before, and the column that counts them.
CHAINS = {name: key for name, key in _TABLES.items() if key in ("sequence", "number")} | {"switches": "epoch"}
for _unchained in ("fills", "busts"):
    del CHAINS[_unchained]
#: Where nothing may be changed, whatever the reason.
INSERT_ONLY = (*CHAINS, "intents", "fills", "busts", "signals", "verdicts", "frames", "equity_points")


#: SQLite's clock counts milliseconds and cuts off the rest.
TICK = 0.001
GENESIS = "0" * 64


@dataclass(frozen=True)
class Expected:
    """What the trial knows: whether recovery is through, which slots must be there, what must stay secret.

    ``limit`` is the most that may be held or under way per symbol at any instant, in units of the symbol; ``flat``
    that nothing may be held or open in the end.
    """

    settled: bool = True
    slots: tuple[str, ...] = ()
    canaries: tuple[str, ...] = ()
    limit: Decimal | None = None
    flat: bool = False


@dataclass(frozen=True)
class Post:
    """A request to place an order, as it reached the broker; ``time`` is seconds since 1970 by the broker's clock."""

    time: float
    client_id: str


@dataclass(frozen=True)
class Placed:
    """An order that the broker took."""

    time: float
    client_id: str
    symbol: str
    side: str
    quantity: Decimal


@dataclass(frozen=True)
class Execution:
    """A fill that the broker made."""

    id: str
    client_id: str
    symbol: str
    side: str
    quantity: Decimal

    @property
    def signed(self) -> Decimal:
        return self.quantity if self.side == "buy" else -self.quantity


@dataclass(frozen=True)
class Ledger:
    """The broker's own book: what really happened."""

    posts: tuple[Post, ...] = ()
    placed: tuple[Placed, ...] = ()
    executions: tuple[Execution, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """Everything there is to judge.

    ``unguarded`` names insert-only tables that let themselves be changed. ``halt_file`` is since when the kill
    switch's file stands, in seconds since 1970.
    """

    ledger: Ledger
    tables: Mapping[str, tuple[Row, ...]]
    unguarded: tuple[str, ...] = ()
    outputs: Mapping[str, bytes] = field(default_factory=dict)
    halt_file: float | None = None

    def __getitem__(self, table: str) -> tuple[Row, ...]:
        return self.tables.get(table, ())

    def by_id(self, table: str) -> dict[str, Row]:
        """Rows of a table by client id."""
        return {row["client_id"]: row for row in self[table]}

    def events(self, client_id: str) -> list[Row]:
        """What happened to one order, in its own order."""
        return [row for row in self["order_events"] if row["client_id"] == client_id]


def gather(ledger: Path, store: Path, outputs: Iterable[Path] = ()) -> Evidence:
    """Read everything; the files stay as they are."""
    tables, unguarded = _database(store)
    read = {str(path): path.read_bytes() for path in outputs if path.is_file()}
    halt = store.with_name("HALT")
    return Evidence(read_ledger(ledger), tables, unguarded, read, halt.stat().st_mtime if halt.exists() else None)


def _database(path: Path) -> tuple[dict[str, tuple[Row, ...]], tuple[str, ...]]:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5) as source, sqlite3.connect(":memory:") as copy:
        source.backup(copy)
        copy.row_factory = sqlite3.Row
        there = {row["name"] for row in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        tables = {
            name: tuple(dict(row) for row in copy.execute(f"SELECT * FROM {name} ORDER BY {key}"))
            for name, key in _TABLES.items()
            if name in there
        }
        unguarded = tuple(name for name in INSERT_ONLY if name in there and _loose(copy, name))
    source.close()
    copy.close()
    return tables, unguarded


def _loose(copy: sqlite3.Connection, table: str) -> bool:
    """Whether a row of the copy can be changed or deleted; a table without rows cannot tell."""
    if copy.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is None:
        return False
    column = copy.execute(f"SELECT name FROM pragma_table_info('{table}') LIMIT 1").fetchone()[0]
    for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
        try:
            copy.execute("PRAGMA foreign_keys=OFF")
            copy.execute(statement)
        except sqlite3.DatabaseError:
            continue
        copy.rollback()
        return True
    copy.rollback()
    return False


def seconds(value: int) -> float:
    """An instant of the database, microseconds since 1970, in seconds."""
    return value / 1_000_000


def forms(secret: str) -> set[bytes]:
    """A secret as it could stand in an output: plain, hex, URL-encoded, base64 at each of its three offsets."""
    raw = secret.encode()
    found = {raw, raw.hex().encode(), raw.hex().upper().encode(), quote(secret, safe="").encode()}
    for offset in range(3):
        # The characters that also carry bits of what stands around it are cut off.
        coded = base64.b64encode(b"\0" * offset + raw)
        inner = coded[-(-offset * 8 // 6) : (offset + len(raw)) * 8 // 6]
        found |= {inner, inner.replace(b"+", b"-").replace(b"/", b"_")}
    return found


def read_ledger(path: Path) -> Ledger:
    """The ledger of ``tests/faultbroker`` or ``tests/twsdouble``; an execution that was taken back is left out."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if any(line["kind"] == "connect" for line in lines):
        return _gateway(lines)
    busted = {line["previous_id"] for line in lines if line["kind"] == "bust"}
    return Ledger(
        tuple(_post(line) for line in lines if _is_order(line)),
        tuple(_placed(line) for line in lines if line["kind"] == "accepted"),
        tuple(_execution(line) for line in lines if line["kind"] == "fill" and line["id"] not in busted),
    )


def _gateway(lines: Sequence[Row]) -> Ledger:
    """What the gateway was asked, took and executed. A message that places an order carries its reference as a field.

    A message about an order that stands already would be a change of it, and counts as one more order.
    """
    asked = [line for line in lines if line["kind"] == "request" and line["name"] == "placeOrder"]
    return Ledger(
        tuple(Post(line["time"], next((f for f in line["fields"] if f.startswith("ob-")), "")) for line in asked),
        tuple(_taken(line) for line in lines if line["kind"] in ("order", "modify")),
        tuple(_made(line) for line in lines if line["kind"] == "execution"),
    )


def _taken(line: Row) -> Placed:
    side, quantity = str(line.get("action", "")).lower(), Decimal(line.get("quantity", 0))
    return Placed(line["time"], line["ref"], line.get("symbol", ""), side, quantity)


def _made(line: Row) -> Execution:
    return Execution(line["id"], line["ref"], line["symbol"], line["action"].lower(), Decimal(line["shares"]))


def _is_order(line: Row) -> bool:
    return line["kind"] == "request" and line["method"] == "POST" and line["path"] == "/v2/orders"


def _post(line: Row) -> Post:
    return Post(line["time"], str((line["body"] or {}).get("client_order_id") or ""))


def _placed(line: Row) -> Placed:
    return Placed(line["time"], line["client_order_id"], line["symbol"], line["side"], Decimal(line["qty"]))


def _execution(line: Row) -> Execution:
    return Execution(line["id"], line["client_order_id"], line["symbol"], line["side"], Decimal(line["qty"]))
