"""Decide a sealed run once more from what it recorded; the answer must be the same to the byte."""

from dataclasses import dataclass
from decimal import Decimal

from pydantic import TypeAdapter

from openbell.errors import InputError
from openbell.ports import Capabilities
from openbell.stages.due import evaluate_due
from openbell.stages.judge import Gated, judge_signals
from openbell.stages.protection import held_back
from openbell.stages.resolve import resolve
from openbell.values.account import Account
from openbell.values.bars import Bars
from openbell.values.instrument import Instrument
from openbell.values.market import Activity, Checked, DropCode, Market
from openbell.values.orders import Order
from openbell.values.plan import Plan
from openbell.values.quote import Quote
from openbell.values.record import RunRecord
from openbell.values.signal import Signal
from openbell.values.slot import Slot
from openbell.values.time import parse_instant

_ACCOUNT = TypeAdapter(Account)
_QUOTES = TypeAdapter(tuple[Quote, ...])
_ORDERS = TypeAdapter(tuple[Order, ...])
_CAPABILITIES = TypeAdapter(Capabilities)
_INSTRUMENTS = TypeAdapter(tuple[Instrument, ...])


@dataclass(frozen=True, slots=True)
class Again:
    """What the same inputs lead to now."""

    signals: tuple[Signal, ...]
    gated: Gated


def rerun(record: RunRecord, bars: Bars) -> Again:
    """Evaluate, size and judge again from a record and its stored panel."""
    if record.data is None or bars.digest() != record.data.digest:
        raise InputError(f"run {record.id} was not decided on this panel")
    desk = resolve(Plan.model_validate(record.plan_body))
    market = market_of(record, bars)
    evaluation = evaluate_due(desk, market, record.planned)
    slot = Slot(record.plan, record.job, record.planned, record.session)
    capabilities = _CAPABILITIES.validate_python(record.inputs["capabilities"])
    gated = judge_signals(desk, market, evaluation.signals, slot, capabilities)
    return Again(evaluation.signals, held_back(gated, record.guards))


def market_of(record: RunRecord, bars: Bars) -> Market:
    """The market as a run saw it."""
    inputs, data = record.inputs, record.data
    dropped = tuple(d for d in data.dropped if d.code is not DropCode.WARMUP) if data else ()
    quotes = _QUOTES.validate_python(inputs["quotes"])
    instruments = _INSTRUMENTS.validate_python(inputs["instruments"])
    books = {(strategy, symbol): Decimal(quantity) for strategy, symbol, quantity in inputs["books"]}
    recent = frozenset((symbol, side) for symbol, side in inputs["recent"])
    looks = {label: parse_instant(at) for label, at in inputs.get("looks", {}).items()}
    return Market(
        as_of=record.as_of,
        checked=Checked(bars, dropped),
        quotes={quote.symbol: quote for quote in quotes},
        account=_ACCOUNT.validate_python(inputs["account"]),
        open_orders=_ORDERS.validate_python(inputs["open_orders"]),
        instruments={instrument.symbol: instrument for instrument in instruments},
        activity=Activity(books, inputs["orders_today"], recent, looks, inputs.get("breaks", {})),
    )
