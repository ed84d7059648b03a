"""Whether anything was edited: triggers, the chains of order events and of logs, the stored panels."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, Table, select, text

from openbell.store import frames, logs
from openbell.store.audit import DAMAGE, Check, Grouped, raw, reader, stream, streamed
from openbell.store.order_tables import BUSTS, FILLS, INTENTS, ORDER_EVENTS, ORDERS, SLOTS
from openbell.store.orders import event_digest, lowered, plan_of
from openbell.store.run_tables import FRAMES
from openbell.store.schema import INSERT_ONLY, MOVED
from openbell.store.sealing import GENESIS, chain
from openbell.store.texts import verdict_of
from openbell.store.watch_tables import LOGS, SWITCHES
from openbell.values.orders import Fill, Side

_TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": (
        "SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
        "WHERE NOT tgisinternal AND tgenabled IN ('O', 'A') AND relnamespace = current_schema()::regnamespace"
    ),
}
_COVERED = ("client_id", "state", "time", "written", "detail", "broker_id", "fencing")
_FIRST = ("approved", "denied")


def triggers(connection: Connection) -> Check:
    """Every insert-only table must still refuse changes."""
    check = Check("I5", "insert-only triggers")
    there = set(connection.execute(text(_TRIGGERS[connection.dialect.name])).scalars())
    sqlite = connection.dialect.name == "sqlite"
    for table in INSERT_ONLY:
        for name in [f"{table}_no_update", f"{table}_no_delete"] if sqlite else _on_postgresql(table):
            check.rows += 1
            check.need(name in there, table, f"the trigger {name} is gone: rows can be changed")
    return check


def _on_postgresql(table: str) -> list[str]:
    moved = table in {FRAMES.name, *(each.name for each in MOVED)}
    return [f"{table}_insert_only", *([f"{table}_archived_only"] if moved else [])]


def order_events(connection: Connection) -> Check:
    """The chain of order events, with the fills, busts and plans that it covers."""
    check = Check("I5", "chain of order events, intents and fills")
    fills, busts = (
        Grouped(_counted(check, table, stream(connection, table, "event", "sequence")), "event")
        for table in (FILLS, BUSTS)
    )
    plans, read = _Plans(connection), reader(ORDER_EVENTS)
    number, last = 0, GENESIS
    for found in stream(connection, ORDER_EVENTS, "sequence"):
        check.rows += 1
        where = f"order_events {found.sequence}"
        check.need(found.sequence == number + 1, where, f"follows event {number}: there is a gap")
        check.need(found.previous_hash == last, where, "does not follow the event before it")
        number, last = found.sequence, found.hash
        try:
            row = read(found)
            executed = [_fill(each) for each in fills.take(number)]
            taken = [*(each.fill for each in busts.take(number)), *lowered(row["quantity"])]
            _judge(check, row, executed, plans.of(row) if row["state"] in _FIRST else taken)
        except DAMAGE as error:
            check.add(f"{where} (order {found.client_id})", f"it or what belongs to it cannot be read: {error}")
        for name, strays in (("fills", fills), ("busts", busts)):
            for stray in strays.below(number + 1):
                check.add(f"{name} {stray.sequence}", f"names event {stray.event}, which did not bring it")
    for name, strays in (("fills", fills), ("busts", busts)):
        for stray in strays.rest():
            check.add(f"{name} {stray.sequence}", f"names event {stray.event}, which there is not")
    for order in plans.rest():
        check.add(f"orders {order.number} (order {order.client_id})", "has no first event")
    return check


def _counted(check: Check, table: Table, rows: Iterator[Row[Any]]) -> Iterator[Row[Any]]:
    """The rows, which must count without a gap in the order of their events."""
    for number, row in enumerate(rows, start=1):
        where = f"{table.name} {row.sequence}"
        check.need(row.sequence == number, where, f"is row {number} in the order of events")
        yield row


def _judge(check: Check, row: dict[str, Any], executed: list[Fill], covers: list[Any]) -> None:
    content = {name: row[name] for name in _COVERED}
    links = (row["previous_hash"], row["sequence"])
    if chain(*links, event_digest(content, executed, covers)) == row["hash"]:
        return
    # Before schema 0002 the first event did not cover the plan.
    if row["state"] in _FIRST and chain(*links, event_digest(content, executed)) == row["hash"]:
        return
    belongs = ["its order, its intent or its row in slots"] if row["state"] in _FIRST else []
    belongs += [f"fill {fill.id}" for fill in executed]
    also = f" or {', '.join(belongs)}" if belongs else ""
    check.add(f"order_events {row['sequence']} (order {row['client_id']})", f"it{also} was changed: the hash differs")


class _Plans:
    """What never changes of each order, in the order in which they were frozen."""

    def __init__(self, connection: Connection) -> None:
        of_order = raw(ORDERS, "number", "run_id", "plan", "side", "purpose", "quantity")
        query = select(*raw(INTENTS), *of_order, *raw(SLOTS, "session"))
        query = query.join(ORDERS, ORDERS.c.client_id == INTENTS.c.client_id)
        query = query.join(SLOTS, SLOTS.c.key == ORDERS.c.slot)
        self._rows = Grouped(streamed(connection, query.order_by(ORDERS.c.number)), "client_id")
        self._read = reader(ORDERS, INTENTS, SLOTS)
        lowering = select(ORDER_EVENTS.c.client_id).where(ORDER_EVENTS.c.quantity.is_not(None))
        self._lowered = set(connection.execute(lowering).scalars())

    def of(self, event: dict[str, Any]) -> list[Any]:
        """The plan of the order that an event begins."""
        found = self._rows.take(event["client_id"])
        if not found:
            return []  # then the hash differs, if there ever was one
        row = self._read(found[0])
        if event["client_id"] in self._lowered:
            row["quantity"] = verdict_of(row["verdict"]).quantity
        return plan_of(row, row, row["session"])

    def rest(self) -> Iterator[Row[Any]]:
        """Orders that no event begins."""
        return self._rows.rest()


_READ_FILL = reader(FILLS)


def _fill(found: Row[Any]) -> Fill:
    row = _READ_FILL(found)
    amounts = (row["quantity"], row["price"], row["fee"])
    return Fill(row["id"], row["client_id"], row["symbol"], Side(row["side"]), *amounts, row["time"])


def all_logs(connection: Connection) -> Check:
    """The chains of switches, breaker events, look-ups, alerts, breaks, resolutions, deliveries and steps of alerts."""
    check = Check("I5", "chains of switches, look-ups, alerts and breaks")
    for table in LOGS:
        _log(connection, check, table)
    return check


def _log(connection: Connection, check: Check, table: Table) -> None:
    key, read = logs.key_of(table), reader(table)
    number, last = 0, GENESIS
    for found in stream(connection, table, key):
        check.rows += 1
        where = f"{table.name} {getattr(found, key)}"
        if table is SWITCHES and found.hash is None and last == GENESIS:
            number = found.epoch  # made before schema 0002
            continue
        check.need(getattr(found, key) == number + 1, where, f"follows row {number}: there is a gap")
        check.need(found.previous_hash == last, where, "does not follow the row before it")
        number, last = getattr(found, key), found.hash
        try:
            check.need(logs.row_hash(table, read(found)) == found.hash, where, "was changed: the hash differs")
        except DAMAGE as error:
            check.add(where, f"cannot be read: {error}")


def panels(connection: Connection) -> Check:
    """Every stored panel must have the digest that it lies under."""
    check = Check("I11", "stored panels")
    for found in stream(connection, FRAMES, "digest"):
        check.rows += 1
        try:
            frames.unpack(found.digest, found.header, bytes(found.body))
        except DAMAGE as error:
            check.add(f"frames {found.digest}", f"cannot be read: {error}")
    return check
