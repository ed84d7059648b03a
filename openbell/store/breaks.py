"""What reconciliation keeps: looks, breaks with what they are about, and what people decided on them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, func, or_, select

from openbell.errors import StoreError
from openbell.ports import OrderEvent
from openbell.ports.breaks import Break, Kept, Look, Noted, Result
from openbell.store import adjustments, incidents, logs, reports
from openbell.store.connect import Store, now
from openbell.store.desk_tables import ADJUSTMENTS, BREAK_FACTS, LOOKS
from openbell.store.order_tables import FILLS, ORDERS, POSITIONS
from openbell.store.texts import fill_of
from openbell.store.watch_tables import BREAKS, RESOLUTIONS
from openbell.values.account import Position
from openbell.values.breaks import TREATMENTS, Activity, Cause, Difference, NonTrade
from openbell.values.orders import OrderState

#: Breaks of these causes hold back the entries of the whole account.
ACCOUNT_WIDE = (Cause.UNKNOWN, Cause.ACCOUNT_RESET)
_CLOSING = and_(RESOLUTIONS.c.log == BREAKS.name, RESOLUTIONS.c.closes == BREAKS.c.number)
_FACTS = (BREAK_FACTS.c.quantity, BREAK_FACTS.c.price, BREAK_FACTS.c.cash)
_END = (RESOLUTIONS.c.time.label("closed"), RESOLUTIONS.c.actor.label("closed_by"), RESOLUTIONS.c.reason)
# Breaks that a report on an order opens name the fill or the order, which tells the symbol.
_SYMBOL = func.coalesce(BREAK_FACTS.c.symbol, FILLS.c.symbol, ORDERS.c.symbol, "")
_NAMED = (BREAKS.c.number, BREAKS.c.account, BREAKS.c.kind, BREAKS.c.subject, BREAKS.c.detail, BREAKS.c.time)
_ALL = (
    select(*_NAMED, _SYMBOL.label("symbol"), *_FACTS, *_END)
    .select_from(BREAKS)
    .join(RESOLUTIONS, _CLOSING, isouter=True)
    .join(BREAK_FACTS, BREAK_FACTS.c.of_break == BREAKS.c.number, isouter=True)
    .join(FILLS, and_(FILLS.c.account == BREAKS.c.account, FILLS.c.id == BREAKS.c.subject), isouter=True)
    .join(ORDERS, ORDERS.c.client_id == BREAKS.c.subject, isouter=True)
    .order_by(BREAKS.c.number.desc())
)
_OPEN = _ALL.where(RESOLUTIONS.c.number.is_(None), BREAKS.c.account == bindparam("of_account"))


@dataclass(frozen=True, slots=True)
class SqlBreakBook:
    """``ports.breaks.BreakBook`` on a store."""

    store: Store

    def kept(self, account: str, since: datetime) -> Kept:
        """The books of an account."""
        fills = select(FILLS).where(FILLS.c.account == account, FILLS.c.time >= since)
        with self.store.reading() as connection:
            return Kept(
                positions=_positions(connection, account),
                fills=tuple(fill_of(row) for row in connection.execute(fills.order_by(FILLS.c.sequence))),
                taken=_taken(connection, account),
                cash=adjustments.booked_cash(connection, account),
                breaks=open_breaks(connection, account),
                unknown_since=_unknown_since(connection, account),
            )

    def note(self, look: Look, differences: Sequence[Difference]) -> Noted:
        """Keep a look, open what is new, release what went."""
        with self.store.writing() as connection:
            if look.small:
                adjustments.small(connection, look.account, look.small)
            before = _known(connection, look.account)
            opened = _open_new(connection, look.account, differences)
            _write_look(connection, look)
            known = look.result is not Result.UNKNOWN
            released = _release(connection, look, before) if known and before is not None else []
        return Noted(tuple(opened), tuple(released))

    def book(self, account: str, activities: Sequence[Activity]) -> None:
        """Book what the venue names, in one transaction."""
        with self.store.writing() as connection:
            taken = _taken(connection, account)
            for told in (each for each in activities if each.id not in taken):
                adjustments.activity(connection, account, told)

    def breaks(self, account: str | None = None, open_only: bool = True, limit: int = 50) -> tuple[Break, ...]:
        """Newest first."""
        query = _ALL.limit(limit) if account is None else _ALL.where(BREAKS.c.account == account).limit(limit)
        query = query.where(RESOLUTIONS.c.number.is_(None)) if open_only else query
        with self.store.reading() as connection:
            return _read(connection, query)

    def one(self, number: int) -> Break | None:
        """A break by its number."""
        with self.store.reading() as connection:
            return _one(connection, number)

    def accept(self, number: int, actor: str, reason: str, activity: NonTrade | None = None) -> None:
        """Book what the broker says, and close the break, in one transaction."""
        with self.store.writing() as connection:
            _accept(connection, _still_open(connection, number), actor, reason, activity)

    def adopt(self, number: int, plan: str, strategy: str, actor: str, reason: str) -> None:
        """Accept what is not accepted yet, and give the quantity to a strategy, in one transaction."""
        with self.store.writing() as connection:
            found = _one(connection, number)
            if found is None or found.kind != Cause.FOREIGN_TRADE or found.quantity is None:
                raise StoreError(f"break {number} is no external position: nothing of it can be adopted")
            if found.closed is None:
                _accept(connection, found, actor, reason, None)
            rows = select(ADJUSTMENTS.c.strategy).where(ADJUSTMENTS.c.of_break == number)
            owners = list(connection.execute(rows).scalars())
            if not owners or any(owners):
                raise StoreError(f"break {number} was {'adopted before' if owners else 'closed, not accepted'}")
            adjustments.give(connection, found, found.quantity, plan, strategy, actor, reason)

    def reassign(self, plan: str, old: str, new: str, actor: str, reason: str) -> Mapping[str, Decimal]:
        """Give all that one strategy of a plan holds to another, in one transaction."""
        if not (actor.strip() and reason.strip()):
            raise StoreError("to reassign a book needs an actor and a reason")
        with self.store.writing() as connection:
            return adjustments.reassign(connection, plan, old, new, actor, reason)

    def waiting(self, account: str) -> Mapping[str, str]:
        """Why entries wait, by symbol."""
        with self.store.reading() as connection:
            return waiting(connection, account)


def waiting(connection: Connection, account: str) -> dict[str, str]:
    """Why entries wait, by symbol; the empty symbol stands for the whole account. The oldest break names itself."""
    found = {}
    for row in connection.execute(_OPEN, {"of_account": account}):
        if row.symbol or row.kind in ACCOUNT_WIDE:
            found[row.symbol] = f"break {row.number}: {row.kind} {row.subject}"
    return found


# --- reading -------------------------------------------------------------------------------------------------


def _read(connection: Connection, query: Select[Any], **of: Any) -> tuple[Break, ...]:
    return tuple(_break(row) for row in connection.execute(query, of))


def _break(row: Row[Any]) -> Break:
    named = {name: getattr(row, name) for name in ("number", "account", "kind", "subject", "symbol", "detail", "time")}
    amounts = {"quantity": row.quantity, "price": row.price, "cash": row.cash}
    return Break(**named, **amounts, closed=row.closed, closed_by=row.closed_by or "", closed_why=row.reason or "")


def open_breaks(connection: Connection, account: str) -> tuple[Break, ...]:
    """Newest first."""
    return _read(connection, _OPEN, of_account=account)


def _one(connection: Connection, number: int) -> Break | None:
    return next(iter(_read(connection, _ALL.where(BREAKS.c.number == number))), None)


def _positions(connection: Connection, account: str) -> dict[str, Position]:
    rows = connection.execute(select(POSITIONS).where(POSITIONS.c.account == account))
    return {row.symbol: Position(row.symbol, row.quantity, row.average_price, row.realized) for row in rows}


def _taken(connection: Connection, account: str) -> frozenset[str]:
    told = or_(ADJUSTMENTS.c.of_break > 0, ADJUSTMENTS.c.cause == adjustments.ACTIVITY)
    query = select(ADJUSTMENTS.c.reference).where(ADJUSTMENTS.c.account == account, told)
    return frozenset(connection.execute(query).scalars())


def _known(connection: Connection, account: str) -> Row[Any] | None:
    """The last look that was not unknown."""
    query = select(LOOKS).where(LOOKS.c.account == account, LOOKS.c.result != Result.UNKNOWN.value)
    return connection.execute(query.order_by(LOOKS.c.number.desc()).limit(1)).first()


def _unknown_since(connection: Connection, account: str) -> datetime | None:
    known = _known(connection, account)
    query = select(LOOKS.c.time).where(LOOKS.c.account == account, LOOKS.c.number > (known.number if known else 0))
    found: datetime | None = connection.execute(query.order_by(LOOKS.c.number).limit(1)).scalar()
    return found


# --- writing -------------------------------------------------------------------------------------------------


def _write_look(connection: Connection, look: Look) -> None:
    """The books' cash is read again under the lock: a fill may have come in since the comparison."""
    known = look.result is not Result.UNKNOWN
    cash = adjustments.booked_cash(connection, look.account) if known else None
    row = {"account": look.account, "time": look.time, "result": look.result.value, "detail": look.detail}
    row |= {"newest": connection.execute(select(func.max(BREAKS.c.number))).scalar() or 0}
    row |= {"cash": look.cash if known and cash is None else cash, "seen": json.dumps(sorted(look.seen))}
    logs.add(connection, LOOKS, {**row, **adjustments.counted(connection)})


