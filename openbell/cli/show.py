"""One sealed record for people."""

from datetime import tzinfo

import click

from openbell.cli.output import emit, machine, say, table
from openbell.cli.place import reading, run_or_slot
from openbell.cli.zones import recorded_zone
from openbell.errors import InputError
from openbell.ports import History
from openbell.stages.job_report import job_tables
from openbell.stages.report import TRADING, currency, headline, provider_words, tables
from openbell.stages.wording import clean, count, money, when
from openbell.values.record import RunRecord

TITLES = {
    "guards": "Guards",
    "dropped": "Symbols left out",
    "signals": "Signals",
    "verdicts": "Risk gate",
    "unplaced": "No trade",
    "orders": "Orders",
    "fills": "Fills",
    "positions": "Holdings",
}
NUMBERS = {"target", "confidence", "asked", "allowed", "quantity", "filled", "average price", "price", "fee", "mark"}


@click.command(epilog="Example: openbell show demo/trade/2026-07-06T09:35:00-04:00")
@click.argument("run", metavar="RUN|SLOT")
@machine
def show(run: str, as_json: bool) -> None:
    """Show one run by its id (or a unique beginning of it) or its slot: what it saw, decided and did."""
    record = recorded(reading(), run)
    if as_json:
        emit(record)
        return
    zone = recorded_zone(record.plan_body)
    _head(record, zone)
    for name, rows in tables(record, zone).items():
        if rows:
            columns = [f">{column}" if column in NUMBERS else column for column in rows[0]]
            table(TITLES[name], columns, (list(row.values()) for row in rows))
    for title, rows in job_tables(record).items() if record.job not in TRADING else ():
        table(title, list(rows[0]), (list(row.values()) for row in rows))
    _account(record)


def recorded(history: History, run: str) -> RunRecord:
    """One record; InputError when there is none."""
    record = history.run(run_or_slot(run))
    if record is None:
        raise InputError(f"no run or slot {run[:80]!r} in the store; `openbell history` lists them")
    return record


def _head(record: RunRecord, zone: tzinfo) -> None:
    say(f"{record.plan} {record.job}, session {record.session}, slot {when(record.planned, zone)}")
    say(headline(record))
    say(f"Run {record.id}, slot {record.slot}, decided for {when(record.as_of, zone)}")
    if record.data:
        last = f", last {when(record.data.last_bar, zone)}" if record.data.last_bar else ""
        seen = f"{count(record.data.bars, 'bar')} of {record.data.timeframe}{last}"
        say(f"Data: {provider_words(record.data)}; {count(record.data.symbols, 'symbol')}, {seen}")
        for note in record.data.notes:
            say(f"  {clean(note)}")
    say()


def _account(record: RunRecord) -> None:
    if record.cash is not None:
        unit = currency(record)
        say(f"Cash {money(record.cash, unit)}, equity {money(record.equity, unit)}, account {record.account}")
