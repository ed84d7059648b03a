"""A replay through Prefect: two tasks however long it is, a page with the curve in the UI, and clear refusals."""

import asyncio
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, FlowRunFilter, FlowRunFilterId
from prefect.settings import PREFECT_API_URL, PREFECT_LOGGING_TO_API_ENABLED, temporary_settings
from prefect.states import State

from deployments.local import LocalPrefect
from flows.replay import replay

pytestmark = [
    pytest.mark.server,
    pytest.mark.xdist_group("server"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
RANGE = {"start": date(2024, 11, 1), "end": date(2025, 5, 30)}


@pytest.fixture(autouse=True)
def on_server(prefect: LocalPrefect, store: Path) -> Iterator[None]:
    with temporary_settings({PREFECT_API_URL: f"{prefect.url}/api", PREFECT_LOGGING_TO_API_ENABLED: False}):
        yield


def run(**parameters: Any) -> State:
    return asyncio.run(replay(**parameters, return_state=True))


def artifacts(state: State) -> dict[str, Any]:
    asked = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[state.state_details.flow_run_id]))
    with get_client(sync_client=True) as client:
        return {row.key: row for row in client.read_artifacts(artifact_filter=asked)}


def flow_run(state: State) -> Any:
    asked = FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
    with get_client(sync_client=True) as client:
        return client.read_flow_runs(flow_run_filter=asked)[0]


def test_A21_a_replay_leaves_a_page_with_its_curve_in_the_ui(store):
    state = run(plan="demo", **RANGE, set=["risk.max_positions=3"], cash="25000")
    assert (state.name, state.message.split(" in ")[1][:12]) == ("Completed", "143 sessions")
    found = artifacts(state)
    assert sorted(found) == ["replay-demo", "replay-demo-equity"]
    page, picture = found["replay-demo"].data, found["replay-demo-equity"].data
    assert picture.startswith("data:image/png;base64,")
    assert f"![Equity and drawdown]({picture})" in page
    assert "| Opening cash | 25,000.00 USD |" in page
    assert found["replay-demo"].description == state.message
    assert sorted(path.name for path in (store / "replays" / "demo").iterdir()) == [
        "report.html",
        "report.md",
        "report.png",
    ]
    assert flow_run(state).name == "demo 2024-11-01 2025-05-30 risk.max_positions=3"


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"set": ["risk.max_postions=3"]}, "did you mean 'risk.max_positions'?"),
        ({"set": ["fast"]}, "'fast' is not KEY=VALUE"),
        ({"start": date(2025, 6, 2), "end": date(2025, 5, 2)}, "from 2025-06-02 is after to 2025-05-02"),
        ({"plan": "dmo"}, "did you mean 'demo'?"),
        ({"cash": "-5"}, "cash -5 is not above 0"),
    ],
)
def test_what_cannot_be_replayed_ends_as_failed_with_the_reason(parameters, told):
    state = run(**{"plan": "demo", **parameters})
    assert (state.name, told in state.message) == ("Failed", True)
    assert artifacts(state) == {}


def test_a_report_that_cannot_be_written_does_not_cost_the_figures(store):
    store.mkdir()
    (store / "replays").write_text("in the way")
    state = run(plan="demo", **RANGE)
    found = artifacts(state)
    assert (state.name, sorted(found)) == ("Completed", ["replay-demo"])
    assert "the report cannot be written to" in found["replay-demo"].data
