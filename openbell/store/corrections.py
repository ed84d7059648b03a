"""Executions that the venue corrected: the books let go of what they had when what it stands for comes in."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from openbell.store.order_tables import BUSTS, FILLS
from openbell.store.texts import fill_of
from openbell.values.orders import Fill


def superseded(connection: Connection, order: Row[Any], fresh: Sequence[Fill]) -> list[Fill]:
    """The fills of an order in the books that new ones correct, without those that were taken back before."""
    ids = {earlier for fill in fresh for earlier in fill.corrects}
    if not ids:
        return []
    of = {"account": order.account, "client_id": order.client_id}
    taken = select(BUSTS.c.fill).filter_by(**of)
    query = select(FILLS).filter_by(**of).where(FILLS.c.id.in_(ids), FILLS.c.id.not_in(taken))
    return [fill_of(row) for row in connection.execute(query.order_by(FILLS.c.sequence))]


def words(fill: Fill, gone: Sequence[Fill]) -> str:
    """What a fill corrects of what went, as ``10 AAPL at 100``; empty for nothing."""
    before = [old for old in gone if old.id in fill.corrects]
    return ", ".join(f"{old.quantity} {old.symbol} at {old.price}" for old in before)
