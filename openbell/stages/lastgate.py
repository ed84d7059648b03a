"""The last gate: the rules of the plan once more, for one order, at the moment it is marked SENDING."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from openbell.calendar.window import decide
from openbell.crashpoints import reach
from openbell.ports import Broker, Capabilities, Exposure, Forbidden, Journal, LastGate, Reduced
from openbell.risk.book import Book
from openbell.risk.gate import judge, latches, too_small
from openbell.stages.fetch import RECENT, equity, marks, with_history
from openbell.stages.judge import book_of
from openbell.stages.resolve import Resolved
from openbell.values.account import Account
from openbell.values.bars import FIELDS, Bars, make_bars
from openbell.values.legs import group_of, independent
from openbell.values.market import Checked, Market
from openbell.values.money import STEP, ZERO, text
from openbell.values.orders import Order, OrderIntent, OrderState, Purpose, Side
from openbell.values.quote import Quote
from openbell.values.slot import Slot
from openbell.values.verdict import Decision

Quotes = Callable[[Sequence[str], datetime], Mapping[str, Quote]]
#: An entry waits until every order of its symbol has a known outcome.
UNRECONCILED = "UNRECONCILED"


@dataclass(frozen=True, slots=True)
class Asked:
    """One order at the last gate.

    ``market`` was read for this order: account, open orders and its quote. ``sent_before`` counts the run's
    orders that were sent already; ``again`` tells that this order was marked SENDING before. ``booked`` is
    for closing an account down, positions by the store before the broker was asked: what the broker says is held
    counts, whoever bought it, less what was booked since.
    """

    market: Market
    intent: OrderIntent
    capabilities: Capabilities
    sent_before: int = 0
    again: bool = False
    booked: Mapping[str, Decimal] | None = None


def last_gate(desk: Resolved, asked: Asked, closed: Callable[[], Forbidden | None]) -> LastGate:
    """A gate that passes the frozen quantity or less of it; ``closed`` says why it is too late.

    An order that was marked SENDING before goes as it went then, or not at all.
    """
    # All that does not need the store is done before its write lock is taken.
    seen = book_of(desk, asked.market, asked.capabilities)

    def gate(exposure: Exposure) -> Forbidden | Reduced | None:
        reach("inside-send-transaction")
        return closed() or _unsettled(exposure, asked) or _judged(desk, asked, seen, exposure)

    return gate


def closed_now(desk: Resolved, now: datetime) -> Forbidden | None:
    """Why the plan's window does not permit an order at this instant."""
    decision = decide(desk.plan.window, now)
    return None if decision.open else Forbidden("WINDOW_CLOSED", decision.detail)


def _judged(desk: Resolved, asked: Asked, seen: Book, exposure: Exposure) -> Forbidden | Reduced | None:
    (verdict,) = judge([asked.intent], desk.rules, worst_book(seen, asked, exposure))
    if verdict.decision is Decision.APPROVED:
        return None
    why = f"{verdict.measured} against {verdict.limit}"
    if verdict.decision is Decision.DENIED:
        return Forbidden(verdict.rule, why, latches(desk.rules, verdict))
    left = f"{text(verdict.quantity)} of {text(verdict.asked)}"
    less = replace(asked.intent, quantity=verdict.quantity)
    if asked.again or too_small(less, seen, desk.plan.sizing.min_trade):
        return Forbidden(verdict.rule, f"{why}, which leaves {left}")
    return Reduced(verdict.quantity, f"{left} by {verdict.rule}: {why}")


def _unsettled(exposure: Exposure, asked: Asked) -> Forbidden | None:
    """Orders without an outcome, and a position that broker and books tell differently, hold back an entry."""
    intent = asked.intent
    if intent.purpose is not Purpose.ENTRY:
        return None
    open_ = (OrderState.SENDING, OrderState.UNKNOWN)
    others = [o for o in exposure.working if o.symbol == intent.symbol and group_of(o.client_id) != intent.id]
    unknown = next((order for order in others if order.state in open_), None)
    if unknown is not None:
        return Forbidden(UNRECONCILED, f"the outcome of order {unknown.client_id} is not known yet")
    theirs, ours = asked.market.account.quantity(intent.symbol), exposure.positions.get(intent.symbol, ZERO)
    if abs(theirs - ours) <= STEP:
        return None
    return Forbidden(UNRECONCILED, f"{text(theirs)} {intent.symbol} at the broker, {text(ours)} in the books")


def worst_book(book: Book, asked: Asked, exposure: Exposure) -> Book:
    """The book before the order, each figure the worse of what the broker (``book``) and the store say.

    Orders that either of them counts as working are all counted; what the store alone knows of has not lowered
    the broker's buying power yet and is taken off it here.
    """
    intent = asked.intent
    orders = worst_orders(asked.market.open_orders, exposure.working, intent.id)
    if asked.booked is None:
        held = _positions(book.positions, exposure.positions, intent)
    else:
        held = _as_held(book.positions, asked.booked, exposure.positions, intent.symbol)
    breaks = {**book.breaks, **exposure.breaks} if exposure.breaks else book.breaks
    missing = _missing(book, exposure, intent.id)
    key = (intent.symbol, intent.side.value)
    return replace(
        book,
        positions=held,
        open_orders=orders,
        buying_power=None if book.buying_power is None or missing is None else book.buying_power - missing,
        orders_this_run=asked.sent_before,
        orders_today=exposure.orders_today,
        orders_last_minute=exposure.orders_last_minute,
        recent=book.recent - {key} if asked.again else book.recent,
        breaks=breaks,
        counted=None,
        resting_by_side=None,
    )


