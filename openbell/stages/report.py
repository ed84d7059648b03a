"""A sealed record as a person reads it: one line, one page, and tables. Pure views; nothing is computed anew."""

import math
from collections.abc import Iterator
from datetime import UTC, tzinfo

from openbell.stages.fates import fates, held_back
from openbell.stages.job_report import job_sections, job_words
from openbell.stages.report_tables import View, tables, views
from openbell.stages.wording import clean, count, listed, marked, money, sentence, span, when
from openbell.values.job import FLATTEN, TRADE
from openbell.values.record import DataSeen, Guard, Outcome, RunRecord
from openbell.values.verdict import Decision

__all__ = ["LONGEST_TABLE", "blocking", "currency", "headline", "markdown", "provider_words", "tables", "why_ended"]

#: Jobs whose record tells of signals, verdicts and orders.
TRADING = (TRADE.name, FLATTEN.name)
#: Rows of a table on the page; the rest is on the command line.
LONGEST_TABLE = 50

#: Tables of the page with their titles, in the order of reading.
_SECTIONS = {
    "guards": "Guards",
    "dropped": "Symbols left out",
    "signals": "Signals",
    "verdicts": "Risk gate",
    "unplaced": "No trade",
    "orders": "Orders",
    "fills": "Fills",
    "positions": "Positions",
}


def headline(record: RunRecord) -> str:
    """The run in one clean line: how it ended, what became of its orders, equity; of other jobs what they did."""
    if record.job not in TRADING and not blocking(record):
        return job_words(record)
    start = f"dry run {record.outcome.value}" if record.dry_run else record.outcome.value
    if record.outcome is Outcome.COMPLETED:
        return f"{start}: {', '.join(filter(None, (_orders(record), _equity(record))))}"
    orders = _orders(record) if record.verdicts or record.orders else ""
    return f"{start}: {'; '.join(filter(None, (why_ended(record), orders)))}"


def _orders(record: RunRecord) -> str:
    ends = fates(record)
    total = sum(ends.values())
    said = [f"{number:,} {fate}" if total > 1 else fate for fate, number in ends.items()] or [held_back(record)]
    return f"{count(total, 'order')} ({', '.join(said)})".removesuffix(" ()")


def _equity(record: RunRecord) -> str:
    return "" if record.cash is None else f"equity {money(record.equity, currency(record))}"


def why_ended(record: RunRecord) -> str:
    """Why a run did not complete, in clean words: its guard's, else its message, else its code."""
    guard = blocking(record)
    reason = (guard.detail or guard.code if guard else "") or record.message or record.code
    return clean(reason) or "no reason is recorded"


def blocking(record: RunRecord) -> Guard | None:
    """The guard that stopped the run, if one did."""
    return next((guard for guard in record.guards if not guard.passed), None)


def currency(record: RunRecord) -> str:
    """The account's currency; empty when the run did not get as far as the account."""
    account = record.inputs.get("account")
    found = account.get("currency", "") if isinstance(account, dict) else ""
    return clean(str(found))


def provider_words(data: DataSeen) -> str:
    """Where prices come from; sample prices are always called what they are."""
    if data.provider.startswith("sample"):
        return "sample prices (real daily bars of 2000 to 2013 shown under recent dates, not today's market)"
    return f"prices of {clean(data.provider)}"


def markdown(record: RunRecord, zone: tzinfo = UTC) -> str:
    """The page of a run; times are in ``zone``, best the exchange's, every foreign text is escaped."""
    shown = views(record, zone)
    title = f"# {marked(record.plan)} {marked(record.job)}: session {record.session}"
    parts = [title, f"**{marked(headline(record))}**", _identity(record, zone), *_words(record), *_data(record, zone)]
    for name, title in _SECTIONS.items():
        if shown[name].values and (name != "guards" or blocking(record)):
            parts += [f"## {title}", *_table(shown[name], record)]
    return "\n\n".join([*parts, *_job(record), *_account(record), *_small_print(record)]) + "\n"