def _open_new(connection: Connection, account: str, differences: Sequence[Difference]) -> list[int]:
    """Open what is not open yet; one whose amounts have moved makes place for itself as it is now."""
    standing = {found.key: found for found in open_breaks(connection, account)}
    opened = []
    for difference in differences:
        known = standing.get(difference.key)
        if known is not None and _same(known, difference):
            continue
        opened.append(incidents.add(connection, BREAKS, account, *_said(difference)))
        logs.add(connection, BREAK_FACTS, {"of_break": opened[-1], "symbol": difference.symbol, **_facts(difference)})
        if known is not None:
            why = f"replaced by break {opened[-1]}: the amounts have moved"
            incidents.close(connection, BREAKS, known.number, adjustments.OURSELVES, why)
    return opened


def _said(difference: Difference) -> tuple[str, str, str]:
    return difference.cause.value, difference.subject, difference.detail


def _facts(found: Difference | Break) -> dict[str, Any]:
    return {"quantity": found.quantity, "price": found.price, "cash": found.cash}


def _same(known: Break, difference: Difference) -> bool:
    """A report on an order opens its breaks without amounts, and they stay as they are."""
    return TREATMENTS[difference.cause].automatic or _facts(known) == _facts(difference)


def _release(connection: Connection, look: Look, before: Row[Any]) -> list[int]:
    """Close what neither this look nor the known one before it saw, and that needs no person."""
    gone = [found for found in open_breaks(connection, look.account) if found.number <= before.newest and passes(found)]
    seen = {*look.seen, *json.loads(before.seen)}
    released = [found.number for found in gone if found.key not in seen]
    for number in released:
        why = "two looks in a row found no difference"
        incidents.close(connection, BREAKS, number, adjustments.OURSELVES, why)
    return released


