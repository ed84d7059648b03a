"""Decide a sealed run once more from what it recorded; the answer must be the same to the byte."""

from dataclasses import dataclass, replace
from decimal import Decimal

from pydantic import TypeAdapter

from openbell.errors import InputError
from openbell.ports import Capabilities
from openbell.risk.gate import judge
from openbell.stages.due import evaluate_due
from openbell.stages.exit_decision import gated_exits, less, look_of, meant_by, opinions, read_kept
from openbell.stages.fetch import marks
from openbell.stages.flatten import closing_intents
from openbell.stages.judge import Gated, book_of, judge_signals
from openbell.stages.protection import held_back, orphaned, without_orphans
from openbell.stages.resolve import resolve
from openbell.values.account import Account
from openbell.values.bars import Bars, empty_bars
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
    desk, market = resolve(Plan.model_validate(record.plan_body)), _seen(record, bars)
    evaluation = evaluate_due(desk, market, record.planned)
    gated = judge_signals(desk, market, evaluation.signals, slot_of(record), _capabilities(record))
    gated = without_orphans(held_back(gated, record.guards), orphaned(desk, market.activity.books))
    return Again(evaluation.signals, gated)


def rerun_flatten(record: RunRecord, bars: Bars) -> Again:
    """Close everything that the account held once more, and judge it."""
    desk, market, capabilities = (
        resolve(Plan.model_validate(record.plan_body)),
        _seen(record, bars),
        _capabilities(record),
    )
    intents = capabilities.termed(
        closing_intents(market.account, slot_of(record), marks(market), market.activity.books)
    )
    verdicts = judge(intents, desk.rules, book_of(desk, market, capabilities))
    return Again((), Gated(intents, (), verdicts, capabilities))


def rerun_exits(record: RunRecord, bars: Bars) -> Again:
    """Ask every exit rule once more about what the plan held, and judge what follows from it."""
    desk, market = resolve(Plan.model_validate(record.plan_body)), _seen(record, bars)
    venue, seen = _capabilities(record), read_kept(record.inputs["look"])
    evaluation = opinions(desk, market.checked)
    working = {order.client_id: (order, purpose) for order, purpose in seen.working}
    look = look_of(desk, seen.now, market.account, seen.entries, market.quotes, evaluation, working, seen.stops)
    meant = meant_by(desk, look, slot_of(record), venue, lambda: seen.refused, lambda _: market.instruments)
    bare = replace(market, as_of=seen.now, checked=Checked(empty_bars((), desk.timeframe, "none")))
    gated = gated_exits(desk, bare, meant.wanted, venue)
    return Again(evaluation.signals, less(gated, seen.left_out))


def slot_of(record: RunRecord) -> Slot:
    """The slot that a record is of."""
    return Slot(record.plan, record.job, record.planned, record.session)


def _capabilities(record: RunRecord) -> Capabilities:
    return _CAPABILITIES.validate_python(record.inputs["capabilities"])


def _seen(record: RunRecord, bars: Bars) -> Market:
    if record.data is None or bars.digest() != record.data.digest:
        raise InputError(f"run {record.id} was not decided on this panel")
    return market_of(record, bars)


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
