"""The tables of a record: rows of ready text, the same for artifacts, the report and the command line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from decimal import Decimal
from typing import Any

from openbell.stages.fates import NO_TRADE
from openbell.stages.wording import UNKNOWN, clean, fraction, money, price, quantity, when
from openbell.values.market import Dropped
from openbell.values.orders import Fill, Order, OrderType
from openbell.values.record import Guard, Holding, RunRecord
from openbell.values.signal import Signal
from openbell.values.verdict import Unplaced, Verdict

Row = dict[str, str]
Rows = list[Row]


@dataclass(frozen=True, slots=True)
class View:
    """One table: the values behind it, and how one of them reads as a row."""

    values: Sequence[Any]
    row: Callable[[Any], Row]

    def rows(self, most: int | None = None) -> Rows:
        """The first ``most`` rows, or all of them."""
        return [self.row(value) for value in self.values[:most]]


def tables(record: RunRecord, zone: tzinfo = UTC) -> dict[str, Rows]:
    """Every table by name, empty ones too; each cell is one clean line, times are in ``zone``.

    Cells are safe to print and to show as they are; inside markdown they still go through ``wording.marked``.
    """
    return {name: view.rows() for name, view in views(record, zone).items()}


def views(record: RunRecord, zone: tzinfo) -> dict[str, View]:
    """The same tables before a row is made, so that a page pays only for the rows that it shows."""
    sides = {intent.id: intent.side.value for intent in record.intents}
    return {
        "signals": View(record.signals, _signal),
        "verdicts": View(record.verdicts, lambda verdict: _verdict(verdict, sides.get(verdict.intent_id, UNKNOWN))),
        "unplaced": View(record.unplaced, _unplaced),
        "orders": View(record.orders, _order),
        "fills": View(record.fills, lambda fill: _fill(fill, zone)),
        "positions": View(record.holdings, _position),
        "guards": View(record.guards, _guard),
        "dropped": View(record.data.dropped if record.data else (), _dropped),
    }


def _signal(signal: Signal) -> Row:
    return {
        "strategy": clean(signal.strategy),
        "symbol": clean(signal.symbol),
        "stance": signal.stance.value,
        "target": fraction(signal.target, signed=True),
        "confidence": fraction(signal.confidence),
        "reason": clean(signal.reason),
    }


def _verdict(verdict: Verdict, side: str) -> Row:
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


def _unplaced(item: Unplaced) -> Row:
    return {"symbol": clean(item.symbol), "code": item.code.value, "detail": clean(item.detail or NO_TRADE[item.code])}


def _order(order: Order) -> Row:
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


def _fill(fill: Fill, zone: tzinfo) -> Row:
    return {
        "time": when(fill.time, zone),
        "symbol": clean(fill.symbol),
        "side": fill.side.value,
        "quantity": quantity(fill.quantity),
        "price": price(fill.price),
        "fee": money(fill.fee),
    }


def _position(holding: Holding) -> Row:
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


def _guard(guard: Guard) -> Row:
    return {
        "guard": clean(guard.name),
        "result": "passed" if guard.passed else "blocked",
        "code": clean(guard.code),
        "detail": clean(guard.detail),
    }


def _dropped(item: Dropped) -> Row:
    return {"symbol": clean(item.symbol), "code": item.code.value, "detail": clean(item.detail)}
