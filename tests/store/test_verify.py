"""openbell verify: what it finds, and that it names the row."""

import sqlite3
from contextlib import closing
from decimal import Decimal

import pytest
from sqlalchemy import select, text

from openbell.errors import StoreError
from openbell.ports import OrderEvent
from openbell.store import close, open_journal, orders, upgrade
from openbell.store.columns import Row
from openbell.store.connect import open_store
from openbell.store.order_tables import ORDER_EVENTS
from openbell.store.orders import event_digest
from openbell.store.schema import INSERT_ONLY
from openbell.store.sealing import GENESIS, chain
from openbell.store.verify import verify
from openbell.values.orders import OrderState
from tests.store.full import failures, fill_everything, paper_book, quoted
from tests.store.samples import (
    HOUR,
    START,
    D,
    event_of,
    fill_of,
    frozen_order,
    intent_of,
    record_of,
    slot_at,
    verdict_of,
)

S = OrderState


def test_a_store_with_a_row_in_every_table_passes(url, journal, ledger, tmp_path):
    fill_everything(journal, ledger, tmp_path / "archive")
    assert failures(url, tmp_path / "archive") == []
    counted = {check.name: check.rows for check in verify(url, tmp_path / "archive")}
    assert min(rows for name, rows in counted.items() if "pages" not in name) >= 1


def test_an_empty_store_passes(url):
    assert failures(url) == []


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
