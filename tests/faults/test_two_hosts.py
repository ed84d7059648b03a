"""Two installations, each with a store of its own, on one account."""

from datetime import UTC, datetime, timedelta

import pytest

from openbell import store
from openbell.jobs import trading
from openbell.ports import Level
from openbell.values.record import Outcome
from tests.faultbroker.process import FaultBroker
from tests.faults import trader
from tests.faults.double import CANARY, KEY
from tests.faults.scene import SYMBOLS


@pytest.fixture
def hosts(tmp_path, monkeypatch):
    """The broker, and the desk of each host."""
    monkeypatch.setenv("OPENBELL_HOME", str(tmp_path))
    with FaultBroker(tmp_path / "ledger.jsonl") as broker:
        broker.keys(KEY, CANARY)
        planned, desks = datetime.now(UTC), []
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            store.ensure(f"sqlite:///{tmp_path / name / 'openbell.db'}")
            desks.append(trader.desk_of(trader.Setup(tmp_path / name, broker.url, planned)))
        yield broker, *desks
        for desk in desks:
            store.close(desk.settings.url)


def test_P06_the_second_of_two_hosts_on_one_account_sends_nothing_and_halts(hosts):
    broker, first, second = hosts
    today, tomorrow = datetime.now(UTC), datetime.now(UTC) + timedelta(days=1)
    assert trading.trade(first, "run-1", today).outcome is Outcome.COMPLETED
    for number, planned in enumerate((today, tomorrow)):
        assert trading.trade(second, f"run-{number + 2}", planned).outcome is Outcome.SKIPPED
    assert second.journal.switch().level is Level.HALTED
    placed = [line["client_order_id"] for line in broker.ledger("accepted")]
    assert len(placed) == len(set(placed)) == len(SYMBOLS)


def test_P06_hosts_that_send_the_same_order_at_once_make_one(hosts):
    """Neither sees the other's order in time; the ids are the same, and the broker takes each once."""
    broker, first, second = hosts
    broker.set(lag=30)
    for number, desk in enumerate((first, second)):
        trading.trade(desk, f"run-{number}")
    placed = [line["client_order_id"] for line in broker.ledger("accepted")]
    assert len(placed) == len(set(placed)) == len(SYMBOLS)
