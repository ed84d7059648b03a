"""Why did a run trade, and why did it not: one answer per stage, read off the sealed record."""

from collections.abc import Hashable, Iterable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import TypeAdapter

from openbell.errors import InputError
from openbell.plugins import nearest
from openbell.stages.because import because
from openbell.stages.report import headline, provider_words
from openbell.stages.trace import DataStep, Leg, Said, Seen, SignalStep, SymbolTrace, Trace
from openbell.stages.trace_text import render
from openbell.values.market import DropCode, Dropped
from openbell.values.plan import StrategyUse
from openbell.values.quote import Quote
from openbell.values.record import Outcome, RunRecord
from openbell.values.signal import Signal

__all__ = ["Trace", "explain", "render"]

#: Symbols that an error names before it only counts.
_NAMED = 20
_QUOTES = TypeAdapter(tuple[Quote, ...])
T = TypeVar("T")


def explain(record: RunRecord, symbol: str | None = None) -> Trace:
    """The trace of a run, of all its symbols or of one; an unknown symbol is an InputError."""
    known = symbols_of(record)
    if symbol is not None and symbol not in known:
        raise InputError(_unknown(record, symbol, known))
    index = _Index(record)
    traces = tuple(index.trace(name) for name in (known if symbol is None else [symbol]))
    return Trace(
        run=record.id,
        plan=record.plan,
        job=record.job,
        slot=record.slot,
        session=record.session,
        as_of=record.as_of,
        outcome=record.outcome,
        code=record.code,
        dry_run=record.dry_run,
        prices=provider_words(record.data) if record.data else "",
        guards=record.guards,
        symbols=traces,
        because=headline(record),
    )


def symbols_of(record: RunRecord) -> list[str]:
    """Every symbol that the run names, those of the plan first and in its order."""
    rows = (record.signals, record.unplaced, record.intents, record.verdicts, record.orders, record.holdings)
    named = sorted({row.symbol for group in rows for row in group} | {row.symbol for row in _dropped(record)})
    named += sorted(record.details.get("unpriced", ()))
    return list(dict.fromkeys([*record.plan_body.get("universe", ()), *named]))


def _unknown(record: RunRecord, symbol: str, known: list[str]) -> str:
    there = ", ".join(known[:_NAMED]) or "none"
    more = f" and {len(known) - _NAMED:,} more" if len(known) > _NAMED else ""
    hint = nearest(symbol.upper(), dict.fromkeys(known))
    return f"symbol {symbol[:40]!r} is not in run {record.id}{hint}; there are {there}{more}"


def _dropped(record: RunRecord) -> tuple[Dropped, ...]:
    return record.data.dropped if record.data else ()


def _grouped(rows: Iterable[T], key: str) -> dict[Hashable, list[T]]:
    groups: dict[Hashable, list[T]] = {}
    for row in rows:
        groups.setdefault(getattr(row, key), []).append(row)
    return groups


class _Index:
    """A record's rows by symbol and by order, so that a trace of all symbols reads each row once."""

    def __init__(self, record: RunRecord) -> None:
        self.record = record
        self.dropped = _grouped(_dropped(record), "symbol")
        self.unplaced = _grouped(record.unplaced, "symbol")
        self.signals = _grouped(record.signals, "symbol")
        self.quotes = {quote.symbol: quote for quote in _QUOTES.validate_python(record.inputs.get("quotes", ()))}
        self.uses = list(_uses(record.plan_body))
        self.legs = _legs(record)

    def trace(self, symbol: str) -> SymbolTrace:
        data = self._data(symbol)
        signals = tuple(self._signals(symbol))
        unplaced, legs = tuple(self.unplaced.get(symbol, ())), tuple(self.legs.get(symbol, ()))
        answer = because(self.record, symbol, data, signals, unplaced, legs)
        return SymbolTrace(symbol, data, signals, unplaced, legs, answer)

    def _data(self, symbol: str) -> DataStep:
        data, quote = self.record.data, self.quotes.get(symbol)
        if data is None:
            return DataStep(Seen.NOT_FETCHED)
        gone = next((row for row in self.dropped.get(symbol, ()) if row.code is not DropCode.WARMUP), None)
        seen = Seen.DROPPED if gone else Seen.IN_PANEL if self._asked(symbol) else Seen.NOT_ASKED
        last_bar = data.last_bar if seen is Seen.IN_PANEL else None
        return DataStep(
            seen=seen,
            code=gone.code.value if gone else "",
            detail=gone.detail if gone else "",
            provider=data.provider,
            timeframe=data.timeframe,
            last_bar=last_bar,
            bar_age=_seconds(self.record.as_of - last_bar) if last_bar else None,
            quote=quote,
            quote_age=_seconds(quote.age(self.record.as_of)) if quote else None,
        )

    def _asked(self, symbol: str) -> bool:
        return any(symbol in universe for _, universe in self.uses)

    def _signals(self, symbol: str) -> Iterator[SignalStep]:
        if self.record.data is None:
            return
        spoke = {signal.strategy: signal for signal in self.signals.get(symbol, ())}
        asked = [label for label, universe in self.uses if symbol in universe]
        for label in dict.fromkeys([*asked, *spoke]):
            signal = spoke.get(label)
            yield _spoken(signal) if signal else self._silent(symbol, label)

    def _silent(self, symbol: str, label: str) -> SignalStep:
        failed = f"strategy {label} failed: "
        for note in self.record.data.notes if self.record.data else ():
            if note.startswith(failed):
                return SignalStep(label, Said.FAILED, None, None, None, note.removeprefix(failed))
        warm = [row.detail for row in self.dropped.get(symbol, ()) if row.code is DropCode.WARMUP]
        mine = [detail for detail in warm if label in detail] or warm
        said = Said.WARMUP if mine else self._quiet(symbol)
        return SignalStep(label, said, None, None, None, "; ".join(mine))

    def _quiet(self, symbol: str) -> Said:
        if symbol in self.dropped:
            return Said.NO_DATA
        stopped = self.record.outcome is not Outcome.COMPLETED and not self.signals
        return Said.NOT_ASKED if stopped else Said.NOTHING


def _uses(plan_body: dict[str, Any]) -> Iterator[tuple[str, frozenset[str]]]:
    everything = plan_body.get("universe", ())
    for use in plan_body.get("strategies", ()):
        if use.get("enabled", True):
            label = StrategyUse(use=use["use"], name=use.get("name", "")).label
            yield label, frozenset(use.get("universe") or everything)


def _spoken(signal: Signal) -> SignalStep:
    target = None if signal.target != signal.target else signal.target
    return SignalStep(signal.strategy, Said.SIGNAL, signal.stance, target, signal.confidence, signal.reason)


def _seconds(age: timedelta) -> float:
    return age.total_seconds()


def _legs(record: RunRecord) -> dict[str, list[Leg]]:
    intents = {intent.id: intent for intent in record.intents}
    verdicts = {verdict.intent_id: verdict for verdict in record.verdicts}
    orders = {order.client_id: order for order in record.orders}
    fills = _grouped(record.fills, "client_id")
    legs: dict[str, list[Leg]] = {}
    for key in dict.fromkeys([*intents, *verdicts, *orders]):
        leg = Leg(key, intents.get(key), verdicts.get(key), orders.get(key), tuple(fills.get(key, ())))
        symbol = next(row.symbol for row in (leg.intent, leg.verdict, leg.order) if row)
        legs.setdefault(symbol, []).append(leg)
    return legs
