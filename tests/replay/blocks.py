"""Blocks of slots from books and intents, with bounds as tight as floats can be."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from openbell.risk.block import Block
from openbell.risk.book import Book
from openbell.values.orders import OrderIntent, Purpose
from tests.risk.books import SYMBOLS


@dataclass(frozen=True)
class Case:
    """One slot: the book before it, and its intents."""

    book: Book
    intents: tuple[OrderIntent, ...]


def low(amount: Decimal | None) -> float:
    return math.nan if amount is None or not amount.is_finite() else math.nextafter(float(amount), -math.inf)


def high(amount: Decimal | None) -> float:
    return math.nan if amount is None or not amount.is_finite() else math.nextafter(float(amount), math.inf)


def near(amount: Decimal | None) -> float:
    return math.nan if amount is None or not amount.is_finite() else float(amount)


def block_of(cases: Sequence[Case]) -> Block:
    """The cases as one block; what they share (instruments, venue, breaks) is that of the first."""
    book = cases[0].book
    rows = [row for number, case in enumerate(cases) for row in _intents(number, case)]
    columns = {name: [row[name] for row in rows] for name in _INTENT}
    slots = [_slot(case) for case in cases]
    per_slot = {name: np.array([slot[name] for slot in slots]) for name in slots[0]}
    return Block(
        slots=len(cases),
        symbols=SYMBOLS,
        instruments=book.instruments,
        capabilities=book.capabilities,
        currency=book.currency,
        breaks=book.breaks,
        quote_limit=book.quote_limit,
        **{name: np.array(values, _INTENT[name]) for name, values in columns.items()},
        **per_slot,
    )


_INTENT = {
    **dict.fromkeys(("slot", "column"), np.intp),
    **dict.fromkeys(("sign", "quantity", "price", "reference", "confidence", "age", "spread", "reach"), np.float64),
    **dict.fromkeys(("entry", "leaves", "lots", "steps", "opens", "repeats", "meets"), np.bool_),
}


def leaving(book: Book, intent: OrderIntent) -> bool:
    return intent.purpose is not Purpose.ENTRY and book.shrinks(intent)


def after_exits(case: Case) -> Book:
    """The book once everything that surely leaves has left."""
    book = case.book
    for intent in case.intents:
        if leaving(case.book, intent):
            book = book.after(intent, intent.quantity)
    return book


def _intents(number: int, case: Case) -> list[dict[str, object]]:
    left = after_exits(case)
    return [_intent(number, case, left, intent) for intent in case.intents]


def _intent(number: int, case: Case, left: Book, intent: OrderIntent) -> dict[str, object]:
    book, symbol, instrument = case.book, intent.symbol, case.book.instruments.get(intent.symbol)
    same = [other for other in case.intents if other.symbol == symbol and other is not intent]
    twins = sum((other.quantity for other in same if other.side is intent.side), Decimal(0))
    reach, price = left.reach(symbol, intent.side), book.price(symbol)
    age = book.price_ages.get(symbol)
    return {
        "slot": number,
        "column": SYMBOLS.index(symbol),
        "sign": intent.side.sign,
        "quantity": near(intent.quantity),
        "entry": intent.purpose is Purpose.ENTRY,
        "leaves": leaving(book, intent),
        "lots": instrument is not None and intent.quantity % instrument.lot == 0,
        "steps": instrument is not None and intent.quantity % instrument.step == 0,
        "price": near(price),
        "reference": near(intent.reference),
        "confidence": intent.confidence,
        "age": math.nan if age is None else age.total_seconds(),
        "spread": near(book.spreads.get(symbol)),
        "reach": math.nan if reach is None or price is None else high(reach + twins * price),
        "opens": not left.occupied(symbol),
        "repeats": (symbol, intent.side.value) in book.recent or bool(twins),
        "meets": book.resting(symbol, _other(intent)) != 0,
    }


def _other(intent: OrderIntent):
    return next(side for side in type(intent.side) if side is not intent.side)


def _slot(case: Case) -> dict[str, object]:
    book, left = case.book, after_exits(case)
    return {
        "equity": low(book.equity),
        "power": low(left.buying_power),
        "start": high(book.equity_at_open),
        "peak": high(book.peak_equity),
        "gross": high(left.gross),
        "high": high(left.totals.high),
        "low": low(left.totals.low),
        "occupied": left.totals.occupied,
        "today": book.orders_today,
        "minute": book.orders_last_minute,
    }
