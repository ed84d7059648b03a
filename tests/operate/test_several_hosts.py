"""Two API servers, two service processes and two workers on one PostgreSQL and one Redis; one of each is killed."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest

from openbell import store
from openbell.values.record import Outcome
from tests.faults.double import CANARY, KEY, Double
from tests.flows.installation import PLAN as VICTIM
from tests.operate.cluster import ROOT, Host, shared
from tests.servers import until

pytestmark = [pytest.mark.server, pytest.mark.postgres, pytest.mark.xdist_group("hosts"), pytest.mark.timeout(600)]

EVERY = timedelta(minutes=1)
RINGS = """
name = "rings"
universe = ["AAPL", "MSFT"]

[window]
exchange = "24/7"
grace = "2m"

[schedule.trade]
every = "1m"

[[strategies]]
use = "sma_crossover"
"""
#: Slots that are worked on before the services of a host are killed, and after.
BEFORE, AFTER = 1, 2


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Double]:
    """The broker of the run whose worker is killed."""
    with Double(tmp_path_factory.mktemp("broker") / "ledger.jsonl", unique=True) as broker:
        yield broker


@pytest.fixture(scope="module")
def hosts(
    tmp_path_factory: pytest.TempPathFactory, databases: tuple[str, str], redis_url: str, double: Double
) -> Iterator[tuple[Host, Host]]:
    """Two hosts with everything but their workers."""
    folder, plans = tmp_path_factory.mktemp("hosts"), tmp_path_factory.mktemp("plans")
    (plans / "rings.toml").write_text(RINGS)
    (plans / "matrix.toml").write_text(VICTIM.format(url=double.url))
    settings = shared(*databases, redis_url) | {
        "OPENBELL_PLANS": str(plans), "OPENBELL_ALPACA_KEY_ID": KEY, "OPENBELL_ALPACA_SECRET_KEY": CANARY,
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    with ExitStack() as stack:
        first, second = (stack.enter_context(Host(name, folder / name, settings)) for name in ("north", "south"))
        first.run("prefect", "server", "database", "upgrade", "-y")
        first.api()
        until(first.ready, 150)
        second.api()
        for host in (first, second):
            host.services()
        until(second.ready, 150)
        yield first, second
        store.close(databases[0])


@pytest.fixture(scope="module")
def pool(hosts: tuple[Host, Host]) -> str:
    """The work pool of both."""
    return str(hosts[0].ask("POST", "work_pools/", {"name": "openbell", "type": "process"})["name"])


def deploy(host: Host, pool: str, flow: str, name: str, plan: str, schedules: list[dict[str, Any]]) -> str:
    flow_id = host.ask("POST", "flows/", {"name": flow})["id"]
    body = {"name": name, "flow_id": flow_id, "entrypoint": f"flows.{flow}.{flow}", "pull_steps": []}
    more = {"work_pool_name": pool, "parameters": {"plan": plan}, "schedules": schedules}
    return str(host.ask("POST", "deployments/", body | more)["id"])


def every_slot(slug: str) -> list[dict[str, Any]]:
    """The grid of the plan: from midnight on."""
    return [
        {
            "schedule": {"interval": EVERY.total_seconds(), "anchor_date": "2026-01-01T00:00:00+00:00"},
            "active": True,
            "slug": slug,
        }
    ]


def run_now(host: Host, deployment: str) -> str:
    return str(host.ask("POST", f"deployments/{deployment}/create_flow_run", {"state": {"type": "SCHEDULED"}})["id"])


def state_of(host: Host, run: str) -> str:
    return str(host.ask("GET", f"flow_runs/{run}")["state"]["type"])


def runs_of(host: Host, deployment: str, *types: str) -> list[dict[str, Any]]:
    asked: dict[str, Any] = {"deployments": {"id": {"any_": [deployment]}}}
    if types:
        asked["flow_runs"] = {"state": {"type": {"any_": list(types)}}}
    return list(host.ask("POST", "flow_runs/filter", asked))


def test_X04_the_run_of_a_killed_worker_is_found_and_recovered_by_another_host(
    hosts: tuple[Host, Host], pool: str, double: Double, databases: tuple[str, str]
) -> None:
    north, south = hosts
    trade, recover = (deploy(north, pool, flow, "matrix", "matrix", []) for flow in ("trade", "recover"))
    north.worker()
    double.hold_answers(seconds=20)
    lost = run_now(north, trade)
    until(double.accepted, 150)
    north.kill("worker")
    with psycopg.connect(databases[0], autocommit=True) as admin:
        admin.execute("UPDATE slots SET lease_until = now() - interval '1 second' WHERE outcome IS NULL")
    south.worker()
    found = run_now(south, recover)
    until(lambda: state_of(south, found) == "COMPLETED", 120)
    assert state_of(south, lost) == "RUNNING", "Prefect does not know that it died"
    history = store.open_history(databases[0])
    assert [run.outcome for run in history.runs(plan="matrix", job="trade")] == [Outcome.INTERRUPTED]
    assert double.accepted() == 1


def test_S02_X04_each_slot_has_one_run_though_the_services_of_a_host_are_killed(
    hosts: tuple[Host, Host], pool: str, databases: tuple[str, str]
) -> None:
    north, south = hosts
    for host in hosts:
        if not host.alive("worker"):
            host.worker()
    start = datetime.now(UTC)
    rings = deploy(north, pool, "trade", "rings", "rings", every_slot("rings"))
    until(lambda: len(runs_of(north, rings, "COMPLETED")) >= BEFORE, 180)
    north.kill("services")
    # What is deployed from now on only the services of the other host can schedule.
    late = deploy(south, pool, "heartbeat", "rings", "rings", every_slot("rings-heartbeat"))
    until(lambda: runs_of(south, late, "SCHEDULED"), 90)
    until(lambda: len(runs_of(south, rings, "COMPLETED")) >= BEFORE + AFTER, 300)
    south.ask("POST", f"deployments/{rings}/pause_deployment")
    due = [run for run in runs_of(south, rings) if run["state"]["type"] != "SCHEDULED"]
    rung = Counter(run["expected_start_time"] for run in due)
    assert set(rung.values()) == {1}
    until(lambda: not runs_of(south, rings, "PENDING", "RUNNING"), 60)
    worked = [run for run in store.open_history(databases[0]).runs(plan="rings", job="trade") if run.planned >= start]
    assert {run.outcome for run in worked} <= {Outcome.COMPLETED, Outcome.SKIPPED}
    done = sorted(run.planned for run in worked if run.outcome is Outcome.COMPLETED)
    assert len(done) == len(set(done)) >= BEFORE + AFTER
    assert [later - earlier for earlier, later in pairwise(done)] == [EVERY] * (len(done) - 1)
    assert north.ready()


def test_a_host_that_keeps_its_store_in_a_file_is_refused_beside_another(hosts: tuple[Host, Host], pool: str) -> None:
    north, _ = hosts
    until(lambda: north.ask("POST", f"work_pools/{pool}/workers/filter", {}), 30)
    alone = Host("east", north.folder.parent / "east", north.environment | {"OPENBELL_DATABASE_URL": ""})
    alone.environment.pop("OPENBELL_DATABASE_URL")
    alone.environment["PREFECT_API_URL"] = f"{north.url}/api"
    with alone:
        process = alone.start("worker", "deployments.worker", "--host", "east", "--patience", "10")
        assert process.wait(timeout=60) == 1
    told = alone.said("worker")
    assert told.startswith("error: worker ")
    assert "is at work for pool openbell on another host" in told
    assert "several hosts need one store, on PostgreSQL (OPENBELL_DATABASE_URL)" in told
    assert "Traceback" not in told
