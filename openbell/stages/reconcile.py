"""reconcile: what the books say of an account against what the broker says, and the cause of each difference.

Nothing here asks or writes. An answer that is not whole is unknown: never flat, and never zero.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from openbell.ports import Unsettled
from openbell.ports.breaks import Break, Kept
from openbell.stages.wording import price as price_words
from openbell.stages.wording import quantity as quantity_words
from openbell.values.account import Account, Position
from openbell.values.breaks import Cause, Difference
from openbell.values.money import STEP, ZERO
from openbell.values.orders import Fill, Order, OrderState

#: Ids of ours begin like this.
PREFIX = "ob-"
#: A broker may show positions, orders and executions at different times for so long.
SETTLING = timedelta(seconds=30)
#: What the orders job had no time to see yet is repaired without a break.
FRESH = timedelta(minutes=2)
#: Quantities are equal up to the smallest step that the books keep; cash up to one unit of the currency.
QUANTITY_TOLERANCE, CASH_TOLERANCE = STEP, Decimal(1)
#: A split moves the average price by its ratio; prices are equal up to this part of themselves.
PRICE_TOLERANCE = Decimal("0.005")
#: Splits with larger numbers than this are not recognised.
LARGEST = 50
_UNCLEAR = (OrderState.SENDING, OrderState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Shown:
    """One whole answer of a broker. ``ended`` has orders that work by the books and are not open there."""

    account: Account
    open_orders: tuple[Order, ...] = ()
    fills: tuple[Fill, ...] = ()
    ended: tuple[Order, ...] = ()


@dataclass(frozen=True, slots=True)
class Missed:
    """What the broker says of an order of ours beyond what is written: its state, executions, and the differences.

    ``order`` is None for an order of which only executions are shown.
    """

    client_id: str
    order: Order | None
    fills: tuple[Fill, ...]
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """What is left once repairs are made: differences, symbols still settling, cash too small to ask about.

    ``seen`` names the differences that stand, those of open breaks that only a person can close included.
    ``opening`` is the cash that books would begin with which have none yet.
    """

    checked: int
    differences: tuple[Difference, ...] = ()
    settling: tuple[str, ...] = ()
    small: Decimal = ZERO
    seen: tuple[str, ...] = ()
    opening: Decimal = ZERO

    @property
    def clean(self) -> bool:
        """Whether books and broker agree."""
        return not (self.differences or self.settling or self.seen)


# --- orders and executions -----------------------------------------------------------------------------------


def missed(
    books: Kept, unsettled: Sequence[Unsettled], shown: Shown, unplanned: frozenset[str], now: datetime
) -> tuple[Missed, ...]:
    """What has to be written down of our own orders, in the order of their ids.

    Orders whose outcome is unknown are not touched: looking those up has rules of its own.
    """
    ours = {order.intent.id: order for order in unsettled}
    unclear = {name for name, order in ours.items() if order.state in _UNCLEAR}
    said = {order.client_id: order for order in (*shown.open_orders, *shown.ended)}
    fresh: dict[str, list[Fill]] = {}
    for fill in _unknown_fills(books, shown):
        if fill.client_id.startswith(PREFIX) and fill.client_id not in unplanned | unclear:
            fresh.setdefault(fill.client_id, []).append(fill)
    ended = {order.client_id for order in shown.ended if ours[order.client_id].state is not order.state}
    found = (
        _missed(books, ours.get(name), said.get(name), name, fresh.get(name, []), now)
        for name in sorted({*fresh, *ended})
    )
    return tuple(found)


def _unknown_fills(books: Kept, shown: Shown) -> Iterable[Fill]:
    known = {fill.id for fill in books.fills}
    return (fill for fill in shown.fills if fill.id not in known and fill.id not in books.taken)


def _missed(
    books: Kept, order: Unsettled | None, said: Order | None, name: str, fills: list[Fill], now: datetime
) -> Missed:
    known = {fill.id for fill in books.fills}
    causes = [(_cause(fill, order, known), fill) for fill in fills if order is None or now - fill.time > FRESH]
    found = [Difference(cause, fill.id, fill.symbol, _executed(fill)) for cause, fill in causes if cause]
    if order and said and not fills and said.state.terminal and now - said.updated > FRESH:
        words = f"{order.state} here, {said.state} at the broker: {said.reason}"
        found.append(Difference(Cause.MISSED_STATUS, name, said.symbol, words))
    return Missed(name, said, tuple(fills), tuple(found))


def _cause(fill: Fill, order: Unsettled | None, known: set[str]) -> Cause | None:
    """A correction of what is booked is part of an order that still works, and worth a word once it has ended."""
    if known & set(fill.corrects):
        return Cause.CORRECTION if order is None else None
    return Cause.LATE_FILL if order is None else Cause.MISSED_FILL


def _executed(fill: Fill) -> str:
    amount = f"{quantity_words(fill.quantity)} {fill.symbol} at {price_words(fill.price)}"
    return f"{fill.side} {amount} of order {fill.client_id or 'without an id'}"


# --- positions and cash --------------------------------------------------------------------------------------


def compare(
    books: Kept, unsettled: Sequence[Unsettled], shown: Shown, unplanned: frozenset[str], now: datetime
) -> Compared:
    """Positions and cash, after the repairs; each difference with its cause."""
    strange = [_strange(fill, unplanned) for fill in _unknown_fills(books, shown) if _is_strange(fill, unplanned)]
    strange += _doubled(shown.open_orders) + _strange_orders(shown.open_orders, unplanned)
    standing = [found for found in books.breaks if _stands(found)]
    explained = _explained(strange, standing)
    moving = _moving(books, unsettled, shown, now)
    apart = {
        symbol: gap
        for symbol in sorted({*books.positions, *shown.account.positions})
        if abs(gap := _gap(books, shown, symbol) - explained.get(symbol, ZERO)) > QUANTITY_TOLERANCE
    }
    judged = {symbol: gap for symbol, gap in apart.items() if symbol not in moving}
    found = [*strange, *(_position(books, shown, symbol, gap) for symbol, gap in judged.items())]
    opening = shown.account.cash - _explained_cash(strange, standing)
    cash = ZERO if moving or judged or books.cash is None else opening - books.cash
    small = cash if abs(cash) <= CASH_TOLERANCE else ZERO
    if cash != small:
        found.append(_cash(cash, shown.account))
    if _was_reset(books, shown, found):
        found.append(_reset(books, shown))
    keys = dict.fromkeys([*(one.key for one in found), *(one.key for one in standing)])
    checked = len(unsettled) + len({*books.positions, *shown.account.positions}) + 1
    return Compared(checked, tuple(found), tuple(s for s in apart if s in moving), small, tuple(keys), opening)


def _gap(books: Kept, shown: Shown, symbol: str) -> Decimal:
    return shown.account.quantity(symbol) - _held(books, symbol).quantity


def _held(books: Kept, symbol: str) -> Position:
    return books.positions.get(symbol, Position(symbol, ZERO, ZERO))


def _is_strange(fill: Fill, unplanned: frozenset[str]) -> bool:
    return not fill.client_id.startswith(PREFIX) or fill.client_id in unplanned


def _strange(fill: Fill, unplanned: frozenset[str]) -> Difference:
    """An execution that is not ours: it is never given to a strategy."""
    cause = Cause.UNKNOWN_PREFIX if fill.client_id in unplanned else Cause.FOREIGN_TRADE
    cash = -fill.signed * fill.price - fill.fee
    return Difference(cause, fill.id, fill.symbol, _executed(fill), fill.signed, fill.price, cash)


def _strange_orders(orders: Sequence[Order], unplanned: frozenset[str]) -> list[Difference]:
    return [
        Difference(
            Cause.UNKNOWN_PREFIX, o.client_id, o.symbol, f"open: {o.side} {quantity_words(o.quantity)} {o.symbol}"
        )
        for o in orders
        if o.client_id in unplanned
    ]


def _doubled(orders: Sequence[Order]) -> list[Difference]:
    """Two orders at the broker under one id of ours."""
    seen: set[str] = set()
    found = {}
    for order in orders:
        if order.client_id in seen and order.client_id.startswith(PREFIX):
            words = f"the broker has more than one open order {order.client_id}"
            found[order.client_id] = Difference(Cause.STATUS, order.client_id, order.symbol, words)
        seen.add(order.client_id)
    return list(found.values())


def _stands(found: Break) -> bool:
    """An open break about one execution or order: only a person ends it, however long ago it was."""
    waits = (Cause.FOREIGN_TRADE, Cause.UNKNOWN_PREFIX, Cause.DUPLICATE, Cause.STATUS)
    return found.kind in waits and found.subject != found.symbol


def _explained(strange: Sequence[Difference], standing: Sequence[Break]) -> dict[str, Decimal]:
    """By how much each position differs for reasons that are told already."""
    by_key: dict[str, Break | Difference] = {found.key: found for found in standing}
    by_key |= {found.key: found for found in strange}
    gaps: dict[str, Decimal] = {}
    for found in by_key.values():
        gaps[found.symbol] = gaps.get(found.symbol, ZERO) + (found.quantity or ZERO)
    return gaps


def _moving(books: Kept, unsettled: Sequence[Unsettled], shown: Shown, now: datetime) -> frozenset[str]:
    """Symbols in which something has just happened, or nobody knows yet whether it did."""
    unclear = {order.intent.symbol for order in unsettled if order.state in _UNCLEAR}
    fills = {fill.symbol for fill in (*books.fills, *shown.fills) if now - fill.time < SETTLING}
    return frozenset(unclear | fills | {o.symbol for o in shown.open_orders if o.filled and now - o.updated < SETTLING})


def _position(books: Kept, shown: Shown, symbol: str, gap: Decimal) -> Difference:
    held, theirs = _held(books, symbol), shown.account.positions.get(symbol) or Position(symbol, ZERO, ZERO)
    words = f"{_told(held)} in the books, {_told(theirs)} at the broker"
    if ratio := _ratio(held, theirs, gap):
        words = f"{words}: {ratio.numerator} for {ratio.denominator}"
        return Difference(Cause.SPLIT, symbol, symbol, words, gap)
    if twin := _twin(books, shown, symbol, gap):
        return Difference(Cause.DUPLICATE, twin.id, symbol, f"{_executed(twin)} is booked twice", gap)
    if not theirs.quantity:
        return Difference(Cause.MISSING_POSITION, symbol, symbol, words, gap, held.average_price)
    return Difference(Cause.FOREIGN_TRADE, symbol, symbol, words, gap, _paid(held, theirs, gap))


def _told(position: Position) -> str:
    return f"{quantity_words(position.quantity)} at {price_words(position.average_price)}"


def _ratio(held: Position, theirs: Position, gap: Decimal) -> Fraction | None:
    """The ratio of a split: the average price tells it, and the quantity bears it out up to a part of one share."""
    if not (held.average_price > 0 and theirs.average_price > 0 and held.quantity * theirs.quantity > 0):
        return None
    exact = Fraction(held.average_price / theirs.average_price)
    ratio = exact.limit_denominator(LARGEST)
    if ratio == 1 or ratio.numerator > LARGEST or not ratio:
        return None
    off = abs(exact / ratio - 1)
    short = Fraction(abs(held.quantity)) * ratio - Fraction(abs(held.quantity + gap))
    return ratio if off <= Fraction(PRICE_TOLERANCE) and 0 <= short < 1 else None


def _twin(books: Kept, shown: Shown, symbol: str, gap: Decimal) -> Fill | None:
    """A booked execution that the broker has only once: same order, quantity and price as another one."""
    there = {fill.id for fill in shown.fills}
    real = {(f.client_id, f.quantity, f.price) for f in books.fills if f.id in there}
    for fill in reversed(books.fills):
        again = (fill.client_id, fill.quantity, fill.price) in real
        if fill.symbol == symbol and fill.id not in there and fill.signed == -gap and again:
            return fill
    return None


def _paid(held: Position, theirs: Position, gap: Decimal) -> Decimal:
    """What the difference was bought for where the averages tell it, else the broker's average."""
    cost = theirs.average_price * theirs.quantity - held.average_price * held.quantity
    price = cost / gap
    return price if price > 0 and held.quantity * gap >= 0 else theirs.average_price


