"""Whether positions and cash are what the fills make of them, and whether every slot came to an end."""

from collections.abc import Iterator
from itertools import groupby
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, func, select

from openbell.store.audit import DAMAGE, Check, raw, reader, stream, streamed
from openbell.store.audit_orders import PATIENCE
from openbell.store.connect import now
from openbell.store.desk_tables import ADJUSTMENTS
from openbell.store.order_tables import BUSTS, FILLS, INTENTS, POSITIONS, SLOTS
from openbell.store.paper import ACCOUNT, OPENING
from openbell.store.paper_tables import PAPER_ACCOUNTS, PAPER_FILLS, PAPER_NOTES
from openbell.store.projections import Move, fold, move_of
from openbell.values.account import Account, Position
from openbell.values.money import text, to_decimal
from openbell.values.orders import Fill, Side
from openbell.values.slot import Slot
from openbell.values.time import iso

_READ = {table.name: reader(table) for table in (FILLS, PAPER_FILLS)}
_CONTENT = ("id", "client_id", "symbol", "side", "quantity", "price", "fee", "time")


def positions(connection: Connection) -> Check:
    """Positions against a fold of all fills that were not taken back, and of all adjustments."""
    check = Check("I19", "positions = fills and adjustments")
    busted = {(bust.account, bust.fill) for bust in stream(connection, BUSTS, "sequence")}
    rebuilt: dict[tuple[str, str], Position] = {}
    adjusted = _adjusted(connection, check)
    rows = stream(connection, FILLS, "account", "symbol", "time", "sequence")
    for key, group in groupby(rows, lambda row: (row.account, row.symbol)):
        try:
            kept = [_fill(row, FILLS.name) for row in group if (row.account, row.id) not in busted]
            rebuilt[key] = fold(key[1], [*kept, *adjusted.pop(key, ())])
        except DAMAGE as error:
            check.add(f"fills of {key[0]} {key[1]}", f"cannot be read: {error}")
    rebuilt |= {key: fold(key[1], moves) for key, moves in adjusted.items()}
    read = reader(POSITIONS)
    for found in stream(connection, POSITIONS, "account", "symbol"):
        check.rows += 1
        where, wanted = f"positions {found.account} {found.symbol}", rebuilt.pop((found.account, found.symbol), None)
        try:
            row = read(found)
            for name in ("quantity", "average_price", "realized"):
                stored, made = row[name], getattr(wanted, name, None)
                check.need(stored == made, where, f"{name} is {stored}, its fills make {made}")
        except DAMAGE as error:
            check.add(where, f"cannot be read: {error}")
    for account, symbol in rebuilt:
        check.add(f"positions {account} {symbol}", "is missing, but there are fills of it")
    return check


def _adjusted(connection: Connection, check: Check) -> dict[tuple[str, str], list[Move]]:
    """What adjustments did to positions, by account and symbol."""
    found: dict[tuple[str, str], list[Move]] = {}
    read = reader(ADJUSTMENTS)
    for raw_row in stream(connection, ADJUSTMENTS, "number"):
        try:
            row = SimpleNamespace(**read(raw_row))
            if row.quantity and not row.strategy:
                found.setdefault((row.account, row.symbol), []).append(move_of(row))
        except DAMAGE as error:
            check.add(f"adjustments {raw_row.number}", f"cannot be read: {error}")
    return found


def _fill(row: Any, table: str) -> Fill:
    found = _READ[table](row)
    values = {name: found[name] for name in _CONTENT}
    return Fill(**values | {"side": Side(found["side"])})


def fill_ids(connection: Connection) -> Check:
    """No execution may be applied twice, no intent written twice."""
    check = Check("I19", "each execution once, each intent once")
    columns = (FILLS.c.account, FILLS.c.id)
    twice = select(*columns, func.count()).group_by(*columns).having(func.count() > 1)
    for account, key, count in connection.execute(twice):
        check.add(f"fills of {account} with id {key}", f"is there {count} times")
    legs = (INTENTS.c.slot, INTENTS.c.symbol, INTENTS.c.leg)
    for slot, symbol, leg, count in connection.execute(
        select(*legs, func.count()).group_by(*legs).having(func.count() > 1)
    ):
        check.add(f"intents of {slot} {symbol} leg {leg}", f"is there {count} times")
    check.rows = connection.execute(select(func.count()).select_from(FILLS)).scalar_one()
    return check


