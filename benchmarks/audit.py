"""Sealing a run of 500 verdicts against a bare bulk insert of its rows, and the newest page of a large history."""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Table, insert, text

from openbell.ports import History
from openbell.store import close, ensure, open_history, open_journal
from openbell.store.connect import Store, open_store
from openbell.store.run_tables import EQUITY_POINTS, RUNS, SIGNALS, VERDICTS
from openbell.store.sealing import rows_of, run_row
from openbell.values.orders import OrderIntent, Purpose, Share, Side, client_order_id
from openbell.values.record import Outcome, RunRecord
from openbell.values.signal import Signal
from openbell.values.slot import Slot
from openbell.values.verdict import Decision, Ruling, Verdict

VERDICTS_OF_RUN = 500
RULES = 18
REPEATS = 30
PAGE = 50
#: The issue's bounds.
SEAL_LIMIT, PAGE_LIMIT = 1.5, 1.2
FEW, MANY = 20_000, 1_000_000
START = datetime(2024, 1, 2, 14, 35, tzinfo=UTC)
#: Run rows as they are sealed, made inside the database.
FILL = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO runs (sequence, id, plan, job, slot, planned, session, outcome, code, message, as_of, finished, account,
                  equity, counters, previous_hash, hash, body)
SELECT i, printf('run-%08x-%08x', i * 2654435761 % 4294967296, i), 'plan-' || (i % 10), 'trade',
       'plan-' || (i % 10) || '/trade/' || i, i * 60000000, '2026-03-02',
       CASE i % 4 WHEN 0 THEN 'skipped' ELSE 'completed' END, '', '', i * 60000000, i * 60000000, 'demo',
       '100000.00', '{"signals"\\:5}', printf('%064d', i - 1), printf('%064d', i), '{"id":"x"}'
FROM n
"""


def record_of(number: int) -> RunRecord:
    """A record with 500 signals and 500 verdicts of 18 rulings each."""
    slot = Slot("bench", "trade", START + timedelta(minutes=number), START.date())
    intents = tuple(_intent(slot, place) for place in range(VERDICTS_OF_RUN))
    return RunRecord(
        id=f"bench-{number:08d}",
        plan=slot.plan,
        job=slot.job,
        slot=slot.key,
        planned=slot.planned,
        session=slot.session,
        outcome=Outcome.COMPLETED,
        clock=slot.planned,
        as_of=slot.planned,
        finished=slot.planned,
        account="bench",
        signals=tuple(_signal(intent.symbol, place) for place, intent in enumerate(intents)),
        intents=intents,
        verdicts=tuple(_verdict(intent, place) for place, intent in enumerate(intents)),
        cash=Decimal("1000.25"),
        equity=Decimal("123456.78"),
    )


def _intent(slot: Slot, place: int) -> OrderIntent:
    symbol, quantity = f"S{place:03d}", Decimal(100 + place)
    name = client_order_id("bench", "paper", ["sma"], slot, symbol, 0)
    shares = (Share("sma", quantity),)
    return OrderIntent(name, slot.key, 0, symbol, Side.BUY, quantity, Purpose.ENTRY, Decimal("101.25"), shares=shares)


def _signal(symbol: str, place: int) -> Signal:
    return Signal("sma", symbol, 1.0, 0.5 + place / 1001, f"fast mean {100 + place / 7:.2f} above slow {99.5:.2f}")


def _verdict(intent: OrderIntent, place: int) -> Verdict:
    """Every fifth is clipped by the tenth rule."""
    left, rulings = intent.quantity, []
    for number in range(RULES):
        clips = number == 9 and place % 5 == 0
        left = left - 1 if clips else left
        decision = Decision.CLIPPED if clips else Decision.APPROVED
        rulings.append(
            Ruling(f"rule_{number}", decision, f"{place * number / 3:.2f}", f"at most {number * 1000}", left)
        )
    decision = Decision.CLIPPED if place % 5 == 0 else Decision.APPROVED
    return Verdict(
        intent.id, intent.symbol, decision, "rule_9", "12.25", "at most 9000", intent.quantity, left, tuple(rulings)
    )


def bare_insert(store: Store, record: RunRecord) -> Callable[[], None]:
    """The rows of a record, ready; calling it inserts them in one transaction and does nothing else."""
    number = int(record.id.rpartition("-")[2]) + 1
    rows = rows_of(record)
    run = run_row(record, rows.body, number, "0" * 64, "0" * 64)
    signals, verdicts = of_run(SIGNALS, number, rows.signals), of_run(VERDICTS, number, rows.verdicts)
    point = {"run": number, "account": record.account, "time": record.as_of, "session": record.session}
    equity = {**point, "cash": record.cash, "equity": record.equity, "peak": record.equity}

    def write() -> None:
        with store.writing() as connection:
            for table, rows in ((RUNS, [run]), (SIGNALS, signals), (VERDICTS, verdicts), (EQUITY_POINTS, [equity])):
                connection.execute(insert(table), rows)

    return write


def of_run(table: Table, run: int, rows: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """The rows as Core takes them, amounts as Decimal."""
    named = [dict(zip(table.columns.keys(), (run, place, *row), strict=True)) for place, row in enumerate(rows)]
    amounts = {"asked", "quantity"} & set(table.columns.keys())
    return [{**row, **{name: Decimal(row[name]) for name in amounts}} for row in named]


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def seal_times(folder: Path) -> tuple[float, float]:
    """Median seconds of (sealing, bare insert), taken in turn into two stores."""
    ours, theirs = (f"sqlite:///{folder / name}.db" for name in ("sealed", "bare"))
    ensure(ours), ensure(theirs)
    journal, store = open_journal(ours), open_store(theirs)
    pairs = []
    for number in range(REPEATS):
        record = record_of(number)
        write = bare_insert(store, record)
        pairs.append((timed(lambda record=record: journal.seal(record, None)), timed(write)))
    close(ours), close(theirs)
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def filled(folder: Path, count: int) -> History:
    """The history of a store with that many runs."""
    url = f"sqlite:///{folder / str(count)}.db"
    ensure(url)
    with open_store(url).writing() as connection:
        connection.execute(text(FILL), {"count": count})
    return open_history(url)


def page_times(few: History, many: History, plan: str | None) -> tuple[float, float]:
    """Median seconds of the newest page of (few, many) runs, taken in turn."""
    pairs = [(timed(lambda: few.runs(plan, PAGE)), timed(lambda: many.runs(plan, PAGE))) for _ in range(10 * REPEATS)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours, bare = seal_times(folder)
        print(
            f"seal {VERDICTS_OF_RUN} verdicts x {RULES} rulings and {VERDICTS_OF_RUN} signals: {ours * 1e3:.1f} ms, "
            f"bare insert of the same rows: {bare * 1e3:.1f} ms, ratio {ours / bare:.2f} (limit {SEAL_LIMIT})"
        )
        few, many = filled(folder, FEW), filled(folder, MANY)
        for plan in (None, "plan-3"):
            small, large = page_times(few, many, plan)
            print(
                f"newest {PAGE} runs of {plan or 'all plans'}: {large * 1e3:.2f} ms at {MANY:,}, "
                f"{small * 1e3:.2f} ms at {FEW:,}, ratio {large / small:.2f} (limit {PAGE_LIMIT})"
            )


if __name__ == "__main__":
    main()