def worst_orders(broker: tuple[Order, ...], store: tuple[Order, ...], own: str = "") -> tuple[Order, ...]:
    """Every working order that can fill but the one asked about, with the larger rest where the two differ."""
    found: dict[str, Order] = {}
    for order in (*broker, *store):
        known = found.get(order.client_id)
        if own not in (order.client_id, group_of(order.client_id)) and (
            known is None or order.remaining > known.remaining
        ):
            found[order.client_id] = order
    return independent(found.values())


def _as_held(
    broker: Mapping[str, Decimal], booked: Mapping[str, Decimal], store: Mapping[str, Decimal], symbol: str
) -> dict[str, Decimal]:
    """What the broker said is held, less what somebody else's orders took off it before this one's turn came."""
    held, moved = broker.get(symbol, ZERO), store.get(symbol, ZERO) - booked.get(symbol, ZERO)
    if held * moved >= 0:
        return dict(broker)
    left = held + moved
    return {**broker, symbol: left if left * held > 0 else ZERO}


def _positions(broker: Mapping[str, Decimal], store: Mapping[str, Decimal], intent: OrderIntent) -> dict[str, Decimal]:
    if broker == store:
        own = broker.get(intent.symbol, ZERO)
        return {**broker, intent.symbol: _worst((own, own), intent)} if own else dict(broker)
    pairs = {symbol: (broker.get(symbol, ZERO), store.get(symbol, ZERO)) for symbol in {**broker, **store}}
    held = {symbol: max(pair, key=abs) for symbol, pair in pairs.items()}
    if intent.symbol in pairs:
        held[intent.symbol] = _worst(pairs[intent.symbol], intent)
    return held


def _worst(pair: tuple[Decimal, Decimal], intent: OrderIntent) -> Decimal:
    """The position that the order makes worse: the one further its way, for an exit the smaller one."""
    low, high = min(pair), max(pair)
    if intent.purpose is Purpose.ENTRY:
        return high if intent.side is Side.BUY else low
    return max(low, ZERO) if intent.side is Side.SELL else min(high, ZERO)


def _missing(book: Book, exposure: Exposure, own: str) -> Decimal | None:
    """Value of what the store knows and the broker does not show yet; None when a price is missing."""
    shown = {order.client_id for order in book.open_orders}
    working = independent(order for order in exposure.working if group_of(order.client_id) != own)
    unseen = [order for order in working if order.client_id not in shown]
    moves = [order.remaining * order.side.sign for order in unseen]
    changes = [
        *zip((order.symbol for order in unseen), moves, strict=True),
        *_drift(book.positions, exposure.positions),
    ]
    total = ZERO
    for symbol, signed in changes:
        if signed * book.positions.get(symbol, ZERO) >= 0:
            price = book.price(symbol)
            if price is None:
                return None
            total += abs(signed) * price
    return total


def _drift(broker: Mapping[str, Decimal], store: Mapping[str, Decimal]) -> list[tuple[str, Decimal]]:
    """By how much the store's positions are larger than the broker's, on the same side."""
    if broker == store:
        return []
    pairs = ((symbol, held, broker.get(symbol, ZERO)) for symbol, held in store.items())
    return [(symbol, held - shown) for symbol, held, shown in pairs if (held - shown) * held > 0]


def bare_market(desk: Resolved, broker: Broker, quotes: Quotes, journal: Journal, slot: Slot, now: datetime) -> Market:
    """What the last gate needs when nothing was decided from bars: account, open orders, quotes, instruments."""
    account, open_orders = broker.account(), broker.open_orders()
    symbols = sorted({*account.positions, *(order.symbol for order in open_orders), *desk.symbols})
    return market_of(desk, broker, journal, slot, now, account, open_orders, quotes(symbols, now))


def market_of(
    desk: Resolved,
    broker: Broker,
    journal: Journal,
    slot: Slot,
    now: datetime,
    account: Account,
    open_orders: tuple[Order, ...],
    quotes: Mapping[str, Quote],
) -> Market:
    """The same from answers that are at hand; instruments are those of what is held or ordered or has a quote."""
    symbols = sorted({*account.positions, *(order.symbol for order in open_orders), *quotes})
    market = Market(
        as_of=now,
        checked=Checked(_no_bars(desk)),
        quotes=quotes,
        account=account,
        open_orders=open_orders,
        instruments=broker.instruments(symbols),
        activity=journal.activity(desk.plan.name, account.id, now - timedelta(days=1), now - RECENT),
    )
    return replace(market, account=with_history(account, equity(account, marks(market)), journal, slot))


def _no_bars(desk: Resolved) -> Bars:
    empty = {name: np.empty((0, 0)) for name in FIELDS}
    return make_bars((), np.empty(0, "datetime64[ns]"), empty, desk.timeframe, "none")
