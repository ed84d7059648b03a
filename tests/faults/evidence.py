"""What the oracle judges from: the broker's ledger, the database file, the outputs. Standard library only."""

import base64
import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

Row = Mapping[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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
    """Everything there is to judge. ``unguarded`` names insert-only tables that let themselves be changed."""

    ledger: Ledger
    tables: Mapping[str, tuple[Row, ...]]
    unguarded: tuple[str, ...] = ()
    outputs: Mapping[str, bytes] = field(default_factory=dict)

    def __getitem__(self, table: str) -> tuple[Row, ...]:
        return self.tables.get(table, ())

    def by_id(self, table: str) -> dict[str, Row]:
        """Rows of a table by client id."""
        return {row["client_id"]: row for row in self[table]}

    def of(self, table: str, client_id: str) -> list[Row]:
        """Rows of a table for one order, in their own order."""
        return [row for row in self[table] if row["client_id"] == client_id]


def gather(ledger: Path, store: Path, outputs: Iterable[Path] = ()) -> Evidence:
    """Read everything; the files stay as they are."""
    tables, unguarded = _database(store)
    read = {str(path): path.read_bytes() for path in outputs if path.is_file()}
    return Evidence(read_ledger(ledger), tables, unguarded, read)


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


def seconds(value: Any) -> float:
    """An instant of the database (microseconds since 1970) or of the ledger (seconds or ISO text) in seconds."""
    if isinstance(value, str):
        return (datetime.fromisoformat(value) - _EPOCH).total_seconds()
    return value / 1_000_000 if isinstance(value, int) else float(value)


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
    """The ledger's lines; the last one may be cut off by a kill of the broker and is left out then."""
    posts, placed, executions = [], [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue
        match entry.get("kind"):
            case "request" if entry["method"] == "POST" and entry["path"].endswith("/orders"):
                posts.append(Post(seconds(entry["time"]), _client_id(entry)))
            case "accepted":
                placed.append(_placed(entry))
            case "fill":
                executions.append(_execution(entry))
    return Ledger(tuple(posts), tuple(placed), tuple(executions))


def _client_id(entry: Row) -> str:
    body = entry.get("body") or {}
    return str(body.get("client_order_id") or "")


def _placed(entry: Row) -> Placed:
    return Placed(
        seconds(entry["time"]), entry["client_order_id"], entry["symbol"], entry["side"], Decimal(str(entry["qty"]))
    )


def _execution(entry: Row) -> Execution:
    return Execution(entry["id"], entry["client_order_id"], entry["symbol"], entry["side"], Decimal(str(entry["qty"])))
