"""The exits flow as Prefect runs it: its state, its tasks, and what a closed position looks like there."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import httpx
import numpy as np
import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_LOGGING_TO_API_ENABLED, temporary_settings
from prefect.states import State

from deployments.local import LocalPrefect
from flows.exits import exits
from flows.trade import trade
from openbell import store as stores
from openbell.exits.base import ExitRule
from openbell.settings import load_settings

pytestmark = [
    pytest.mark.server,
    pytest.mark.xdist_group("server"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

PLAN = f"""\
name = "always"
universe = ["AAPL", "IBM"]
strategies = [{{ use = "buy_and_hold" }}]
account = {{ broker = "paper", name = "always" }}
window = {{ exchange = "24/7" }}
freshness = {{ quotes = "30d" }}

[exits]
"{__name__}.Never" = true
"""


class Never(ExitRule):
    """Keeps nothing."""

    needs: ClassVar[tuple[str, ...]] = ("age",)
    measures: ClassVar[str] = "positions"

    @property
    def limit(self) -> float:
        return 1.0

    def measure(self, held: Any) -> Any:
        return np.ones(len(held))


@pytest.fixture(autouse=True)
def on_server(prefect: LocalPrefect, store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "always.toml").write_text(PLAN)
    monkeypatch.setenv("OPENBELL_PLANS", str(tmp_path / "plans"))
    with temporary_settings({PREFECT_API_URL: f"{prefect.url}/api", PREFECT_LOGGING_TO_API_ENABLED: False}):
        yield
    stores.close(load_settings().url)


def ring(flow: Any, **parameters: Any) -> State:
    return asyncio.run(flow(**parameters, return_state=True))


def tasks_of(prefect: LocalPrefect, state: State) -> list[str]:
    asked = {"flow_runs": {"id": {"any_": [str(state.state_details.flow_run_id)]}}}
    answer = httpx.post(f"{prefect.url}/api/task_runs/filter", json=asked, timeout=20)
    return [run["name"] for run in answer.json()]


def test_a_run_that_holds_nothing_completes_with_one_task_for_its_look(prefect: LocalPrefect) -> None:
    state = ring(exits, plan="always")
    assert (state.name, state.message) == ("Completed", "1 look at no positions: nothing to close")
    assert all(name.startswith("sweep-exits ") for name in tasks_of(prefect, state))


def test_what_a_rule_closes_is_closed_and_the_state_says_so() -> None:
    assert ring(trade, plan="always").message.startswith("completed: 2 orders")
    state = ring(exits, plan="always")
    assert state.name == "Completed"
    assert state.message is not None
    assert "closing AAPL by test_exits (filled), IBM by test_exits (filled)" in state.message
    history = stores.open_history(load_settings().url)
    assert history.positions() == ()
