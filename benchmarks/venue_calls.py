"""Requests to Alpaca by symbols and orders, counted in the ledger of the fault broker; no request per symbol."""

import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import numpy as np
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from openbell.brokers.alpaca import Alpaca as Account
from openbell.calendar.exchange import exchange
from openbell.feeds.alpaca import Alpaca as Prices
from openbell.ports import Broker
from openbell.specs import Surroundings
from openbell.values.bars import Timeframe
from openbell.values.orders import OrderIntent, OrderType, Purpose, Side
from tests.faultbroker.process import FaultBroker

SYMBOLS = (10, 200, 500, 1000)
ROWS = (5, 200)
ORDERS = (0, 10, 1000)
#: The issue's bounds: requests for bars of 500 symbols besides further pages, and for the status of 1,000 orders.
BARS_LIMIT, STATUS_LIMIT = 5, 20
AS_OF = datetime(2024, 7, 8, 16, tzinfo=UTC)
KEYS = SecretStr("PKBENCH7Q2W"), SecretStr("bench/secret")
AROUND = Surroundings(Path("data"), "XNYS", lambda: AS_OF)


def names(count: int) -> list[str]:
    """Symbols of four letters."""
    letters = ascii_uppercase
    return [f"Q{letters[n // 676]}{letters[n // 26 % 26]}{letters[n % 26]}" for n in range(count)]


def fill_with_bars(double: FaultBroker, symbols: list[str], rows: int) -> None:
    """Equal daily bars of each symbol up to the session before AS_OF."""
    market = exchange("XNYS")
    last = market.last_complete(AS_OF)
    days = market.session_dates(market.offset(last, 1 - rows), last)
    summer = (days >= np.datetime64("2024-03-10")) | (days < np.datetime64("2023-11-05"))
    stamps = [f"{day}T0{4 if warm else 5}:00:00Z" for day, warm in zip(days.tolist(), summer.tolist(), strict=True)]
    bars = [{"t": stamp, "o": 10, "h": 11, "l": 9, "c": 10, "v": 100, "n": 1, "vw": 10} for stamp in stamps]
    double.bars(dict.fromkeys(symbols, bars))


def counted(double: FaultBroker, deed: Callable[..., Any], *given: Any) -> tuple[int, int]:
    """Requests of a deed: those that begin something, and those for its further pages."""
    before = double.path.stat().st_size
    deed(*given)
    with double.path.open() as lines:
        lines.seek(before)
        made = [line for line in map(json.loads, lines) if line["kind"] == "request"]
    pages = sum("page_token" in line["query"] or "until" in line["query"] for line in made)
    return len(made) - pages, pages


def row(table: Table, what: str, symbols: str, orders: str, requests: tuple[int, int]) -> None:
    """One line of the table."""
    table.add_row(what, symbols, orders, *(f"{number:,}" for number in requests))


def of_prices(double: FaultBroker, table: Table) -> int:
    """Rows of the table for bars and quotes; requests besides pages for bars of 500 symbols."""
    feed = Prices(url=double.url).with_keys(*KEYS).open(AROUND)
    double.set(frozen=AS_OF.timestamp())
    worst = 0
    for count in SYMBOLS:
        symbols = names(count)
        for symbol in symbols:
            double.quote(symbol, "9.99", "10.01")
        for rows in ROWS:
            fill_with_bars(double, symbols, rows)
            asked = counted(double, feed.bars, symbols, Timeframe("1d"), rows, AS_OF)
            row(table, f"bars, {rows} days", f"{count:,}", "", asked)
            worst = max(worst, asked[0]) if count == 500 else worst
        row(table, "quotes", f"{count:,}", "", counted(double, feed.quotes, symbols, AS_OF))
    if feed.bars(names(SYMBOLS[-1]), Timeframe("1d"), ROWS[-1], AS_OF).dropped:
        raise SystemExit("not all bars came")
    double.reset()
    return worst


def limit_order(number: int) -> OrderIntent:
    """An order that rests."""
    return OrderIntent(
        id=f"ob-bench-{number:04d}",
        slot="bench",
        leg=0,
        symbol="AAPL",
        side=Side.BUY,
        quantity=Decimal(1),
        purpose=Purpose.ENTRY,
        reference=Decimal(100),
        type=OrderType.LIMIT,
        limit_price=Decimal("1.00"),
    )


def send(broker: Broker, orders: range) -> None:
    """Submit resting orders."""
    for number in orders:
        broker.submit(limit_order(number))


def status(broker: Broker) -> None:
    """What the orders job asks, however many orders there are."""
    broker.open_orders()
    broker.fills(datetime.now(UTC) - timedelta(hours=1))


def of_orders(double: FaultBroker, table: Table) -> int:
    """Rows of the table for orders; requests for the status of the most of them, executions included."""
    broker = Account(url=double.url).with_keys(*KEYS).open("bench", AROUND, None, None)  # type: ignore[arg-type]
    row(table, "account and positions", "", "", counted(double, broker.account))
    for count in (10, 500):
        row(table, "facts of instruments", f"{count:,}", "", counted(double, broker.instruments, names(count)))
    sent, asked = 0, (0, 0)
    for count in ORDERS:
        row(table, "orders sent", "", f"{count - sent:,}", counted(double, send, broker, range(sent, count)))
        sent, asked = count, counted(double, status, broker)
        row(table, "status of open orders", "", f"{count:,}", asked)
    return sum(asked)


def main() -> None:
    table = Table("what", "symbols", "orders", "requests", "further pages", title="Requests to Alpaca")
    with tempfile.TemporaryDirectory() as folder, FaultBroker(Path(folder) / "ledger.jsonl") as double:
        bars, status = of_prices(double, table), of_orders(double, table)
    Console().print(table)
    print(f"bars of 500 symbols: {bars} requests besides further pages (limit {BARS_LIMIT})")
    print(f"status of {ORDERS[-1]:,} open orders: {status} requests (limit {STATUS_LIMIT})")


if __name__ == "__main__":
    main()
