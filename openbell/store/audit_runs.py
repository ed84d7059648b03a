"""Whether sealed records are as they were sealed, and whether their accounts add up."""

import json
from bisect import insort
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select

from openbell.errors import PlanError
from openbell.risk.catalog import build_rules
from openbell.risk.rules.max_orders_per_day import MaxOrdersPerDay
from openbell.store.archive_files import ORDER
from openbell.store.archive_proof import digest_of
from openbell.store.archive_reading import Archive, merged
from openbell.store.audit import DAMAGE, Check, Grouped, raw, reader, stream
from openbell.store.order_tables import ORDERS, POSITIONS, SLOTS
from openbell.store.run_tables import EQUITY_POINTS, RUNS, SIGNALS, STRATEGY_LOOKS, VERDICTS
from openbell.store.sealing import GENESIS, chain
from openbell.store.texts import to_json
from openbell.values.money import ZERO, cents

_TEXTS = ("id", "plan", "job", "slot", "outcome", "code", "message", "account")
_INSTANTS = ("planned", "as_of", "finished")


class Records:
    """One pass over the sealed records; ``checks`` holds what it found."""

    def __init__(self, connection: Connection, archive: Archive) -> None:
        self._connection, self._archive = connection, archive
        self._signals, self._verdicts, self._points, self._looks = (
            Grouped(self._all(table), "run") for table in (SIGNALS, VERDICTS, EQUITY_POINTS, STRATEGY_LOOKS)
        )
        self._read, self._read_point = reader(RUNS), reader(EQUITY_POINTS)
        self._peaks: dict[str, list[tuple[date, datetime, int, Decimal]]] = {}
        self._marks: dict[tuple[str, str], Decimal] = {}
        self._limits: dict[tuple[str, str], int] = {}
        self._effective: dict[str, str] = {}
        self.chain = Check("I5", "chain of records, signals and verdicts")
        self.columns = Check("I5", "columns of records, equity points and marks")
        self.equity = Check("I12", "equity = cash + sum(quantity x mark)")
        self.slots = Check("I10", "one effective run for each slot")
        self.counts = Check("I7", "orders of a session within the plan's limit")

    def checks(self) -> tuple[Check, ...]:
        """Judge everything."""
        number, last = 0, GENESIS
        for found in self._all(RUNS):
            self.chain.rows += 1
            where = f"runs {found.sequence}"
            self.chain.need(found.sequence == number + 1, where, f"follows record {number}: there is a gap")
            self.chain.need(found.previous_hash == last, where, "does not follow the record before it")
            number, last = found.sequence, found.hash
            self._one(where, found)
        for rows, table in self._parts():
            for stray in rows.rest():
                self.chain.add(f"{table.name} of run {stray.run}", "there is no such record")
        self._judge_marks()
        self._judge_counts()
        return self.chain, self.columns, self.equity, self.slots, self.counts

    def _all(self, table: Table) -> Iterator[Any]:
        """The rows of archive and store."""
        return merged(self._archive, table, stream(self._connection, table, *ORDER[table]))

    def _parts(self) -> tuple[tuple[Grouped, Table], ...]:
        kept = ((self._signals, SIGNALS), (self._verdicts, VERDICTS), (self._points, EQUITY_POINTS))
        return (*kept, (self._looks, STRATEGY_LOOKS))

    def _one(self, where: str, found: Row[Any]) -> None:
        number = found.sequence
        signals, verdicts = self._signals.take(number), self._verdicts.take(number)
        points, looks = self._points.take(number), self._looks.take(number)
        try:
            same = chain(found.previous_hash, number, digest_of(found, signals, verdicts)) == found.hash
            self.chain.need(same, where, "it, its signals or its verdicts were changed: the hash differs")
            for table, rows in ((SIGNALS, signals), (VERDICTS, verdicts)):
                placed = [row.position for row in rows] == list(range(len(rows)))
                self.chain.need(placed, f"{table.name} of run {number}", "the positions have a gap")
            row, body = self._read(found), json.loads(found.body)
            self._judge_columns(where, row, body)
            self._judge_point(where, number, points, body)
            self._judge_looks(number, looks, row, body)
            self._judge_equity(where, body)
            self._note(where, row, body)
        except DAMAGE as error:
            self.chain.add(where, f"it or what belongs to it cannot be read: {error}")

    def _judge_columns(self, where: str, row: dict[str, Any], body: dict[str, Any]) -> None:
        self.columns.rows += 1
        for name in _TEXTS:
            self.columns.need(row[name] == body[name], where, f"{name} is {row[name]!r}, sealed was {body[name]!r}")
        for name in _INSTANTS:
            self.columns.need(row[name] == datetime.fromisoformat(body[name]), where, f"{name} differs from the body")
        clock = row["clock"]  # before schema 0005 it stood in the body alone
        same = clock is None or clock == datetime.fromisoformat(body["clock"])
        self.columns.need(same, where, "clock differs from the body")
        self.columns.need(row["session"].isoformat() == body["session"], where, "session differs from the body")
        self.columns.need(row["equity"] == _money(body["equity"]), where, "equity differs from the body")
        self.columns.need(row["counters"] == to_json(body["counters"]), where, "counters differ from the body")

    def _judge_point(self, where: str, number: int, points: list[Row[Any]], body: dict[str, Any]) -> None:
        where = f"equity_points {number}"
        cash, equity = _money(body["cash"]), _money(body["equity"])
        wanted = not body["dry_run"] and cash is not None and equity is not None
        self.columns.need(len(points) == int(wanted), where, f"{len(points)} points for record {number}")
        if not (points and wanted) or equity is None:
            return
        self.columns.rows += 1
        session, time = date.fromisoformat(body["session"]), datetime.fromisoformat(body["as_of"])
        earlier = self._peaks.setdefault(body["account"], [])
        before = next((peak for at, *_, peak in reversed(earlier) if at <= session), equity)
        peak = max(before, equity)
        insort(earlier, (session, time, number, peak))
        sealed = (body["account"], time, session, cash, equity, peak)
        try:
            row = self._read_point(points[0])
            stored = tuple(row[name] for name in ("account", "time", "session", "cash", "equity", "peak"))
            self.columns.need(stored == sealed, where, "differs from its record")
        except DAMAGE as error:
            self.columns.add(where, f"cannot be read: {error}")

    def _judge_looks(self, number: int, looks: list[Row[Any]], row: dict[str, Any], body: dict[str, Any]) -> None:
        looked = () if body["dry_run"] else body["inputs"].get("looked", ())
        wanted = {(name, row["plan"], row["planned"]) for name in looked}
        read = reader(STRATEGY_LOOKS)
        found = {(at["strategy"], at["plan"], at["planned"]) for at in map(read, looks)}
        self.columns.need(found == wanted, f"strategy_looks {number}", "they differ from their record")

    def _judge_equity(self, where: str, body: dict[str, Any]) -> None:
        cash, equity = _money(body["cash"]), _money(body["equity"])
        marks = [_money(held["mark"]) for held in body["holdings"]]
        if cash is None or equity is None or None in marks:
            return
        self.equity.rows += 1
        value = cash
        for held, mark in zip(body["holdings"], marks, strict=True):
            value += Decimal(held["quantity"]) * (mark or ZERO)
        self.equity.need(cents(value) == cents(equity), where, f"equity is {equity}, its parts make {cents(value)}")

    def _note(self, where: str, row: dict[str, Any], body: dict[str, Any]) -> None:
        """What is judged when all records were seen."""
        if body["dry_run"]:
            return
        for held in body["holdings"]:
            mark = _money(held["mark"])
            if mark is not None:
                self._marks[body["account"], held["symbol"]] = mark
        if row["outcome"] != "completed":
            return
        self.slots.rows += 1
        first = self._effective.setdefault(row["slot"], where)
        self.slots.need(first == where, where, f"slot {row['slot']} was completed by {first} already")
        limit, key = _limit(body["plan_body"].get("risk", {})), (row["plan"], row["session"].isoformat())
        self._limits[key] = max(limit, self._limits.get(key, 0))

    def _judge_marks(self) -> None:
        read = reader(POSITIONS)
        for found in stream(self._connection, POSITIONS, "account", "symbol"):
            where = f"positions {found.account} {found.symbol}"
            try:
                mark, sealed = read(found)["mark"], self._marks.get((found.account, found.symbol))
                self.columns.need(mark is None or mark == sealed, where, f"mark is {mark}, last sealed was {sealed}")
            except DAMAGE as error:
                self.columns.add(where, f"cannot be read: {error}")

    def _judge_counts(self) -> None:
        """Entries only: exits are counted by the rule but never held back."""
        key = (SLOTS.c.plan, SLOTS.c.session)
        query = select(*raw(SLOTS, "plan", "session"), func.count()).join(ORDERS, ORDERS.c.slot == SLOTS.c.key)
        query = query.where(ORDERS.c.sent.is_not(None), ORDERS.c.purpose == "entry").group_by(*key)
        for plan, session, count in self._connection.execute(query):
            self.counts.rows += 1
            limit = self._limits.get((plan, str(session)))
            within = limit is None or count <= limit
            self.counts.need(within, f"orders of {plan} in {session}", f"{count} entries were sent, limit {limit}")


def _money(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _limit(risk: dict[str, Any]) -> int:
    """Most orders of a day by the plan; a plan whose rules cannot be built any more is not judged."""
    try:
        return next(rule.orders for rule in build_rules(risk) if isinstance(rule, MaxOrdersPerDay))
    except PlanError:
        return 2**31


def records(connection: Connection, archive: Archive) -> Iterator[Check]:
    """Every check of the sealed records, those in the archive too."""
    yield from Records(connection, archive).checks()
