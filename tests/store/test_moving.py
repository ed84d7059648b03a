"""A store that moves to another database keeps every row, every proof and its place in the chain."""

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from openbell.cli import cli
from openbell.errors import StoreError
from openbell.ports import Level
from openbell.store import close, moving, open_history, open_journal, upgrade
from openbell.store.connect import open_store
from openbell.store.verify import verify
from openbell.values.orders import OrderState
from tests.store.samples import HOUR, data_of, event_of, fill_of, frozen_order, panel, record_of, slot_at


@pytest.fixture
def source(tmp_path):
    """URL of a store in a file in which a plan has worked."""
    url = f"sqlite:///{tmp_path / 'old' / 'openbell.db'}"
    upgrade(url)
    journal = open_journal(url)
    intent = frozen_order(journal)
    journal.record(event_of(intent, OrderState.FILLED, 1), (fill_of(intent, 1, "10"),))
    journal.seal(record_of(data=data_of(panel())), panel())
    journal.release(slot_at(), 1, record_of().outcome, "")
    journal.set_switch(Level.ACTIVE, "ann", "a reason — ünïcode")
    yield url
    close(url)


def rows(url):
    with open_store(url).reading() as connection:
        return {
            table.name: [
                dict(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns)).mappings()
            ]
            for table in moving.TABLES
        }


def test_every_row_is_the_same_and_proved_the_same(source, empty_url):
    told = []
    moved = moving.move(source, empty_url, lambda done, total: told.append((done, total)))
    assert rows(empty_url) == rows(source)
    assert moved == sum(map(len, rows(source).values())) > 10
    assert told[-1] == (moved, moved)
    assert [found for check in verify(empty_url) for found in check.findings] == []
    assert open_history(empty_url).run(record_of().id) == open_history(source).run(record_of().id)
    assert open_journal(empty_url).switch().reason == "a reason — ünïcode"


def test_the_chain_goes_on_where_it_ended(source, empty_url):
    moving.move(source, empty_url, print)
    journal = open_journal(empty_url)
    frozen_order(journal, slot_at(1))
    journal.seal(record_of(slot_at(1), "next-run"), None)
    assert [found for check in verify(empty_url) for found in check.findings] == []


def test_a_store_with_rows_is_never_added_to(source, empty_url):
    moving.move(source, empty_url, print)
    before = rows(empty_url)
    with pytest.raises(StoreError, match=r"has rows already, in .*: name an empty database"):
        moving.move(source, empty_url, print)
    assert rows(empty_url) == before


def test_a_store_at_work_is_not_copied(source, empty_url):
    open_journal(source).claim(slot_at(5), "busy", HOUR)
    with pytest.raises(StoreError, match=r"is at work on demo/trade/.*: drain and stop the workers first"):
        moving.move(source, empty_url, print)
    assert not any(rows(empty_url).values())


def test_the_command_says_what_it_copied_without_a_password(source, empty_url, monkeypatch):
    monkeypatch.setenv("OPENBELL_DATABASE_URL", empty_url)
    done = CliRunner().invoke(cli, ["migrate", "--from", source])
    assert done.exit_code == 0, done.output
    assert "rows were copied from" in done.stdout
    assert CliRunner().invoke(cli, ["migrate", "--from", source]).exit_code == 1


def test_a_source_that_is_not_there_is_named(tmp_path, empty_url, monkeypatch):
    monkeypatch.setenv("OPENBELL_DATABASE_URL", empty_url)
    done = CliRunner().invoke(cli, ["migrate", "--from", f"sqlite:///{tmp_path}/nothing.db"])
    assert (done.exit_code, "there is no store at" in done.stderr) == (1, True)
