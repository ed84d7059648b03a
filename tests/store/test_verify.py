"""openbell verify: what it finds, and that it names the row."""

import sqlite3
from contextlib import closing
from decimal import Decimal

import pytest
from sqlalchemy import select, text

from openbell.errors import StoreError
from openbell.ports import Level, Lookup, OrderEvent, Reduced
from openbell.ports.permits import Act, Word
from openbell.store import close, open_journal, open_paper_ledger, orders, upgrade
from openbell.store.alerts import SqlAlertBook
from openbell.store.columns import Row
from openbell.store.connect import open_store
from openbell.store.order_tables import ORDER_EVENTS
from openbell.store.orders import event_digest
from openbell.store.outbox import SqlOutbox
from openbell.store.permits import SqlPermits
from openbell.store.schema import INSERT_ONLY
from openbell.store.sealing import GENESIS, chain
from openbell.store.verify import verify
from openbell.values.account import Account
from openbell.values.alert import AlertEvent, AlertMessage, AlertStep
from openbell.values.orders import Order, OrderState, OrderType, Side
from openbell.values.record import Outcome
from openbell.values.verdict import Decision
from tests.store.samples import (
    HOUR,
    START,
    D,
    archive_one,
    data_of,
    deliver_one,
    event_of,
    fill_of,
    frozen_order,
    intent_of,
    panel,
    reconcile_one,
    record_of,
    slot_at,
    verdict_of,
)

S = OrderState
#: Small states that move on by themselves, and what belongs to Alembic.
FREE = {
    "alembic_version",
    "breakers",
    "exit_marks",
    "exit_ticks",
    "outbox",
    "outbox_marks",
    "paper_notes",
    "paper_orders",
    "venue_requests",
}
#: Columns that move on by themselves.
FREE_COLUMNS = {
    ("slots", name) for name in ("run_id", "fencing", "lease_until", "account", "frozen_at", "code", "outcome")
}


def fill_everything(journal, ledger, folder):
    """A store with a row in every table."""
    archive_one(journal, folder)
    slot, bars = slot_at(), panel()
    first = frozen_order(journal, slot)
    journal.record(event_of(first, S.PARTIAL), [fill_of(first, 1, "4")])
    journal.record(event_of(first, S.CANCELED, 2))
    journal.report(
        event_of(first, S.CANCELED, 3), [fill_of(first, 2, "2", minutes=3), fill_of(first, 3, "1", minutes=4)]
    )
    journal.report(event_of(first, S.CANCELED, 5), busts=["fill-3"])
    resent = frozen_order(journal, slot_at(1), symbol="MSFT", side=Side.SELL)
    journal.report(event_of(resent, S.FILLED, 2), [fill_of(resent, 4, "10")])
    unknown = frozen_unknown(journal)
    journal.looked_up(Lookup(unknown.id, START, False, "two pages"))
    journal.looked_up(Lookup(unknown.id, START + HOUR, False, ""))
    journal.alert("UNKNOWN", unknown.id, "nobody knows")
    journal.set_switch(Level.HALTED, "ann", "drill")
    journal.set_switch(Level.ACTIVE, "ann", "drill over", 1)
    for _ in range(10):
        journal.count("demo", "trade", "broker", "timed out")
    data = data_of(bars)
    journal.seal(record_of(slot, data=data), bars)
    known = record_of().holdings[:1]
    journal.seal(record_of(slot_at(1), "fedcba9876543210", data=data, holdings=known), None)
    fire_alerts(SqlAlertBook(journal.store), slot)
    deliver_one(SqlOutbox(journal.store))
    reconcile_one(journal.store)
    SqlPermits(journal.store).say(Word("demo", Act.OFF, "somebody"))
    for day in (0, 1):
        journal.release(slot_at(day), 1, Outcome.COMPLETED, "")
    journal.close_break(1, "ann", "seen")
    late = (fill_of(first, 2, "2", minutes=3), fill_of(first, 3, "1", minutes=4))
    paper_book(ledger, [fill_of(first, 1, "4"), *late, fill_of(resent, 4, "10")])


def fire_alerts(book, slot):
    fired = [AlertEvent("demo", "low", symbol, "digest", AlertStep.FIRED, START, "9") for symbol in ("IBM", "KO")]
    book.apply(slot, 1, fired, lambda events: [AlertMessage("PRICE_ALERT", "low", "IBM, KO")])


