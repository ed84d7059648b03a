"""The flow as Prefect runs it: names, states, graph, artifacts, and what is refused before it is a run."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow_async
from prefect.settings import PREFECT_API_URL, PREFECT_LOGGING_TO_API_ENABLED, temporary_settings
from prefect.states import Scheduled, State
from sqlalchemy import create_engine, text

from deployments.demo import instants
from deployments.local import ROOT, LocalPrefect
from flows.trade import trade
from openbell import store as stores
from openbell.settings import load_settings
from openbell.stages.rerun import rerun
from openbell.values import canonical
from openbell.values.record import Outcome
from tests import servers
from tests.flows.conftest import session_open
from tests.servers import until

NEW_YORK = ZoneInfo("America/New_York")
pytestmark = [
    pytest.mark.server,
    pytest.mark.xdist_group("server"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(autouse=True)
def on_server(prefect: LocalPrefect, store: Path) -> Iterator[None]:
    with temporary_settings({PREFECT_API_URL: f"{prefect.url}/api", PREFECT_LOGGING_TO_API_ENABLED: False}):
        yield
    stores.close(load_settings().url)


def ring(**parameters: Any) -> State:
    return asyncio.run(trade(**parameters, return_state=True))


def ask(prefect: LocalPrefect, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    return servers.ask(prefect.url, "POST", path, body)


def of_run(state: State) -> dict[str, Any]:
    return {"flow_runs": {"id": {"any_": [str(state.state_details.flow_run_id)]}}}


def history() -> Any:
    return stores.open_history(load_settings().url)


def test_the_graph_shows_exactly_the_five_stages_and_the_run_says_what_it_is(prefect: LocalPrefect) -> None:
    state = ring(plan="demo", as_of=session_open(3))
    assert state.name == "Completed"
    assert "orders" in (state.message or "")
    tasks = until(lambda: ask(prefect, "task_runs/filter", of_run(state)), enough=lambda found: len(found) >= 5)
    assert sorted(task["name"].rpartition("-")[0] for task in tasks) == [
        "evaluate-strategies",
        "execute-orders",
        "fetch-data",
        "persist-audit",
        "risk-gate",
    ]
    artifacts = until(lambda: ask(prefect, "artifacts/filter", of_run(state)), enough=lambda found: len(found) >= 5)
    assert {a["key"] for a in artifacts} == {
        "report-demo",
        "signals-demo",
        "verdicts-demo",
        "orders-demo",
        "positions-demo",
    }
    report = next(a["data"] for a in artifacts if a["key"] == "report-demo")
    assert "sample prices" in report
    assert "AAPL" in report
    (run,) = ask(prefect, "flow_runs/filter", of_run(state))
    assert run["name"].startswith(f"demo {session_open(3):%Y-%m-%d} 09:35 E")


def test_what_is_refused_after_a_run_in_the_same_process_tells_nothing_of_that_run(prefect: LocalPrefect) -> None:
    async def both() -> list[State]:
        return [
            await trade("demo", session_open(2), return_state=True),
            await trade("nobody", session_open(2), return_state=True),
        ]

    first, second = asyncio.run(both())
    assert (first.name, second.name) == ("Completed", "Failed")
    until(lambda: told_of(prefect, first), enough=lambda found: len(found) == 1)
    assert told_of(prefect, second) == []


def told_of(prefect: LocalPrefect, state: State) -> list[dict[str, Any]]:
    """The typed events of a run, as an automation finds them."""
    related = {"id": [f"prefect.flow-run.{state.state_details.flow_run_id}"]}
    wanted = {"filter": {"event": {"prefix": ["openbell.run."]}, "related": related}}
    return servers.ask(prefect.url, "POST", "events/filter", wanted)["events"]


ALONE = """
import asyncio, sys
from flows.trade import trade
state = asyncio.run(trade("demo", sys.argv[1], return_state=True))
print(state.state_details.flow_run_id, state.name)
"""


def test_a_process_of_one_run_takes_its_instant_as_text_and_ends_when_everybody_can_read_it(
    prefect: LocalPrefect,
) -> None:
    instant = session_open(2).isoformat()
    environment = {**os.environ, "PREFECT_API_URL": f"{prefect.url}/api", "PREFECT_LOGGING_LEVEL": "WARNING"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ALONE, instant],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    run, outcome = done.stdout.split()
    assert outcome == "Completed"
    assert "Traceback" not in done.stderr
    artifacts = ask(prefect, "artifacts/filter", {"flow_runs": {"id": {"any_": [run]}}})
    assert "report-demo" in {artifact["key"] for artifact in artifacts}
    (named,) = ask(prefect, "flow_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
    assert named["name"] == f"demo {session_open(2):%Y-%m-%d} 09:35 {session_open(2).astimezone(NEW_YORK):%Z}"


def test_a_closed_market_ends_as_skipped_with_its_reason_and_asks_for_no_prices() -> None:
    early_close, holiday, *_ = instants(1)
    for instant, code in ((early_close, "AFTER_CLOSE"), (holiday, "HOLIDAY")):
        state = ring(plan="demo", as_of=instant)
        assert state.is_completed()
        assert state.name == "Skipped"
        assert "closed" in (state.message or "")
        record = history().run(str(state.state_details.flow_run_id))
        assert (record.outcome, record.code, record.data) == (Outcome.SKIPPED, code, None)


def test_X01_a_second_start_of_a_slot_is_a_stored_skip_and_sends_nothing() -> None:
    first = ring(plan="demo", as_of=session_open(2))
    second = ring(plan="demo", as_of=session_open(2))
    assert (first.name, second.name) == ("Completed", "Skipped")
    assert history().run(str(second.state_details.flow_run_id)).code == "DUPLICATE_RUN"
    orders = history().orders(plan="demo")
    assert len(orders) == history().run(str(first.state_details.flow_run_id)).counters["intents"]


def test_a_dry_run_decides_and_records_but_claims_and_sends_nothing() -> None:
    dry = ring(plan="demo", as_of=session_open(2), dry_run=True)
    record = history().run(str(dry.state_details.flow_run_id))
    assert record.dry_run
    assert record.intents
    assert history().orders(plan="demo") == ()
    assert ring(plan="demo", as_of=session_open(2)).name == "Completed"


def test_I18_a_sealed_run_decided_again_gives_the_same_signals_verdicts_and_ids() -> None:
    for sessions_ago in (4, 3, 2):
        state = ring(plan="demo", as_of=session_open(sessions_ago))
        record = history().run(str(state.state_details.flow_run_id))
        again = rerun(record, history().bars(record.data.digest))
        assert canonical.dumps(again.signals) == canonical.dumps(record.signals)
        assert canonical.dumps(again.gated.verdicts) == canonical.dumps(record.verdicts)
        assert {intent.id for intent in again.gated.intents} == {intent.id for intent in record.intents}
        assert canonical.dumps(again.gated.unplaced) == canonical.dumps(record.unplaced)
        assert record.intents or record.unplaced


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"plan": "dmeo"}, "no plan 'dmeo'.*did you mean 'demo'"),
        ({"plan": "demo", "as_of": datetime(2026, 11, 19, 14, 35)}, "as_of 2026-11-19T14:35:00 has no zone"),
        ({"plan": "demo", "as_of": datetime.now(UTC) + timedelta(days=2)}, "is after the clock"),
        ({"plan": "demo", "as_of": datetime(1970, 1, 5, 15, tzinfo=UTC)}, "is before .* the first session of the XNYS"),
        ({"plan": "../../etc/passwd"}, "no plan"),
        ({"plan": 7}, "plan 7 is not the name of a plan"),
        ({"plan": "demo", "as_of": "2026-11-19 14:35"}, "as_of 2026-11-19T14:35:00 has no zone"),
        ({"plan": "demo", "as_of": "noon"}, "as_of 'noon' is not an ISO 8601 instant"),
        ({"plan": "demo", "as_of": 1_700_000_000}, "as_of '1700000000' is not an ISO 8601 instant"),
        ({"plan": "demo", "dry_run": "yes"}, "dry_run 'yes' is neither true nor false"),
    ],
)
def test_what_cannot_be_a_run_fails_with_one_sentence_and_leaves_nothing(
    parameters: dict[str, Any], message: str
) -> None:
    state = ring(**parameters)
    assert state.is_failed()
    assert "Traceback" not in (state.message or "")
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(state.message)
    stores.ensure(load_settings().url)
    assert history().runs() == ()


def test_P05_a_store_of_another_version_is_refused_before_anything_is_done() -> None:
    url = load_settings().url
    stores.ensure(url)
    with create_engine(url).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    stores.close(url)
    state = ring(plan="demo", as_of=session_open(2))
    assert state.is_failed()
    assert "9999" in (state.message or "")


def test_a_run_never_reads_the_clock_before_its_scheduled_instant() -> None:
    async def early() -> tuple[datetime, State]:
        async with get_client() as client:
            planned = datetime.now(UTC) + timedelta(seconds=2)
            run = await client.create_flow_run(
                trade, parameters={"plan": "demo"}, state=Scheduled(scheduled_time=planned)
            )
        started = await run_flow_async(trade, flow_run=run, parameters={"plan": "demo"}, return_type="state")
        return planned, started

    planned, state = asyncio.run(early())
    record = history().run(str(state.state_details.flow_run_id))
    assert record.clock >= planned
