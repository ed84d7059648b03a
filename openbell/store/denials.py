"""What the gate denied of a slot's frozen plan: one row a slot, since nothing ever becomes of these orders."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pydantic_core
from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, func, select

from openbell.ports import OrderRow
from openbell.store import logs
from openbell.store.order_tables import DENIALS
from openbell.store.prepared import by, newest
from openbell.store.texts import verdict_columns, verdict_of_columns
from openbell.values.money import ZERO
from openbell.values.orders import OrderIntent, OrderState
from openbell.values.verdict import Decision, Verdict

_INTENTS = TypeAdapter(list[OrderIntent])
_NEWEST = select(DENIALS).order_by(DENIALS.c.number.desc()).execution_options(yield_per=10)


@dataclass(frozen=True, slots=True)
class Planned:
    """An intent of a frozen plan with the verdict on it, and the place of each among its kind."""

    position: int
    judged: int
    intent: OrderIntent
    verdict: Verdict

    @property
    def denied(self) -> bool:
        """Whether the gate leaves nothing of it."""
        return self.verdict.decision is Decision.DENIED


def newest_number(connection: Connection) -> int:
    """The highest number that a denied order has, 0 without one."""
    row = connection.execute(newest(DENIALS, "number", "last")).first()
    return int(row.last) if row else 0


def write(
    connection: Connection, claimed: Row[Any], account: str, after: int, denied: Sequence[Planned], decided: datetime
) -> None:
    """Keep what was denied of a claimed slot, in the order of the verdicts; ``after`` is the newest order by then."""
    row = {
        "slot": claimed.key,
        "run_id": claimed.run_id,
        "plan": claimed.plan,
        "account": account,
        "time": decided,
        "after": after,
        "last": after + denied[-1].judged + 1,
        "orders": len(denied),
        "intents": _INTENTS.dump_json([each.intent for each in denied]).decode(),
        "verdicts": pydantic_core.to_json([_row(each) for each in denied]).decode(),
    }
    logs.add(connection, DENIALS, row)


def _row(denied: Planned) -> tuple[Any, ...]:
    return denied.position, denied.judged, *verdict_columns(denied.verdict)


def of_slot(connection: Connection, slot: str) -> tuple[Planned, ...]:
    """What was denied of the slot's plan."""
    row = connection.execute(by(DENIALS, "slot"), {"slot": slot}).first()
    return () if row is None else _denied(row)


def _denied(row: Row[Any]) -> tuple[Planned, ...]:
    intents, judged = _INTENTS.validate_json(row.intents), json.loads(row.verdicts)
    return tuple(
        Planned(position, place, intent, verdict_of_columns(*columns))
        for intent, (position, place, *columns) in zip(intents, judged, strict=True)
    )


def listed(connection: Connection, plan: str | None, limit: int, since: int) -> Iterator[tuple[int, OrderRow]]:
    """Orders that were denied, with their numbers among all orders, newest first: at least ``limit``, or all.

    None of a slot that was frozen before the order of the number ``since``.
    """
    query = _NEWEST if plan is None else _NEWEST.where(DENIALS.c.plan == plan)
    with connection.execute(query) as rows:
        for row in rows:
            if limit <= 0 or row.last < since:
                return
            limit -= row.orders
            yield from ((row.after + denied.judged + 1, _order(row, denied)) for denied in _denied(row))


def counted(connection: Connection) -> dict[str, int]:
    """How many orders of each account were denied."""
    query = select(DENIALS.c.account, func.sum(DENIALS.c.orders)).group_by(DENIALS.c.account)
    return {account: int(number) for account, number in connection.execute(query).tuples()}


def _order(row: Row[Any], denied: Planned) -> OrderRow:
    intent, verdict = denied.intent, denied.verdict
    return OrderRow(
        client_id=intent.id,
        run_id=row.run_id,
        plan=row.plan,
        slot=row.slot,
        symbol=intent.symbol,
        side=intent.side.value,
        quantity=intent.quantity,
        purpose=intent.purpose.value,
        state=OrderState.DENIED,
        filled=ZERO,
        average_price=None,
        detail=f"{verdict.rule}: {verdict.measured}, limit {verdict.limit}",
        updated=row.time,
    )