def paper_accounts(connection: Connection) -> Check:
    """Cash and positions of each paper account against its opening cash and its fills."""
    check = Check("I12", "cash and positions of paper accounts = opening + fills")
    by_account: dict[str, list[Fill]] = {}
    for found in stream(connection, PAPER_FILLS, "account", "number"):
        try:
            fills = by_account.setdefault(found.account, [])
            fills.append(_fill(found, PAPER_FILLS.name))
            where = f"paper_fills {found.account} {found.id}"
            check.need(found.number == len(fills), where, f"is fill {len(fills)}, not {found.number}")
        except DAMAGE as error:
            check.add(f"paper_fills {found.account} {found.id}", f"cannot be read: {error}")
    notes = select(PAPER_NOTES.c.account, PAPER_NOTES.c.text).where(PAPER_NOTES.c.key == OPENING)
    opened: dict[str, str] = {row.account: row.text for row in connection.execute(notes)}
    for found in stream(connection, PAPER_ACCOUNTS, "id"):
        check.rows += 1
        where, fills = f"paper_accounts {found.id}", by_account.get(found.id, [])
        try:
            _judge_account(check, where, ACCOUNT.validate_json(found.body), fills, opened.get(found.id))
        except DAMAGE as error:
            check.add(where, f"cannot be read: {error}")
        _judge_venue(connection, check, found.id, {fill.id: fill for fill in fills})
    return check


def _judge_account(check: Check, where: str, account: Account, fills: list[Fill], opened: str | None) -> None:
    start = to_decimal(opened, "opening cash") if opened else account.cash
    rebuilt = Account(account.id, account.environment, account.currency, start, {}, account.buying_power)
    for fill in fills:
        rebuilt = rebuilt.apply(fill)
    same = dict(account.positions) == dict(rebuilt.positions)
    check.need(same, where, "its positions are not what its fills make of them")
    if opened:  # accounts from before schema 0002 do not tell what they were opened with
        cash = f"cash is {text(account.cash)}, opening and fills make {text(rebuilt.cash)}"
        check.need(account.cash == rebuilt.cash, where, cash)


def _judge_venue(connection: Connection, check: Check, account: str, made: dict[str, Fill]) -> None:
    """Whatever the books applied, the venue must have made."""
    for found in streamed(connection, select(*raw(FILLS)).where(FILLS.c.account == account)):
        where = f"paper_fills {account} {found.id}"
        try:
            check.need(_fill(found, FILLS.name) == made.get(found.id), where, f"differs from fills {found.sequence}")
        except DAMAGE as error:
            check.add(f"fills {found.sequence}", f"cannot be read: {error}")


def slots(connection: Connection) -> Check:
    """Each claimed slot has an outcome, or somebody still works on it."""
    check, read, time = Check("I15", "each claimed slot has an outcome"), reader(SLOTS), now(connection)
    for found in stream(connection, SLOTS, "key"):
        check.rows += 1
        where = f"slots {found.key}"
        try:
            row = read(found)
            slot = Slot(row["plan"], row["job"], row["planned"], row["session"])
            check.need(slot.key == row["key"], where, f"plan, job and instant make {slot.key}")
            late = row["outcome"] is None and time - row["lease_until"] > PATIENCE
            check.need(not late, where, f"has no outcome; its lease ran out at {iso(row['lease_until'])}")
        except DAMAGE as error:
            check.add(where, f"cannot be read: {error}")
    return check


def books(connection: Connection) -> Iterator[Check]:
    """Every check of this module."""
    for check in (positions, fill_ids, paper_accounts, slots):
        yield check(connection)
