"""Two installations, each with a store of its own, on one account."""

from datetime import UTC, datetime

import pytest

from openbell import runs, store
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


def test_P06_two_hosts_that_trade_one_slot_never_send_an_order_twice(hosts):
    broker, first, second = hosts
    for number, desk in enumerate((first, second)):
        runs.trade(desk, f"run-{number}")
    placed = [line["client_order_id"] for line in broker.ledger("accepted")]
    assert len(placed) == len(set(placed)) == len(SYMBOLS)
