"""The send path without the broker: durable commits and orders per second on SQLite, against a bare insert."""

import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import event, insert, select

from openbell.ports import Exposure, Forbidden, OrderEvent
from openbell.store import close, ensure, open_journal
from openbell.store.connect import Store, now, open_store
from openbell.store.order_tables import BOOKS, FILLS, INTENTS, ORDER_EVENTS, ORDERS, POSITIONS, SLOTS
from openbell.values.orders import Fill, OrderIntent, OrderState, Purpose, Share, Side, client_order_id
from openbell.values.slot import Slot
from openbell.values.verdict import Decision, Ruling, Verdict

ORDERS_OF_RUN, REPEATS = 100, 5
#: The issue's bounds.
RATE_LIMIT, COMMIT_LIMIT, CLAIM_LIMIT = 200, 3, 10.0
START = datetime(2026, 3, 2, 14, 35, tzinfo=UTC)
LEASE = timedelta(hours=1)
QUANTITY, PRICE = Decimal(10), Decimal("101.25")
LIMIT = Decimal(10_000_000)
_TABLES = (SLOTS, INTENTS, ORDER_EVENTS, FILLS, ORDERS, POSITIONS, BOOKS)


def plan_of(run: int) -> tuple[Slot, list[OrderIntent], list[Verdict]]:
    """A slot with its intents and verdicts."""
    slot = Slot("bench", "trade", START + timedelta(minutes=run), START.date())
    intents = [_intent(slot, place) for place in range(ORDERS_OF_RUN)]
    return slot, intents, [_verdict(intent) for intent in intents]


def _intent(slot: Slot, place: int) -> OrderIntent:
    symbol = f"S{place:03d}"
    name = client_order_id("bench", "paper", ["sma"], slot, symbol, 0)
    shares = (Share("sma", QUANTITY),)
    return OrderIntent(name, slot.key, 0, symbol, Side.BUY, QUANTITY, Purpose.ENTRY, PRICE, shares=shares)


def _verdict(intent: OrderIntent) -> Verdict:
    ruling = Ruling("gross", Decision.APPROVED, "0.4", "at most 1", QUANTITY)
    return Verdict(
        intent.id, intent.symbol, Decision.APPROVED, "gross", "0.4", "at most 1", QUANTITY, QUANTITY, (ruling,)
    )


def gate(exposure: Exposure) -> Forbidden | None:
    """Gross exposure of positions and working orders, as a rule would sum it."""
    held = sum((abs(quantity) for quantity in exposure.positions.values()), Decimal(0))
    working = sum((order.remaining for order in exposure.working), Decimal(0))
    return Forbidden("GROSS", "too much") if (held + working + QUANTITY) * PRICE > LIMIT else None


def send(store_url: str, run: int) -> tuple[float, float]:
    """(milliseconds of the claim, orders per second of freeze, mark and record)."""
    journal, (slot, intents, verdicts) = open_journal(store_url), plan_of(run)
    started = time.perf_counter()
    journal.claim(slot, f"run-{run}", LEASE)
    journal.switch(), journal.breaker(slot.plan, slot.job)
    claimed = time.perf_counter()
    journal.freeze(slot, 1, "bench", intents, verdicts)
    for intent in intents:
        journal.begin_send(slot, 1, OrderEvent(intent.id, OrderState.SENDING, START), False, gate)
        fill = Fill(
            f"f-{intent.id}", intent.id, intent.symbol, Side.BUY, QUANTITY, PRICE, Decimal("0.01"), slot.planned
        )
        acked = OrderEvent(intent.id, OrderState.ACKED, START, "", "b")
        journal.record(OrderEvent(intent.id, OrderState.FILLED, START, "", "b"), [fill], [acked])
    return (claimed - started) * 1e3, ORDERS_OF_RUN / (time.perf_counter() - claimed)


def written(store: Store) -> list[tuple[Any, list[dict[str, Any]]]]:
    """The rows that one run left."""
    with store.reading() as connection:
        return [(table, [row._asdict() for row in connection.execute(select(table))]) for table in _TABLES]


def bare(url: str, rows: list[tuple[Any, list[dict[str, Any]]]]) -> float:
    """Orders per second when the same rows are inserted in the same number of commits, and nothing is decided."""
    store = open_store(url)
    slot, intents, events, fills, orders, positions, books = (found for _, found in rows)
    started = time.perf_counter()
    with store.writing() as connection:
        for table, found in (
            (SLOTS, slot),
            (INTENTS, intents),
            (ORDER_EVENTS, events[:ORDERS_OF_RUN]),
            (ORDERS, orders),
        ):
            connection.execute(insert(table), found)
    for place in range(ORDERS_OF_RUN):
        first = ORDERS_OF_RUN + 3 * place
        with store.writing() as connection:
            now(connection)
            connection.execute(insert(ORDER_EVENTS), events[first : first + 1])
        with store.writing() as connection:
            connection.execute(insert(ORDER_EVENTS), events[first + 1 : first + 3])
            for table, found in ((FILLS, fills), (POSITIONS, positions), (BOOKS, books)):
                connection.execute(insert(table), found[place : place + 1])
    return ORDERS_OF_RUN / (time.perf_counter() - started)


def commits(store: Store) -> list[int]:
    """A counter of the commits of write transactions."""
    counted = [0]

    def count(connection: Any) -> None:
        counted[0] += bool(connection.get_execution_options().get("openbell_write"))

    event.listen(store.engine, "commit", count)
    return counted


def pair(folder: Path, number: int) -> tuple[float, float, float, float]:
    """(milliseconds of the claim, orders per second, the same of the bare insert, commits per order), in new stores."""
    ours, theirs = (f"sqlite:///{folder / f'{name}{number}'}.db" for name in ("ours", "bare"))
    ensure(ours), ensure(theirs)
    counted = commits(open_store(ours))
    claim, rate = send(ours, number)
    base = bare(theirs, written(open_store(ours)))
    close(ours), close(theirs)
    # One of the commits is the claim's.
    return claim, rate, base, (counted[0] - 1) / ORDERS_OF_RUN


def main() -> None:
    # Beside the checkout and not in /tmp, which may be memory.
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        pairs = [pair(Path(name), number) for number in range(REPEATS)]
    claim, rate, base, per_order = (statistics.median(found[part] for found in pairs) for part in range(4))
    ratio = statistics.median(found[2] / found[1] for found in pairs)
    print(f"durable commits per order: {per_order:.2f} (limit {COMMIT_LIMIT})")
    print(f"freeze, last gate, SENDING, outcome: {rate:.0f} orders/s (at least {RATE_LIMIT})")
    print(f"bare insert of the same rows in as many commits: {base:.0f} orders/s, {ratio:.2f} times ours")
    print(f"claim, switch and breaker: {claim:.1f} ms (limit {CLAIM_LIMIT:.0f} ms)")


if __name__ == "__main__":
    main()
