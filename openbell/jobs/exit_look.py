"""One look at what a plan holds: prices, marks, and what each exit rule measures; nothing is written or sent."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from openbell.desk import Desk
from openbell.errors import DataError
from openbell.ports import Unsettled
from openbell.ports.exits import Entry, Watch
from openbell.stages.evaluate import Evaluation
from openbell.stages.exit_decision import Look, look_of, opinions
from openbell.stages.exits import ask_quotes, booked, needs
from openbell.stages.lastgate import worst_orders
from openbell.stages.resting import protective, without
from openbell.stages.steps import as_order
from openbell.values.market import Checked
from openbell.values.orders import Order, Purpose


def own(watch: Watch) -> tuple[Entry, ...]:
    """The positions that strategies of the plan hold."""
    return tuple(entry for entry in watch.entries if booked(entry))


def look(desk: Desk, watch: Watch, now: datetime) -> Look:
    """Ask account, orders and prices once each, and every rule about every position."""
    broker, entries = desk.broker(), own(watch)
    account, open_orders = broker.account(), broker.open_orders()
    quotes = ask_quotes(desk.feed.quotes, [entry.symbol for entry in entries], now)
    checked, blind = _bars(desk, now)
    evaluation = opinions(desk.resolved, checked) if checked else Evaluation(())
    ours = [order for order in desk.journal.unsettled(broker.account_id) if order.state.working]
    stops = protective(ours)
    working = _working(desk, without(open_orders, stops), [order for order in ours if order not in stops])
    seen = look_of(desk.resolved, now, account, entries, quotes, evaluation, working, stops)
    return replace(seen, open_orders=open_orders, checked=checked, blind=blind)


def _bars(desk: Desk, now: datetime) -> tuple[Checked | None, str]:
    """Bars for the strategies, if a rule wants to know what they say; without any nobody wants out."""
    plan = desk.resolved
    if not needs(plan.exits, "leaving"):
        return None, ""
    try:
        return desk.feed.bars(plan.symbols, plan.timeframe, plan.history, now), ""
    except DataError as error:
        return None, str(error)


def _working(
    desk: Desk, open_orders: tuple[Order, ...], ours: Sequence[Unsettled]
) -> dict[str, tuple[Order, Purpose | None]]:
    """By id, as the worse of broker and store has each."""
    purposes = {order.intent.id: order.intent.purpose for order in ours}
    orders = worst_orders(open_orders, tuple(_order(order, desk.now()) for order in ours))
    return {order.client_id: (order, purposes.get(order.client_id)) for order in orders}


def _order(order: Unsettled, now: datetime) -> Order:
    return replace(as_order(order.intent, order.state, now, ""), quantity=order.quantity, filled=order.filled)
