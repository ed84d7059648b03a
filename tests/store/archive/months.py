"""Months of sealed records, and their archive."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from openbell.store.archiving import archiving, utc_month
from openbell.store.connect import open_store
from openbell.store.run_tables import EQUITY_POINTS, RUNS, SIGNALS, STRATEGY_LOOKS, VERDICTS
from openbell.store.verify import verify
from openbell.values.slot import Slot
from tests.store.samples import data_of, panel, record_of

MOVED = (RUNS, SIGNALS, VERDICTS, EQUITY_POINTS, STRATEGY_LOOKS)


MAY = utc_month("2026-05")


def sealed(journal, days=10, step=9):
    """Records of March to June, each of its own panel but for the last two, which share one."""
    ids = []
    for number in range(days):
        planned = datetime(2026, 3, 2, 14, 35, tzinfo=UTC) + timedelta(days=step * number)
        bars = panel(seed=min(number, days - 2))
        slot = Slot("demo", "trade", planned, planned.date())
        record = record_of(slot, f"{number:08x}deadbeef", data=data_of(bars))
        record = record.model_copy(update={"equity": record.equity, "finished": planned + timedelta(seconds=2)})
        journal.seal(record, bars)
        ids.append(record)
    return ids


def archived(url, folder, before=MAY):
    return list(archiving(open_store(url), folder, before))


def counts(url, table=RUNS):
    with open_store(url).reading() as connection:
        return len(connection.execute(select(table)).all())


def wrong(url, folder):
    return [(check.name, finding) for check in verify(url, folder) for finding in check.findings]
