"""Values as compact text for a column, and back.

The texts are what the record's hash covers, so equal values must always give equal texts.
"""

import hashlib
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pydantic_core
from pydantic import TypeAdapter
from sqlalchemy import Row

from openbell.values.money import text
from openbell.values.orders import Fill, OrderIntent, Side
from openbell.values.verdict import Decision, Ruling, Verdict

_INTENT = TypeAdapter(OrderIntent)
_VERDICT = TypeAdapter(Verdict)
#: Lists of texts and numbers only: nothing can be circular, nothing may be infinite.
to_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False, allow_nan=False).encode


def rulings_text(asked: Decimal, rulings: Sequence[Ruling]) -> str:
    """``[rule, measured, limit]`` of each ruling; decision and quantity follow only where the rule changed anything."""
    left = asked
    rows: list[tuple[str, ...]] = []
    for r in rulings:
        if r.decision is Decision.APPROVED and (r.quantity is left or r.quantity == left):
            rows.append((r.rule, r.measured, r.limit))
        else:
            left = r.quantity
            rows.append((r.rule, r.measured, r.limit, str(r.decision), text(left)))
    return pydantic_core.to_json(rows).decode()


def rulings_of(asked: Decimal, written: str) -> tuple[Ruling, ...]:
    """The rulings behind a text."""
    left, found = asked, []
    for rule, measured, limit, *change in json.loads(written):
        decision = Decision(change[0]) if change else Decision.APPROVED
        left = Decimal(change[1]) if change else left
        found.append(Ruling(rule, decision, measured, limit, left))
    return tuple(found)


def intent_text(intent: OrderIntent) -> str:
    """An intent as JSON with exact amounts."""
    return _INTENT.dump_json(intent).decode()


def intent_of(written: str) -> OrderIntent:
    """The intent behind a text."""
    return _INTENT.validate_json(written)


def verdict_text(verdict: Verdict) -> str:
    """A verdict with its rulings as JSON with exact amounts."""
    return _VERDICT.dump_json(verdict).decode()


def verdict_of(written: str) -> Verdict:
    """The verdict behind a text."""
    return _VERDICT.validate_json(written)


def verdict_columns(verdict: Verdict) -> tuple[Any, ...]:
    """A verdict as the values of its row, in the order of the columns."""
    return (
        *(verdict.intent_id, verdict.symbol, str(verdict.decision), verdict.rule, verdict.measured, verdict.limit),
        *(text(verdict.asked), text(verdict.quantity), rulings_text(verdict.asked, verdict.rulings)),
    )


def verdict_of_columns(*columns: Any) -> Verdict:
    """The verdict behind the values of a row."""
    *said, asked, left, rulings = columns
    intent, symbol, decision, rule, measured, limit = said
    wanted = Decimal(asked)
    return Verdict(
        *(intent, symbol, Decision(decision), rule, measured, limit, wanted, Decimal(left), rulings_of(wanted, rulings))
    )


def content_hash(written: str) -> str:
    """SHA-256 of a text, in hex."""
    return hashlib.sha256(written.encode()).hexdigest()


def fill_of(row: Row[Any]) -> Fill:
    """The fill in a row of a fill table."""
    return Fill(row.id, row.client_id, row.symbol, Side(row.side), row.quantity, row.price, row.fee, row.time)


def fill_columns(fill: Fill) -> dict[str, Any]:
    """The columns that every fill table has."""
    return {
        "id": fill.id,
        "client_id": fill.client_id,
        "symbol": fill.symbol,
        "side": fill.side.value,
        "quantity": fill.quantity,
        "price": fill.price,
        "fee": fill.fee,
        "time": fill.time,
    }
