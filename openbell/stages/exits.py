"""The exits of a plan: what is really held, what it is worth now, and which of it is to be closed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from openbell.calendar.exchange import Exchange
from openbell.exits.base import ExitRule
from openbell.exits.holdings import FloatRow, Holdings
from openbell.exits.judge import Fired
from openbell.ports.exits import Entry
from openbell.stages.flatten import UNBOOKED, closing_intent
from openbell.stages.lastgate import Quotes
from openbell.values.account import Account
from openbell.values.job import EXITS
from openbell.values.money import ZERO
from openbell.values.orders import Order, OrderIntent, Purpose, Share, Side
from openbell.values.quote import Quote
from openbell.values.signal import Signal, Stance
from openbell.values.slot import Slot
from openbell.values.time import iso
from openbell.values.verdict import Decision, Ruling, Verdict

#: Most symbols of one question for quotes.
BATCH = 200


@dataclass(frozen=True, slots=True)
class Priced:
    """Prices that can be acted on, and why there is none for the other symbols."""

    quotes: Mapping[str, Quote]
    marks: Mapping[str, Decimal]
    unknown: Mapping[str, str]


def ask_quotes(quotes: Quotes, symbols: Sequence[str], now: datetime) -> dict[str, Quote]:
    """Quotes of many symbols in as few questions as venues take."""
    found: dict[str, Quote] = {}
    for start in range(0, len(symbols), BATCH):
        found.update(quotes(symbols[start : start + BATCH], now))
    return found


def priced(quotes: Mapping[str, Quote], symbols: Iterable[str], now: datetime, oldest: timedelta) -> Priced:
    """The mid of each usable quote; a price that is missing, old, crossed or of the future is unknown, never zero."""
    marks, unknown = {}, {}
    for symbol in symbols:
        if why := _unusable(quotes.get(symbol), now, oldest):
            unknown[symbol] = why
        else:
            marks[symbol] = quotes[symbol].mid
    return Priced(quotes, marks, unknown)


def _unusable(quote: Quote | None, now: datetime, oldest: timedelta) -> str:
    if quote is None:
        return "no quote"
    age = quote.age(now)
    if age > oldest:
        return f"the quote is of {iso(quote.time)}, older than {oldest.total_seconds():g} s"
    if age < -oldest:
        return f"the quote is of {iso(quote.time)}, which is still to come"
    return "the bid is above the ask" if quote.bid > quote.ask else ""


# --- what is held --------------------------------------------------------------------------------------------


def booked(entry: Entry) -> Decimal:
    """What the plan's strategies hold of a symbol, signed."""
    return sum((part for name, part in entry.books.items() if name != UNBOOKED), ZERO)


def really_held(entries: Iterable[Entry], account: Account) -> dict[str, Decimal]:
    """The part of each position that is both in the plan's books and at the broker; nothing of it is absent."""
    found = {entry.symbol: _both(booked(entry), account.quantity(entry.symbol)) for entry in entries}
    return {symbol: quantity for symbol, quantity in found.items() if quantity}


def _both(ours: Decimal, theirs: Decimal) -> Decimal:
    return min(ours, theirs, key=abs) if ours * theirs > 0 else ZERO


def raised(entry: Entry, average: Decimal | None, mark: Decimal | None) -> Entry:
    """The entry with the prices seen so far; the entry price counts as one, an unknown price does not."""
    if mark is None:
        return entry
    seen = [price for price in (entry.high, entry.low, mark) if price is not None]
    if entry.high is None and average is not None and average > 0:
        seen.append(average)
    return replace(entry, high=max(seen), low=min(seen))


def holdings_of(
    entries: Sequence[Entry], held: Mapping[str, Decimal], account: Account, marks: Mapping[str, Decimal]
) -> Holdings:
    """The positions that are really held; ages, sessions and wishes are still unknown."""
    rows = [entry for entry in entries if entry.symbol in held]
    unknown = np.full(len(rows), np.nan)
    return Holdings(
        symbols=tuple(entry.symbol for entry in rows),
        quantity=_row(held[entry.symbol] for entry in rows),
        average=_row(account.positions[entry.symbol].average_price for entry in rows),
        mark=_row(marks.get(entry.symbol) for entry in rows),
        high=_row(entry.high for entry in rows),
        low=_row(entry.low for entry in rows),
        age=unknown,
        sessions=unknown,
        leaving=unknown,
        left=unknown,
    )


def _row(values: Iterable[Decimal | float | None]) -> FloatRow:
    return np.array([np.nan if value is None else float(value) for value in values], np.float64)


