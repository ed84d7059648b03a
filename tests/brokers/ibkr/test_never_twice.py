"""Whole runs on the gateway double: whatever becomes of an order or of its run, it is placed at most once."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from openbell import store
from openbell.settings import load_settings
from openbell.values.orders import OrderState
from tests.brokers.ibkr_trader import SYMBOLS
from tests.twsdouble.process import ROOT, TwsDouble

pytestmark = pytest.mark.xdist_group("heavy")


@pytest.fixture
def double(gateway_process: TwsDouble) -> TwsDouble:
    gateway_process.reset()
    for symbol in SYMBOLS:
        gateway_process.quote(symbol, "99.99", "100.00")
    return gateway_process


class Forks:
    """The process that forks one run after the other, and an empty store to begin with."""

    def __init__(self, template: Path) -> None:
        self.template = template
        url = f"sqlite:///{template}"
        store.ensure(url)
        store.close(url)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENBELL_")}
        command = [sys.executable, "-m", "tests.brokers.ibkr_trader"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, cwd=ROOT, env=kept, text=True, bufsize=1, **pipes)

    def start(self, line: str) -> int:
        self._process.stdin.write(line + "\n")
        return int(self._process.stdout.readline())

    def code(self) -> int:
        return int(self._process.stdout.readline())

    def end(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    forks = Forks(tmp_path_factory.mktemp("template") / "openbell.db")
    yield forks
    forks.end()


class Trader:
    """Starts runs of one slot, and reads the store that they leave behind."""

    def __init__(self, folder: Path, double: TwsDouble, forks: Forks) -> None:
        self.folder, self.double, self.forks = folder, double, forks
        shutil.copyfile(forks.template, folder / "openbell.db")
        self._planned = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self._runs = 0

    def start(self) -> int:
        self._runs += 1
        return self.forks.start(f"{self.folder} {self.double.port} {self._planned.isoformat()} {self._runs}")

    def run(self) -> None:
        self.start()
        assert self.forks.code() == 0

    def killed_when(self, happened: Callable[[], bool]) -> None:
        process = self.start()
        end = time.monotonic() + 30
        while not happened():
            assert time.monotonic() < end
            time.sleep(0.01)
        os.kill(process, signal.SIGKILL)
        assert self.forks.code() == -signal.SIGKILL

    def states(self) -> list[OrderState]:
        return [row.state for row in self.history().orders()]

    def alerts(self) -> Counter:
        return Counter(alert.kind for alert in self.history().alerts(open_only=False))

    def history(self):
        return store.open_history(load_settings().url)


@pytest.fixture
def trader(double: TwsDouble, forks: Forks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trader]:
    monkeypatch.setenv("OPENBELL_HOME", str(tmp_path))
    yield Trader(tmp_path, double, forks)
    store.close(load_settings().url)


def placed(double: TwsDouble) -> list[int]:
    """How often each id was placed."""
    return sorted(Counter(order["ref"] for order in double.orders()).values())


def test_a_run_buys_what_it_decided(double, trader):
    trader.run()
    assert placed(double) == [1, 1]
    assert trader.states() == [OrderState.FILLED] * 2
    trader.run()
    assert placed(double) == [1, 1]


def test_I20_B02_an_order_that_is_swallowed_is_given_up_with_an_alert_and_never_sent_again(double, trader):
    double.script({"on": "placeOrder", "swallow": True})
    trader.run()
    trader.run()
    assert double.requests("placeOrder") == ["placeOrder"] * 2
    assert sorted(trader.states()) == [OrderState.ABANDONED, OrderState.FILLED]
    assert {"UNKNOWN_ORDER", "ABANDONED"} <= trader.alerts().keys()


@pytest.mark.parametrize("fault", [{"mute": True}, {"drop": "after", "mute": True}])
def test_B01_B03_an_order_of_unknown_outcome_is_found_and_booked(double, trader, fault):
    double.script({"on": "placeOrder"} | fault)
    trader.run()
    trader.run()
    assert placed(double) == [1, 1]
    assert trader.states() == [OrderState.FILLED] * 2
    assert "ABANDONED" not in trader.alerts()


def test_a_run_that_is_killed_after_the_gateway_has_its_order_never_sends_it_again(double, trader):
    double.script({"on": "placeOrder", "mute": True})
    trader.killed_when(lambda: bool(double.orders()))
    trader.run()
    assert placed(double) == [1, 1]
    assert trader.states() == [OrderState.FILLED] * 2


def test_a_run_that_is_killed_before_the_gateway_has_its_order_gives_it_up(double, trader):
    double.script({"on": "placeOrder", "swallow": True})
    trader.killed_when(lambda: bool(double.requests("placeOrder")))
    trader.run()
    assert double.requests("placeOrder") == ["placeOrder"] * 2
    assert sorted(trader.states()) == [OrderState.ABANDONED, OrderState.FILLED]


def test_I02_I03_a_gateway_that_restarts_in_between_changes_nothing(double, trader):
    double.script({"on": "placeOrder", "mute": True, "nth": 2})
    trader.killed_when(lambda: len(double.orders()) == 2)
    double.restart(next_id=1)
    trader.run()
    assert placed(double) == [1, 1]
    assert double.ledger("modify") == []
