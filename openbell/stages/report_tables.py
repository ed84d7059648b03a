"""The tables of a record: rows of ready text, the same for artifacts, the report and the command line."""

from datetime import UTC, tzinfo
from decimal import Decimal

from openbell.stages.fates import NO_TRADE
from openbell.stages.wording import UNKNOWN, clean, fraction, money, price, quantity, when
from openbell.values.orders import Order, OrderType
from openbell.values.record import Holding, RunRecord
from openbell.values.verdict import Verdict

Rows = list[dict[str, str]]


def tables(record: RunRecord, zone: tzinfo = UTC) -> dict[str, Rows]:
    """Every table by name, empty ones too; each cell is one clean line, times are in ``zone``.

    Cells are safe to print and to show as they are; inside markdown they still go through ``wording.marked``.
    """
    return {
        "signals": _signals(record),
        "verdicts": _verdicts(record),
        "unplaced": _unplaced(record),
        "orders": [_order(order) for order in record.orders],
        "fills": _fills(record, zone),
        "positions": [_position(holding) for holding in record.holdings],
        "guards": _guards(record),
        "dropped": _dropped(record),
    }


def _signals(record: RunRecord) -> Rows:
    return [
        {
            "strategy": clean(signal.strategy),
            "symbol": clean(signal.symbol),
            "stance": signal.stance.value,
            "target": fraction(signal.target, signed=True),
            "confidence": fraction(signal.confidence),
            "reason": clean(signal.reason),
        }
        for signal in record.signals
    ]


def _verdicts(record: RunRecord) -> Rows:
    sides = {intent.id: intent.side.value for intent in record.intents}
    return [_verdict(verdict, sides.get(verdict.intent_id, UNKNOWN)) for verdict in record.verdicts]


def _verdict(verdict: Verdict, side: str) -> dict[str, str]:
    return {
        "symbol": clean(verdict.symbol),
        "side": side,
        "asked": quantity(verdict.asked),
        "allowed": quantity(verdict.quantity),
        "decision": verdict.decision.value,
        "rule": clean(verdict.rule),
        "measured": clean(verdict.measured),
        "limit": clean(verdict.limit),
    }


def _unplaced(record: RunRecord) -> Rows:
    return [
        {"symbol": clean(item.symbol), "code": item.code.value, "detail": clean(item.detail or NO_TRADE[item.code])}
        for item in record.unplaced
    ]


def _order(order: Order) -> dict[str, str]:
    return {
        "symbol": clean(order.symbol),
        "side": order.side.value,
        "quantity": quantity(order.quantity),
        "type": order_type(order),
        "state": order.state.value.replace("_", " "),
        "filled": quantity(order.filled),
        "average price": price(order.average_price) if order.filled else "none",
        "note": clean(order.reason),
    }


def order_type(order: Order) -> str:
    """The type with its prices: ``market``, ``limit 10.50``, ``stop limit 9.00, limit 8.90``."""
    prices = {"": order.stop_price, "trail": order.trail, "limit": order.limit_price}
    if order.type is OrderType.LIMIT:
        prices = {"": order.limit_price}
    said = ", ".join(f"{name} {price(value)}".strip() for name, value in prices.items() if value is not None)
    return f"{order.type.value.replace('_', ' ')} {said}".strip()


def _fills(record: RunRecord, zone: tzinfo) -> Rows:
    return [
        {
            "time": when(fill.time, zone),
            "symbol": clean(fill.symbol),
            "side": fill.side.value,
            "quantity": quantity(fill.quantity),
            "price": price(fill.price),
            "fee": money(fill.fee),
        }
        for fill in record.fills
    ]


def _position(holding: Holding) -> dict[str, str]:
    mark = holding.mark
    return {
        "symbol": clean(holding.symbol),
        "quantity": quantity(holding.quantity),
        "average price": price(holding.average_price),
        "mark": price(mark),
        "value": money(None if mark is None else holding.quantity * mark),
        "unrealised P&L": money(_unrealized(holding)),
    }


def _unrealized(holding: Holding) -> Decimal | None:
    return None if holding.mark is None else (holding.mark - holding.average_price) * holding.quantity


def _guards(record: RunRecord) -> Rows:
    return [
        {
            "guard": clean(guard.name),
            "result": "passed" if guard.passed else "blocked",
            "code": clean(guard.code),
            "detail": clean(guard.detail),
        }
        for guard in record.guards
    ]


def _dropped(record: RunRecord) -> Rows:
    dropped = record.data.dropped if record.data else ()
    return [{"symbol": clean(item.symbol), "code": item.code.value, "detail": clean(item.detail)} for item in dropped]