def timed(held: Holdings, entries: Sequence[Entry], market: Exchange, now: datetime) -> Holdings:
    """The holdings with their ages, and the time that is left of the session."""
    opened = {entry.symbol: entry.opened for entry in entries}
    since = [opened[symbol] for symbol in held.symbols]
    session = market.session_of(now)
    days = np.array([*(market.session_of(instant) for instant in since), session], "datetime64[D]")
    begun = np.searchsorted(market.session_dates(), days, side="right")
    hours = market.hours(session)
    left = (hours.closes - now).total_seconds() if hours else np.nan
    return replace(
        held,
        age=_row((now - instant).total_seconds() for instant in since),
        sessions=(begun[-1] - begun[:-1]).astype(np.float64),
        left=np.full(len(held), left),
    )


def wishing(held: Holdings, entries: Sequence[Entry], signals: Iterable[Signal]) -> Holdings:
    """The holdings with the share of each that its strategies want no longer; unknown where nobody booked it."""
    targets = {(signal.strategy, signal.symbol): signal for signal in signals}
    books = {entry.symbol: entry.books for entry in entries}
    return replace(held, leaving=_row(_leaving(symbol, books[symbol], targets) for symbol in held.symbols))


def _leaving(symbol: str, books: Mapping[str, Decimal], signals: Mapping[tuple[str, str], Signal]) -> float | None:
    parts = {name: part for name, part in books.items() if name != UNBOOKED and part}
    total = sum((abs(part) for part in parts.values()), ZERO)
    out = (abs(part) for name, part in parts.items() if _wants_out(part, signals.get((name, symbol))))
    return float(sum(out, ZERO) / total) if total else None


def _wants_out(part: Decimal, signal: Signal | None) -> bool:
    """A strategy without an opinion keeps what it holds."""
    return signal is not None and signal.stance is not Stance.HOLD and signal.target * float(part) <= 0


def needs(rules: Iterable[ExitRule], column: str) -> bool:
    """Whether any rule looks at a column."""
    return any(column in rule.needs for rule in rules)


# --- what is closed ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """Exits that are to be sent, with why, and those that wait for an order that is working already."""

    fired: tuple[Fired, ...]
    intents: tuple[OrderIntent, ...]
    waiting: tuple[Fired, ...]


def wanted_exits(
    fired: Iterable[Fired],
    entries: Sequence[Entry],
    held: Mapping[str, Decimal],
    working: Mapping[str, tuple[Order, Purpose | None]],
    slot: Slot,
    account: Account,
    marks: Mapping[str, Decimal],
) -> Wanted:
    """One intent for each position that a rule closes: what is held less what other orders already take off it.

    An exit that is working for the symbol is not doubled. ``working`` has each order that the broker has or may have,
    by id, with its purpose where it is one of ours.
    """
    books = {entry.symbol: entry.books for entry in entries}
    sent, intents, waiting = [], [], []
    for one in fired:
        rest = _rest(one.symbol, held[one.symbol], working.values())
        if not rest:
            waiting.append(one)
            continue
        shares = tuple(Share(name, -part) for name, part in books[one.symbol].items() if part and name != UNBOOKED)
        reference = marks.get(one.symbol, account.positions[one.symbol].average_price)
        intents.append(closing_intent(account, EXITS.name, slot, one.symbol, rest, reference, shares))
        sent.append(one)
    return Wanted(tuple(sent), tuple(intents), tuple(waiting))


def _rest(symbol: str, held: Decimal, working: Iterable[tuple[Order, Purpose | None]]) -> Decimal:
    """What may still be closed, signed; zero while an exit of the symbol is working."""
    closing = Side.SELL if held > 0 else Side.BUY
    ours = [(order, purpose) for order, purpose in working if order.symbol == symbol and order.side is closing]
    if any(purpose is Purpose.EXIT for _, purpose in ours):
        return ZERO
    rest = abs(held) - sum((order.remaining for order, _ in ours), ZERO)
    return rest.copy_sign(held) if rest > 0 else ZERO


def named(fired: Sequence[Fired], verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """The gate's verdicts with the exit rule in front: what was measured and the limit are frozen with the order.

    An exit that the gate lets pass whole is named after its rule; one that it cuts or denies after the gate's.
    """
    by_symbol = {one.symbol: one for one in fired}
    return tuple(_named(by_symbol[verdict.symbol], verdict) for verdict in verdicts)


def _named(one: Fired, verdict: Verdict) -> Verdict:
    measured = f"{one.measures} {one.measured}"
    first = Ruling(one.rule, Decision.APPROVED, measured, one.limit, verdict.asked)
    told = replace(verdict, rulings=(first, *verdict.rulings))
    if verdict.decision is not Decision.APPROVED:
        return told
    return replace(told, rule=one.rule, measured=measured, limit=one.limit)
