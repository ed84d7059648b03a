"""Where things stand, computed from fills: orders, positions, and each strategy's part of them."""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import Any

from sqlalchemy import Connection, Row, Table, insert, select, update

from openbell.store.order_tables import BOOKS, INTENTS, POSITIONS
from openbell.store.texts import intent_of
from openbell.values.account import Position
from openbell.values.money import STEP, ZERO, floor_to
from openbell.values.orders import Fill, Share, Side

#: Digits that keep every sum of quantity x price of an order exact.
_EXACT = 80


def filled_after(order: Row[Any], fills: Sequence[Fill]) -> tuple[Decimal, Decimal]:
    """(quantity filled, exact sum of quantity x price) of an order after more fills."""
    with localcontext(prec=_EXACT):
        filled = order.filled + sum((fill.quantity for fill in fills), ZERO)
        return filled, order.cost + sum((fill.quantity * fill.price for fill in fills), ZERO)


def apply_fills(connection: Connection, order: Row[Any], fills: Sequence[Fill]) -> None:
    """Move the account's position and the books of the strategies behind the order."""
    position = _position(connection, order.account, order.symbol)
    for fill in fills:
        position = position.apply(fill)
    key = {"account": order.account, "symbol": order.symbol}
    values = {"quantity": position.quantity, "average_price": position.average_price, "realized": position.realized}
    _save(connection, POSITIONS, key, values)
    _move_books(connection, order, filled_after(order, fills)[0])


def _position(connection: Connection, account: str, symbol: str) -> Position:
    columns = POSITIONS.c
    row = connection.execute(select(POSITIONS).where(columns.account == account, columns.symbol == symbol)).first()
    return Position(symbol, row.quantity, row.average_price, row.realized) if row else Position(symbol, ZERO, ZERO)


def _move_books(connection: Connection, order: Row[Any], filled: Decimal) -> None:
    """By the split of all that is filled less the split of what was: rounding never adds up over partial fills."""
    body = connection.execute(select(INTENTS.c.body).where(INTENTS.c.client_id == order.client_id)).scalar_one()
    shares, sign = intent_of(body).shares, Side(order.side).sign
    before = split(shares, order.filled * sign)
    for strategy, part in split(shares, filled * sign).items():
        key = {"account": order.account, "plan": order.plan, "strategy": strategy, "symbol": order.symbol}
        held = connection.execute(select(BOOKS.c.quantity).filter_by(**key)).scalar() or ZERO
        _save(connection, BOOKS, key, {"quantity": held + part - before[strategy]})


def split(shares: Sequence[Share], filled: Decimal) -> dict[str, Decimal]:
    """A signed quantity by strategy, pro rata to what each asked for; what rounding leaves goes to the largest.

    Strategies that pull in opposite directions keep their signs. The parts add up to ``filled``.
    """
    asked: dict[str, Decimal] = {}
    for share in shares:
        asked[share.strategy] = asked.get(share.strategy, ZERO) + share.quantity
    if not asked:
        return {}
    with localcontext(prec=_EXACT):
        total = sum(asked.values(), ZERO)
        alike = total * filled > 0
        parts = {name: floor_to(filled * part / total, STEP) if alike else ZERO for name, part in asked.items()}
        largest = max(asked, key=lambda name: (abs(asked[name]), name))
        parts[largest] += filled - sum(parts.values(), ZERO)
    return parts


def _save(connection: Connection, table: Table, key: dict[str, str], values: dict[str, Decimal]) -> None:
    """Insert or update; the caller holds the write lock."""
    if not connection.execute(update(table).filter_by(**key).values(values)).rowcount:
        connection.execute(insert(table), {**key, **values})
