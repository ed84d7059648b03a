"""How a store grows: one session of every job at its usual cadence, table by table, for ten plans and a month.

One plan on five symbols lives through a whole session of the demo's prices with a clock that is moved from ring to
ring; the runs are the real ones. A month has 21 sessions and 30 days.
"""

import os
import sqlite3
import tempfile
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from openbell.calendar.exchange import exchange
from openbell.desk import Desk, account_spec
from openbell.jobs.perform import perform
from openbell.settings import load_settings
from openbell.sources import feed_spec
from openbell.stages.resolve import resolve
from openbell.store import close, open_history
from openbell.store.archiving import archiving, utc_month
from openbell.store.connect import open_store
from openbell.store.verify import verify
from openbell.values.job import HEARTBEAT, JOBS, NOTIFY, RECOVER
from openbell.values.plan import Plan

PLANS, SESSIONS, DAYS = 10, 21, 30
SESSION = date(2025, 11, 5)
#: Jobs that ring outside sessions too.
ROUND_THE_CLOCK = {job.name for job in (RECOVER, HEARTBEAT, NOTIFY)}
PLAN = {
    "name": "growth",
    "universe": ["AAPL", "FB", "GOOG", "IBM", "MSFT"],
    "account": {"name": "growth", "params": {"cash": 100_000}},
    "strategies": [
        {"use": "sma_crossover", "weight": 0.5, "params": {"fast": 3, "slow": 8}},
        {"use": "rsi_reversion", "weight": 0.5, "params": {"window": 4}},
    ],
    "sizing": {"params": {"weight": 0.15}, "max_trade": 5000},
    "freshness": {"quotes": "1d"},
}


def live(job: str, day: date) -> int:
    """Every ring of one job on a session's day; how many there were."""
    plan, market = Plan.model_validate(PLAN), exchange("XNYS")
    start = datetime.combine(day, datetime.min.time(), market.zone).astimezone(UTC)
    grid = resolve(plan).grids[job]
    rings = grid.between(start, start + timedelta(days=1))
    for planned in rings:
        desk = Desk(resolve(plan), load_settings(), None, feed_spec(plan), account_spec(plan))
        desk.clock = desk.now = lambda at=planned: at + timedelta(milliseconds=300)
        desk.wait = lambda _: None
        perform(desk, job, f"{job}-{planned:%m%d-%H%M%S}", planned)
    return len(rings)


def sizes(path: Path) -> Counter[str]:
    """Bytes of each table with its indexes, in a file without free pages."""
    small = path.with_suffix(".small")
    with sqlite3.connect(path) as connection:
        connection.execute("VACUUM INTO ?", (str(small),))
    connection.close()
    with sqlite3.connect(small) as connection:
        empty = dict(connection.execute("SELECT name, tbl_name FROM sqlite_master WHERE type IN ('table', 'index')"))
        found: Counter[str] = Counter()
        for name, table in empty.items():
            row = connection.execute("SELECT sum(pgsize - unused) FROM dbstat WHERE name = ?", (name,)).fetchone()
            found[table] += row[0] or 0
    connection.close()
    small.unlink()
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        os.environ["OPENBELL_HOME"] = name
        path, total, runs = Path(name) / "openbell.db", Counter(), 0
        for job in JOBS:
            before, began = sizes(path) if path.exists() else Counter(), time.perf_counter()
            count = live(job, SESSION)
            grown = sizes(path) - before
            times = PLANS * (DAYS if job in ROUND_THE_CLOCK else SESSIONS)
            runs += count * times
            each = ", ".join(f"{table} {size / 1024:,.0f}" for table, size in grown.most_common(4))
            took = (time.perf_counter() - began) / max(count, 1)
            weight = sum(grown.values()) / max(count, 1)
            print(f"{job:<10}{count:>5} runs a day, {weight:>7,.0f} bytes and {took * 1e3:>4.0f} ms each; KiB: {each}")
            total.update({table: size * times for table, size in grown.items()})
        print(f"ten plans, a month: {runs:,} runs, {sum(total.values()) / 1024**2:,.0f} MiB; of these")
        for table, size in total.most_common(10):
            print(f"  {table:<16}{size / 1024**2:>8,.0f} MiB")
        archive(path)
        close(load_settings().url)


def archive(path: Path) -> None:
    """What the archive of these runs weighs, how long it takes, and how long one record takes to be found there."""
    url, folder = load_settings().url, load_settings().archive
    store, history = open_store(url), open_history(url, folder)
    before, runs = sum(sizes(path).values()), history.runs(limit=100_000)
    began = time.perf_counter()
    for _ in archiving(store, folder, utc_month(f"{SESSION:%Y}-12")):
        pass
    took = time.perf_counter() - began
    after, files = sum(sizes(path).values()), sum(file.stat().st_size for file in folder.rglob("*.parquet"))
    print(
        f"archive of these {len(runs):,} runs: {took:.1f} s; {(before - after) / 1024:,.0f} KiB leave the store as "
        f"{files / 1024:,.0f} KiB of files, a {files / (before - after):.2f} of it; {after / before:.0%} stay"
    )
    oldest = runs[-1].id
    began = time.perf_counter()
    assert history.run(oldest) is not None
    print(f"one archived run is read in {(time.perf_counter() - began) * 1e3:.0f} ms")
    began = time.perf_counter()
    wrong = [check for check in verify(url, folder) if not check.ok]
    print(f"verify of store and archive: {time.perf_counter() - began:.1f} s, {len(wrong)} checks failed")


if __name__ == "__main__":
    main()