def _identity(record: RunRecord, zone: tzinfo) -> str:
    account = f" on {marked(record.environment)} account {marked(record.account)}" if record.account else ""
    slot, as_of = when(record.planned, zone), when(record.as_of, zone)
    return f"Slot {slot}, decided for {as_of}{account}."


def _words(record: RunRecord) -> Iterator[str]:
    guard = blocking(record)
    if guard:
        yield f"The guard **{marked(guard.name)}** stopped the run before any price was asked for."
    elif record.guards:
        yield sentence(f"passed {count(len(record.guards), 'guard')}: {', '.join(map(_passed, record.guards))}")
    if record.code:
        yield f"Reason code: {marked(record.code)}."
    if record.dry_run:
        yield "This was a dry run: the slot was not claimed and nothing was sent."
    if record.data:
        yield " ".join(_decided(record))


def _passed(guard: Guard) -> str:
    return f"{marked(guard.name)} ({marked(guard.detail)})" if guard.detail else marked(guard.name)


def _decided(record: RunRecord) -> Iterator[str]:
    strategies = {signal.strategy for signal in record.signals}
    symbols = {signal.symbol for signal in record.signals}
    if record.signals:
        who = count(len(strategies), "strategy", "strategies")
        yield sentence(f"{who} gave {count(len(record.signals), 'signal')} on {count(len(symbols), 'symbol')}")
    else:
        yield "No strategy gave a signal."
    if record.unplaced:
        yield sentence(f"{count(len(record.unplaced), 'symbol')} led to no order: {held_back(record)}")
    if record.verdicts:
        numbers = {kind: sum(v.decision is kind for v in record.verdicts) for kind in Decision}
        said = [f"{number:,} {kind.value}" for kind, number in numbers.items() if number]
        yield sentence(f"{count(len(record.verdicts), 'order')} went through the risk gate: {listed(said)}")


def _data(record: RunRecord, zone: tzinfo) -> Iterator[str]:
    data = record.data
    if data is None:
        return
    last = "without a single bar"
    if data.last_bar:
        age = span(record.as_of - data.last_bar)
        last = f"the last one at {when(data.last_bar, zone)}, {age} before the decision"
    yield (
        f"Data: {marked(provider_words(data))}; {count(data.bars, 'bar')} of {marked(data.timeframe)} "
        f"({marked(data.adjustment)}) for {count(data.symbols, 'symbol')}, {last}."
    )
    if data.notes:
        yield "\n".join(f"- {marked(note)}" for note in data.notes[:LONGEST_TABLE])


def _table(view: View, record: RunRecord) -> Iterator[str]:
    rows = view.rows(LONGEST_TABLE)
    names = list(rows[0])
    lines = [_line(names), _line(["---"] * len(names)), *(_line([marked(row[name]) for name in names]) for row in rows)]
    yield "\n".join(lines)
    if len(view.values) > LONGEST_TABLE:
        yield f"and {len(view.values) - LONGEST_TABLE:,} more (openbell show {marked(record.id)})"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _job(record: RunRecord) -> Iterator[str]:
    if record.job not in TRADING:
        yield from job_sections(record)


def _account(record: RunRecord) -> Iterator[str]:
    if record.cash is None:
        return
    unit = marked(currency(record))
    unknown = [marked(holding.symbol) for holding in record.holdings if holding.mark is None]
    because = f", because the price of {listed(unknown)} is unknown" if record.equity is None and unknown else ""
    positions = "" if record.holdings else ", no positions"
    yield "## Account"
    yield f"Cash {money(record.cash, unit)}, equity {money(record.equity, unit)}{because}{positions}."


def _small_print(record: RunRecord) -> Iterator[str]:
    timings = [f"{marked(name)} {took:.3f} s" for name, took in record.timings.items() if math.isfinite(took)]
    if timings:
        yield f"Timings: {', '.join(timings)}."
    versions = "".join(f", {marked(name)} {marked(version)}" for name, version in record.versions.items())
    yield f"Run {marked(record.id)}, plan {marked(record.plan_hash[:12]) or 'without a hash'}{versions}."
