"""The exits job at 500 positions: quote calls and own time of one look, against asking position by position."""

import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

from openbell.calendar.exchange import exchange
from openbell.exits.catalog import build_exits
from openbell.exits.holdings import COLUMNS, Holdings
from openbell.exits.judge import judge_exits
from openbell.ports.exits import Entry
from openbell.stages.exits import ask_quotes, holdings_of, priced, raised, really_held, timed
from openbell.store import close, ensure, open_exit_marks
from openbell.values.account import Account, Position
from openbell.values.quote import Quote

POSITIONS, REPEATS = 500, 20
#: The issue's bounds.
CALLS, SECONDS = 3, 1.0
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
PLAN = {"trailing_stop": 0.05, "time_limit": 20, "strategy_exit": True}
SYMBOLS = [f"S{number:03d}" for number in range(POSITIONS)]


class Tape:
    """Prices that move at each question, so that every mark is new."""

    def __init__(self) -> None:
        self.calls, self.price = 0, Decimal(100)

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Quote]:
        self.calls += 1
        bid = self.price
        return {symbol: Quote(symbol, bid, bid + Decimal("0.01"), bid, as_of) for symbol in symbols}


def account() -> Account:
    held = {symbol: Position(symbol, Decimal(10), Decimal(100)) for symbol in SYMBOLS}
    return Account("bench", "paper", "USD", Decimal(1_000_000), held, Decimal(1_000_000))


def one_look(tape: Tape, entries: Sequence[Entry], held: Account, rules: Sequence[object]) -> tuple[Entry, ...]:
    """Everything of a look but what the store and the venue take."""
    seen = priced(ask_quotes(tape.quotes, SYMBOLS, NOW), SYMBOLS, NOW, timedelta(seconds=10))
    marked = tuple(raised(entry, Decimal(100), seen.marks[entry.symbol]) for entry in entries)
    quantities = really_held(marked, held)
    columns = timed(holdings_of(marked, quantities, held, seen.marks), marked, exchange("XNYS"), NOW)
    assert judge_exits(rules, columns) == ()  # type: ignore[arg-type]
    return marked


def judged(rules: Sequence[object]) -> tuple[float, float]:
    """Seconds to judge all positions at once, and one by one."""
    columns = {name: np.full(POSITIONS, 100.0) for name in COLUMNS} | {
        "age": np.ones(POSITIONS),
        "left": np.ones(POSITIONS),
    }
    columns |= {"sessions": np.zeros(POSITIONS), "leaving": np.zeros(POSITIONS)}
    held = Holdings(tuple(SYMBOLS), **columns)
    started = time.perf_counter()
    judge_exits(rules, held)  # type: ignore[arg-type]
    between = time.perf_counter()
    for at, symbol in enumerate(SYMBOLS):
        judge_exits(rules, Holdings((symbol,), **{name: values[at : at + 1] for name, values in columns.items()}))  # type: ignore[arg-type]
    return between - started, time.perf_counter() - between


def main() -> None:
    rules, tape, held = build_exits(PLAN), Tape(), account()
    entries: tuple[Entry, ...] = tuple(
        Entry(symbol, {"sma": Decimal(10)}, NOW - timedelta(days=1)) for symbol in SYMBOLS
    )
    looks, kept = [], []
    # Beside the checkout and not in /tmp, which may be memory.
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        url = f"sqlite:///{folder}/exits.db"
        ensure(url)
        marks = open_exit_marks(url)
        for _ in range(REPEATS):
            tape.calls, tape.price = 0, tape.price + Decimal("0.1")
            started = time.perf_counter()
            entries = one_look(tape, entries, held, rules)
            between = time.perf_counter()
            marks.tick("demo", "bench", NOW, 0, entries)
            looks.append(between - started)
            kept.append(time.perf_counter() - between)
        close(url)
    at_once, singly = (statistics.median(found) for found in zip(*(judged(rules) for _ in range(5)), strict=True))
    look, keep = statistics.median(looks), statistics.median(kept)
    print(f"quote calls for {POSITIONS} positions: {tape.calls} (at most {CALLS})")
    print(f"own time of a look: {look * 1e3:.1f} ms, keeping {POSITIONS} new marks: {keep * 1e3:.1f} ms")
    print(f"together: {(look + keep) * 1e3:.1f} ms (at most {SECONDS * 1e3:.0f} ms)")
    print(
        f"{len(rules)} rules on all positions at once: {at_once * 1e3:.2f} ms, "
        f"{singly / at_once:.0f} times faster than one position at a time"
    )


if __name__ == "__main__":
    main()