def passes(found: Break) -> bool:
    """Whether a break may go by itself: repaired at once, or a plain difference that can be seen to be gone."""
    if found.kind not in TREATMENTS:
        return False
    treatment = TREATMENTS[Cause(found.kind)]
    return treatment.automatic or (treatment.books and found.subject in (found.symbol, "cash"))


def _still_open(connection: Connection, number: int) -> Break:
    found = _one(connection, number)
    if found is None:
        raise StoreError(f"there is no break {number}")
    if found.closed is not None:
        raise StoreError(f"break {number} was closed by {found.closed_by}: {found.closed_why}")
    return found


def _accept(connection: Connection, found: Break, actor: str, reason: str, activity: NonTrade | None) -> None:
    incidents.close(connection, BREAKS, found.number, actor, reason)
    if found.kind == Cause.CASH:
        if activity is None or found.cash is None:
            raise StoreError(f"break {found.number} is about cash: say what it was, {_choices(NonTrade)}")
        adjustments.cash(connection, found, activity, actor, reason)
    elif activity is not None:
        raise StoreError(f"break {found.number} is not about cash: it cannot be a {activity}")
    elif found.kind == Cause.SPLIT:
        adjustments.split(connection, found, actor, reason)
    elif found.kind == Cause.DUPLICATE:
        _take_out(connection, found, reason)
    elif found.kind in TREATMENTS and TREATMENTS[Cause(found.kind)].books and found.quantity:
        adjustments.trade(connection, found, actor, reason)


def _take_out(connection: Connection, found: Break, reason: str) -> None:
    """The second row of one execution is taken back as the venue would take it back."""
    of = and_(FILLS.c.account == found.account, FILLS.c.id == found.subject)
    client_id = connection.execute(select(FILLS.c.client_id).where(of)).scalar_one()
    said = OrderEvent(client_id, OrderState.PARTIAL, now(connection), f"duplicate: {reason}")
    reports.take(connection, said, (), [found.subject])


def _choices(kinds: Iterable[NonTrade]) -> str:
    return ", ".join(kind.value for kind in kinds)