def frozen_unknown(journal):
    slot = slot_at(2)
    intent, denied = intent_of(slot, "KO"), intent_of(slot, "TSLA")
    journal.claim(slot, "run-3", HOUR)
    verdicts = [verdict_of(intent), verdict_of(denied, Decision.DENIED, "0")]
    journal.freeze(slot, 1, "acct", [intent, denied], verdicts)
    journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, lambda _: Reduced(D(9), "9 of 10"))
    journal.record(event_of(intent, S.UNKNOWN, 1, "timed out"))
    return intent


def paper_book(ledger, fills):
    with ledger.open("acct") as book:
        account = Account("acct", "paper", "USD", D(100_000), {}, D(100_000))
        book.save_account(account)
        for fill in fills:
            book.add_fill(fill)
            account = account.apply(fill)
        book.save_account(account)
        intent = intent_of(slot_at())
        book.save_order(Order(intent.id, "AAPL", Side.BUY, D(2), OrderType.MARKET, S.FILLED, START))


def failures(url, archive=None):
    return [(check.code, found.row, found.detail) for check in verify(url, archive) for found in check.findings]


def test_a_store_with_a_row_in_every_table_passes(url, journal, ledger, tmp_path):
    fill_everything(journal, ledger, tmp_path / "archive")
    assert failures(url, tmp_path / "archive") == []
    counted = {check.name: check.rows for check in verify(url, tmp_path / "archive")}
    assert min(rows for name, rows in counted.items() if "pages" not in name) >= 1


def test_an_empty_store_passes(url):
    assert failures(url) == []


