"""Where things stand, computed from fills: orders, positions, and each strategy's part of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, insert, select

from openbell.store.desk_tables import ADJUSTMENTS
from openbell.store.order_tables import BOOKS, BUSTS, FILLS, INTENTS, POSITIONS
from openbell.store.prepared import by, change
from openbell.store.texts import fill_of, intent_of
from openbell.values.account import Position
from openbell.values.money import ZERO
from openbell.values.orders import Fill, Side
from openbell.values.shares import split

#: Digits that keep every sum of quantity x price of an order exact.
_EXACT = 80
_SINCE = select(FILLS.c.id, FILLS.c.time).where(
    FILLS.c.account == bindparam("account"), FILLS.c.symbol == bindparam("symbol"), FILLS.c.time >= bindparam("since")
)
_ADJUSTED = select(ADJUSTMENTS).where(
    ADJUSTMENTS.c.account == bindparam("account"),
    ADJUSTMENTS.c.symbol == bindparam("symbol"),
    ADJUSTMENTS.c.strategy == "",
)


@dataclass(frozen=True, slots=True)
class Resized:
    """A position whose quantity moved without a trade."""

    id: str
    time: datetime
    change: Decimal


#: What moves a position.
Move = Fill | Resized


def filled_after(order: Row[Any], fills: Sequence[Fill], busted: Sequence[Fill] = ()) -> tuple[Decimal, Decimal]:
    """(quantity filled, exact sum of quantity x price) of an order after more fills, and after some taken back."""
    with localcontext(prec=_EXACT):
        filled = sum((fill.quantity for fill in fills), ZERO) - sum((fill.quantity for fill in busted), ZERO)
        cost = sum((f.quantity * f.price for f in fills), ZERO) - sum((f.quantity * f.price for f in busted), ZERO)
        return order.filled + filled, order.cost + cost


def apply_fills(connection: Connection, order: Row[Any], fresh: Sequence[Fill], busted: Sequence[Fill] = ()) -> None:
    """Move the account's position and the books of the strategies, after the fills themselves were written."""
    before = None if busted else _before(connection, order, fresh)
    if before is None:
        rebuild(connection, order.account, order.symbol)
    else:
        _place_position(connection, order.account, fold(order.symbol, fresh, before))
    _move_books(connection, order, filled_after(order, fresh, busted)[0])


def rebuild(connection: Connection, account: str, symbol: str) -> None:
    """The position from all that ever moved it."""
    _place_position(connection, account, fold(symbol, kept_moves(connection, account, symbol)))


def _place_position(connection: Connection, account: str, position: Position) -> None:
    values = {"quantity": position.quantity, "average_price": position.average_price, "realized": position.realized}
    save(connection, POSITIONS, {"account": account, "symbol": position.symbol}, values)


def fold(symbol: str, moves: Iterable[Move], position: Position | None = None) -> Position:
    """The position after moves in the order of their times and ids, so that it depends on nothing but their set."""
    position = position or Position(symbol, ZERO, ZERO)
    for move in sorted(moves, key=_place):
        position = position.apply(move) if isinstance(move, Fill) else position.resized(move.change)
    return position


def _place(move: Move) -> tuple[datetime, str]:
    return move.time, move.id


def kept_moves(connection: Connection, account: str, symbol: str) -> list[Move]:
    """The fills of a position that were not taken back, and its adjustments."""
    taken = select(BUSTS.c.fill).where(BUSTS.c.account == account)
    query = select(FILLS).where(FILLS.c.account == account, FILLS.c.symbol == symbol, FILLS.c.id.not_in(taken))
    fills = [fill_of(row) for row in connection.execute(query)]
    adjusted = connection.execute(_ADJUSTED, {"account": account, "symbol": symbol})
    return [*fills, *(move_of(row) for row in adjusted if row.quantity)]


def move_of(row: Any) -> Move:
    """An adjustment as it moves a position: a trade at its price; without one the cost stays."""
    name, quantity = f"adjustment-{row.number}", row.quantity
    if row.price is None:
        return Resized(name, row.time, quantity)
    side = Side.BUY if quantity > 0 else Side.SELL
    return Fill(name, "", row.symbol, side, abs(quantity), row.price, ZERO, row.time)


def _before(connection: Connection, order: Row[Any], fresh: Sequence[Fill]) -> Position | None:
    """The position that the new fills can be put on top of; None when one of them belongs below another."""
    first, ours = min(fresh, key=_place), {fill.id for fill in fresh}
    since = {"account": order.account, "symbol": order.symbol, "since": first.time}
    if any(_place(move_of(row)) > _place(first) for row in connection.execute(_ADJUSTED, since) if row.quantity):
        return None
    found = connection.execute(_SINCE, since)
    if any((row.time, row.id) > _place(first) for row in found if row.id not in ours):
        return None
    return _position(connection, order.account, order.symbol)


def _position(connection: Connection, account: str, symbol: str) -> Position:
    row = connection.execute(by(POSITIONS, "account", "symbol"), {"account": account, "symbol": symbol}).first()
    return Position(symbol, row.quantity, row.average_price, row.realized) if row else Position(symbol, ZERO, ZERO)


def _move_books(connection: Connection, order: Row[Any], filled: Decimal) -> None:
    """By the split of all that is filled less the split of what was: rounding never adds up over partial fills."""
    intent = connection.execute(by(INTENTS, "client_id"), {"client_id": order.client_id}).one()
    shares, sign = intent_of(intent.body).shares, Side(order.side).sign
    before = split(shares, order.filled * sign)
    for strategy, part in split(shares, filled * sign).items():
        key = {"account": order.account, "plan": order.plan, "strategy": strategy, "symbol": order.symbol}
        held = connection.execute(by(BOOKS, *key), key).first()
        save(connection, BOOKS, key, {"quantity": (held.quantity if held else ZERO) + part - before[strategy]})


def save(connection: Connection, table: Table, key: dict[str, str], values: dict[str, Decimal]) -> None:
    """Insert or update; the caller holds the write lock."""
    of = {f"of_{name}": value for name, value in key.items()}
    if not connection.execute(change(table, *key), {**of, **values}).rowcount:
        connection.execute(insert(table), {**key, **values})
