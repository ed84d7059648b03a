"""One look at what a plan holds: prices, marks, and what each exit rule measures; nothing is written or sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from openbell.desk import Desk
from openbell.errors import DataError
from openbell.exits.holdings import Holdings
from openbell.exits.judge import Fired, judge_exits
from openbell.ports import Unsettled
from openbell.ports.exits import Entry, Watch
from openbell.stages.evaluate import evaluate
from openbell.stages.exits import (
    Priced,
    ask_quotes,
    booked,
    holdings_of,
    needs,
    priced,
    raised,
    really_held,
    timed,
    wishing,
)
from openbell.stages.lastgate import worst_orders
from openbell.stages.resting import is_stop, without
from openbell.stages.steps import as_order
from openbell.values.account import Account
from openbell.values.orders import Order, Purpose
from openbell.values.signal import Signal


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What is held at one instant, what it is worth, and which rule closes what.

    ``entries`` carry the prices seen so far; ``quantities`` is what is really held, signed and exact; ``working`` has
    the orders that the broker has or may have, with their purpose where they are ours, but for protective ``stops``,
    which are those of the whole account. ``blind`` says why no strategy could be asked.
    """

    now: datetime
    account: Account
    entries: tuple[Entry, ...]
    quantities: Mapping[str, Decimal]
    priced: Priced
    held: Holdings
    fired: tuple[Fired, ...]
    open_orders: tuple[Order, ...]
    working: Mapping[str, tuple[Order, Purpose | None]]
    stops: tuple[Unsettled, ...] = ()
    blind: str = ""


def own(watch: Watch) -> tuple[Entry, ...]:
    """The positions that strategies of the plan hold."""
    return tuple(entry for entry in watch.entries if booked(entry))


def look(desk: Desk, watch: Watch, now: datetime) -> Look:
    """Ask account, orders and prices once each, and every rule about every position."""
    broker, entries = desk.broker(), own(watch)
    account, open_orders = broker.account(), broker.open_orders()
    symbols = [entry.symbol for entry in entries]
    seen = priced(ask_quotes(desk.feed.quotes, symbols, now), symbols, now, desk.plan.freshness.quotes)
    quantities = really_held(entries, account)
    marked = tuple(raised(entry, _average(account, entry.symbol), seen.marks.get(entry.symbol)) for entry in entries)
    signals, blind = _signals(desk, now)
    held = timed(holdings_of(marked, quantities, account, seen.marks), entries, desk.resolved.exchange, now)
    held = wishing(held, entries, signals)
    ours = [order for order in desk.journal.unsettled(broker.account_id) if order.state.working]
    stops = tuple(order for order in ours if is_stop(order))
    return Look(
        now=now,
        account=account,
        entries=marked,
        quantities=quantities,
        priced=seen,
        held=held,
        fired=judge_exits(desk.resolved.exits, held),
        open_orders=open_orders,
        working=_working(desk, without(open_orders, stops), [order for order in ours if order not in stops]),
        stops=stops,
        blind=blind,
    )


def _average(account: Account, symbol: str) -> Decimal | None:
    held = account.positions.get(symbol)
    return held.average_price if held and held.quantity else None


def _signals(desk: Desk, now: datetime) -> tuple[tuple[Signal, ...], str]:
    """What the strategies say now, if a rule wants to know; without bars nobody wants out."""
    plan = desk.resolved
    if not needs(plan.exits, "leaving"):
        return (), ""
    try:
        checked = desk.feed.bars(plan.symbols, plan.timeframe, plan.history, now)
    except DataError as error:
        return (), str(error)
    return evaluate(plan.seats, checked.bars, {dropped.symbol for dropped in checked.dropped}).signals, ""


def _working(
    desk: Desk, open_orders: tuple[Order, ...], ours: Sequence[Unsettled]
) -> dict[str, tuple[Order, Purpose | None]]:
    """By id, as the worse of broker and store has each."""
    purposes = {order.intent.id: order.intent.purpose for order in ours}
    orders = worst_orders(open_orders, tuple(_order(order, desk.now()) for order in ours))
    return {order.client_id: (order, purposes.get(order.client_id)) for order in orders}


def _order(order: Unsettled, now: datetime) -> Order:
    return replace(as_order(order.intent, order.state, now, ""), quantity=order.quantity, filled=order.filled)