def tampered(value):
    """The value with one byte changed, in every way that its type allows."""
    if isinstance(value, bytes):
        return [value[:-1] + bytes([value[-1] ^ 1]), bytes([value[0] ^ 1]) + value[1:]]
    if isinstance(value, int):
        return [value ^ 1]
    if isinstance(value, float):
        return [value + 0.25]
    places = sorted({len(value) // 2, len(value) - 1}) if value else []
    return [value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :] for at in places]


def loosened(path):
    """The database with no trigger in the way, and how to put them back."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA foreign_keys=OFF")
    made = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in made:
        connection.execute(f"DROP TRIGGER {name}")
    return connection, [sql for _, sql in made]


def test_X14_one_changed_byte_anywhere_is_found_and_the_row_is_named(tmp_path):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    upgrade(url)
    fill_everything(open_journal(url), open_paper_ledger(url), tmp_path / "archive")
    # Edited by somebody who may do anything, and who leaves no trace but the byte itself.
    missed, tried = [], 0
    connection, triggers = loosened(tmp_path / "a.db")
    for sql in triggers:
        connection.execute(sql)
    for table in sorted(set(Row.metadata.tables) - FREE):
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] > 0, table
        for rowid, *values in connection.execute(f"SELECT rowid, * FROM {table}").fetchall():
            for column, value in zip(columns, values, strict=True):
                if value is None or (table, column) in FREE_COLUMNS:
                    continue
                for changed in tampered(value):
                    tried += 1
                    found = found_in(url, connection, triggers, table, column, rowid, value, changed)
                    row = dict(zip(columns, values, strict=True))
                    if not any(
                        names(finding, table, row) or names(finding, table, row | {column: changed})
                        for finding in found
                    ):
                        missed.append((table, column, value, changed))
    close(url)
    connection.close()
    assert not missed, "\n".join(str(found)[:150] for found in missed)
    assert tried > 500


def found_in(url, connection, triggers, table, column, rowid, value, changed):
    connection.execute("BEGIN IMMEDIATE")
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
    of_table = [name for name in names if name.startswith(f"{table}_no_")]
    for name in of_table:
        connection.execute(f"DROP TRIGGER {name}")
    try:
        connection.execute(f"UPDATE {table} SET {quoted(column)} = ? WHERE rowid = ?", (changed, rowid))
    except sqlite3.IntegrityError:
        connection.execute("ROLLBACK")  # the database itself refuses it
        return [("", table, "")]
    for sql in triggers:
        if any(f"TRIGGER {name} " in sql for name in of_table):
            connection.execute(sql)
    connection.execute("COMMIT")
    found = failures(url)
    connection.execute("BEGIN IMMEDIATE")
    for name in of_table:
        connection.execute(f"DROP TRIGGER {name}")
    key = changed if is_rowid(connection, table, column) else rowid
    connection.execute(f"UPDATE {table} SET {quoted(column)} = ? WHERE rowid = ?", (value, key))
    for sql in triggers:
        if any(f"TRIGGER {name} " in sql for name in of_table):
            connection.execute(sql)
    connection.execute("COMMIT")
    return found


def names(finding, table, row):
    """Whether a finding leads to the row: by its table and key, by its order, or by the record that it belongs to."""
    said = f"{finding[1]} {finding[2]}"
    record = f"runs {row['run']}" if table in ("signals", "verdicts") else "\0"
    order = row.get("client_id", "\0")
    return table in said or record in said or str(order) in said


def is_rowid(connection, table, column):
    keys = [(name, kind) for _, name, kind, _, _, key in connection.execute(f"PRAGMA table_info({table})") if key]
    return keys == [(column, "INTEGER")]


def quoted(column):
    return f'"{column}"'


def edit(store, statement, **values):
    """Change a row as an administrator would who first removes the triggers and puts them back."""
    table = statement.split()[1] if statement.startswith("UPDATE") else statement.split()[2]
    with store.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            connection.execute(text(statement), values)
            connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))
            return
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table"
        made = connection.execute(text(query), {"table": table}).all()
        for name, _ in made:
            connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(text(statement), values)
        for _, sql in made:
            connection.exec_driver_sql(sql)


def test_H12_an_edited_fill_is_found_by_the_chain_and_by_the_rebuild(url, store, journal, ledger, tmp_path):
    fill_everything(journal, ledger, tmp_path / "archive")
    edit(store, "UPDATE fills SET price = :price WHERE sequence = 1", price=money(store, "99.5"))
    found = failures(url, tmp_path / "archive")
    assert any(code == "I5" and row.startswith("order_events") and "fill-1" in why for code, row, why in found)
    assert any(code == "I19" and row.startswith("orders 1") for code, row, _ in found)
    assert any(row == "positions acct AAPL" for _, row, _ in found)


def money(store, amount):
    return Decimal(amount) if store.engine.dialect.name == "postgresql" else amount


def test_P07_rows_of_insert_only_tables_refuse_update_and_delete(store, journal, ledger, tmp_path):
    fill_everything(journal, ledger, tmp_path / "archive")
    for table in INSERT_ONLY:
        column = quoted(next(iter(Row.metadata.tables[table].columns)).name)
        for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
            with pytest.raises(StoreError, match=f"{table} is insert-only"), store.writing() as connection:
                connection.execute(text(statement))


def test_P07_every_missing_trigger_is_found(url, store):
    with store.writing() as connection:
        for table in INSERT_ONLY:
            postgres = connection.dialect.name == "postgresql"
            connection.execute(
                text(f"DROP TRIGGER {table}_insert_only ON {table}" if postgres else f"DROP TRIGGER {table}_no_delete")
            )
    (check,) = [check for check in verify(url) if not check.ok]
    told = [found.row for found in check.findings]
    assert (check.code, check.wrong, told) == ("I5", len(INSERT_ONLY), list(INSERT_ONLY[: len(told)]))
    assert len(told) >= 20


def test_I5_first_bad_row_of_a_long_chain_is_named_first(url, store, journal):
    for day in range(4):
        frozen_order(journal, slot_at(day))
    edit(store, "UPDATE order_events SET detail = 'x' WHERE sequence = 5")
    rows = [row for code, row, _ in failures(url) if code == "I5"]
    assert len(rows) == 1
    assert rows[0].startswith("order_events 5 ")


def test_I5_a_deleted_event_leaves_a_gap(url, store, journal):
    for day in range(2):
        frozen_order(journal, slot_at(day))
    edit(store, "DELETE FROM order_events WHERE sequence = 5")
    assert any(row == "order_events 6" and "gap" in why for _, row, why in failures(url))


def test_I13_an_illegal_step_is_found_even_when_the_chain_is_whole(url, store, journal):
    """Written by somebody who recomputes hashes: the state machine still refuses it."""
    intent = frozen_order(journal)
    with store.writing() as connection:
        row = orders.order_row(connection, intent.id)
        orders.write(connection, row, event_of(intent, S.DENIED))
    assert [(code, why) for code, _, why in failures(url)] == [("I13", "goes from acked to denied")]


def test_I9_a_mark_without_the_current_fencing_number_is_found(url, store, journal):
    slot = slot_at()
    intent = intent_of(slot)
    journal.claim(slot, "run", HOUR)
    journal.freeze(slot, 1, "acct", [intent], [verdict_of(intent)])
    with store.writing() as connection:
        orders.write(connection, orders.order_row(connection, intent.id), event_of(intent, S.SENDING), fencing=2)
    assert [code for code, _, _ in failures(url)] == ["I9"]


def test_I13_a_quantity_lowered_by_anything_but_the_first_mark_is_found(url, store, journal):
    intent = frozen_order(journal)
    event = OrderEvent(intent.id, S.PARTIAL, START, quantity=D(9))
    with store.writing() as connection:
        orders.write(connection, orders.order_row(connection, intent.id), event)
    assert [(code, why) for code, _, why in failures(url)] == [("I13", "lowers the quantity to 9")]


def test_I12_a_record_whose_parts_do_not_make_its_equity_is_found(url, journal):
    whole = record_of()
    parts = (whole.holdings[0],)
    journal.seal(record_of(holdings=parts, equity=D("100005.39"), cash=D("99095.49")), None)
    assert failures(url) == []
    journal.seal(record_of(slot_at(1), "b" * 16, holdings=parts, equity=D("100005.40"), cash=D("99095.49")), None)
    assert [(code, row) for code, row, _ in failures(url)] == [("I12", "runs 2")]


def test_I10_a_slot_that_was_completed_twice_is_found(url, journal):
    journal.seal(record_of(), None)
    journal.seal(record_of(name="c" * 16), None)
    assert [(code, row) for code, row, _ in failures(url)] == [("I10", "runs 2")]


def test_I15_a_slot_left_without_outcome_is_found(url, store, journal):
    journal.claim(slot_at(), "run", -HOUR)
    assert [(code, row) for code, row, _ in failures(url)] == [("I15", f"slots {slot_at().key}")]


def test_I2_an_order_left_in_the_middle_is_found(url, store, journal):
    slot = slot_at()
    intent = intent_of(slot)
    journal.claim(slot, "run", HOUR)
    journal.freeze(slot, 1, "acct", [intent], [verdict_of(intent)])
    with store.writing() as connection:
        hour = "lease_until - 7200000000" if connection.dialect.name == "sqlite" else "lease_until - interval '2 hours'"
        connection.execute(text(f"UPDATE slots SET lease_until = {hour}"))
    assert [code for code, _, _ in failures(url)] == ["I2", "I15"]


def test_I12_paper_cash_that_is_not_opening_and_fills_is_found(url, store, journal, ledger):
    paper_book(ledger, [fill_of(intent_of(slot_at()), 1, "2")])
    with store.writing() as connection:
        connection.execute(text("UPDATE paper_notes SET text = '100001' WHERE key = 'opening cash'"))
    assert [(code, row) for code, row, _ in failures(url)] == [("I12", "paper_accounts acct")]


def test_P10_a_damaged_page_is_refused_at_start(tmp_path):

    path = tmp_path / "a.db"
    upgrade(f"sqlite:///{path}")
    journal = open_journal(f"sqlite:///{path}")
    for day in range(30):
        frozen_order(journal, slot_at(day))
    close(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'order_events'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 64)
    with pytest.raises(StoreError, match=r"damaged|malformed"):
        open_journal(f"sqlite:///{path}")
    close(f"sqlite:///{path}")


def test_store_of_the_first_schema_keeps_its_chain_after_migration(tmp_path):
    """Events of schema 0001 did not cover the plan; they still verify."""

    url = f"sqlite:///{tmp_path / 'a.db'}"
    upgrade(url)
    frozen_order(open_journal(url))
    store = open_store(url)
    with store.reading() as connection:
        rows = connection.execute(text("SELECT sequence FROM order_events ORDER BY sequence")).scalars().all()
    last = GENESIS
    for number in rows:
        with store.reading() as connection:
            row = connection.execute(select(ORDER_EVENTS).where(ORDER_EVENTS.c.sequence == number)).one()._asdict()
        names = ("client_id", "state", "time", "written", "detail", "broker_id", "fencing")
        hashed = chain(last, number, event_digest({name: row[name] for name in names}, ()))
        edit(
            store,
            "UPDATE order_events SET previous_hash = :last, hash = :hash WHERE sequence = :number",
            last=last,
            hash=hashed,
            number=number,
        )
        last = hashed
    assert failures(url) == []
    close(url)