def _explained_cash(strange: Sequence[Difference], standing: Sequence[Break]) -> Decimal:
    """What executions that are not accepted yet have moved."""
    by_key: dict[str, Break | Difference] = {found.key: found for found in standing}
    by_key |= {found.key: found for found in strange}
    return sum((found.cash or ZERO for found in by_key.values()), ZERO)


def _cash(gap: Decimal, account: Account) -> Difference:
    words = f"{price_words(account.cash)} {account.currency} at the broker, {price_words(gap)} more than booked"
    return Difference(Cause.CASH, "cash", "", words, cash=gap)


def _was_reset(books: Kept, shown: Shown, found: Sequence[Difference]) -> bool:
    """All that was held is gone at once, no execution tells why, and cash is not what it was."""
    held = [p for p in books.positions.values() if p.quantity]
    gone = [one for one in found if one.cause is Cause.MISSING_POSITION]
    empty = not any(p.quantity for p in shown.account.positions.values())
    return bool(held) and empty and len(gone) == len(held) and books.cash not in (None, shown.account.cash)


def _reset(books: Kept, shown: Shown) -> Difference:
    held = sum(1 for p in books.positions.values() if p.quantity)
    words = f"{held} positions are gone; cash was {price_words(books.cash)} and is {price_words(shown.account.cash)}"
    return Difference(Cause.ACCOUNT_RESET, shown.account.id, "", words)
