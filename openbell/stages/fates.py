"""What became of each order that was wanted, in words."""

from collections import Counter
from collections.abc import Mapping

from openbell.stages.wording import clean
from openbell.values.orders import Order, OrderState
from openbell.values.record import RunRecord
from openbell.values.verdict import Decision, NoTrade, Verdict

#: Why a symbol led to no order, after "because".
NO_TRADE: Mapping[NoTrade, str] = {
    NoTrade.HOLD: "no strategy has an opinion on it",
    NoTrade.AT_TARGET: "the position already is what the strategies want",
    NoTrade.NO_PRICE: "its price is unknown",
    NoTrade.BELOW_MIN_TRADE: "the trade would be below the plan's minimum",
    NoTrade.ZERO: "the quantity comes to zero",
    NoTrade.NOT_TRADABLE: "the venue does not trade it",
}

#: The same, short enough to be counted in one line.
NO_TRADE_SHORT: Mapping[NoTrade, str] = {
    NoTrade.HOLD: "without an opinion",
    NoTrade.AT_TARGET: "at target",
    NoTrade.NO_PRICE: "without a price",
    NoTrade.BELOW_MIN_TRADE: "below the minimum trade",
    NoTrade.ZERO: "of quantity zero",
    NoTrade.NOT_TRADABLE: "not tradable",
}

FATES: Mapping[OrderState, str] = {
    OrderState.FILLED: "filled",
    OrderState.PARTIAL: "partly filled",
    OrderState.ACKED: "working",
    OrderState.PENDING_CANCEL: "being cancelled",
    OrderState.CANCELED: "cancelled",
    OrderState.EXPIRED: "expired",
    OrderState.REJECTED: "rejected by the broker",
    OrderState.UNKNOWN: "of unknown outcome",
    OrderState.SENDING: "of unknown outcome",
    OrderState.PLANNED: "not sent",
    OrderState.APPROVED: "not sent",
    OrderState.ABANDONED: "not sent",
    OrderState.DENIED: "denied",
}


def fates(record: RunRecord) -> dict[str, int]:
    """How many of the wanted orders came to which end, in the order of the record, denied ones last."""
    orders = {order.client_id: order for order in record.orders}
    judged = {verdict.intent_id for verdict in record.verdicts}
    sent = [_fate(record, verdict, orders.get(verdict.intent_id)) for verdict in record.verdicts]
    loose = [FATES[order.state] for order in record.orders if order.client_id not in judged]
    return dict(sorted(Counter(sent + loose).items(), key=lambda item: item[0].startswith("denied")))


def _fate(record: RunRecord, verdict: Verdict, order: Order | None) -> str:
    if verdict.decision is Decision.DENIED:
        return f"denied by {clean(verdict.rule)}"
    if order is None:
        return "would be sent" if record.dry_run else "not sent"
    return FATES[order.state]


def held_back(record: RunRecord) -> str:
    """``3 at target, 1 below the minimum trade`` for the symbols that led to no order; empty without any."""
    codes = Counter(item.code for item in record.unplaced)
    return ", ".join(f"{number:,} {NO_TRADE_SHORT[code]}" for code, number in codes.items())
