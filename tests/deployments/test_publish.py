"""Publishing plans to a real server: what is made, what stays, what goes, and what is refused."""

import json
import os
from datetime import UTC, datetime
from typing import Any

import pytest

from deployments.local import POOL
from openbell import store
from openbell.values.record import Outcome
from tests.deployments.publishing import Publishing
from tests.flows.conftest import session_open

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("publish")]
#: What differs from one creation to the next, and the limit that trading runs of one account share.
ITS_OWN = {
    "id", "created", "updated", "flow_id", "labels", "status", "last_polled", "work_queue_id", "deployment_id",
    "created_by", "updated_by", "global_concurrency_limit",
}  # fmt: skip
FLOWS = {
    "trade", "exits", "orders", "positions", "prices", "alerts", "snapshot", "recover", "heartbeat", "notify", "replay",
}  # fmt: skip


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items() if key not in ITS_OWN}
    return sorted((shape(item) for item in value), key=str) if isinstance(value, list) else value


def of_flows(publishing: Publishing) -> dict[str, Any]:
    rows = publishing.deployments().items()
    return {name: row for name, row in rows if row["entrypoint"].split(".")[1] in FLOWS}


def test_prefect_deploy_all_and_publish_make_the_same_deployments(publishing: Publishing) -> None:
    for row in publishing.deployments().values():
        publishing.prefect.prefect("deployment", "delete", "--id", row["id"])
    publishing.prefect.deploy()
    deployed = of_flows(publishing)
    for path in publishing.plans.glob("*.toml"):
        path.unlink()
    publishing.write()
    said = publishing.publish()
    assert {name: shape(row) for name, row in of_flows(publishing).items()} == {
        name: shape(row) for name, row in deployed.items()
    }
    assert deployed["demo-replay"]["schedules"] == []
    assert {name: row["id"] for name, row in of_flows(publishing).items()} == {
        name: row["id"] for name, row in deployed.items()
    }
    changed = [line for line in said.splitlines() if line.split()[1] == "deployment"]
    assert changed == ["update deployment trade/demo: limit 1 -> openbell-account-paper-demo"]
    publishing.prefect.deploy()
    assert "agree" in publishing.publish("--check")


def test_publishing_again_changes_nothing(fresh: Publishing) -> None:
    before = (fresh.deployments(), fresh.automations(), fresh.block())
    assert fresh.publish() == "server and plans agree\n"
    assert fresh.publish("--check", "--json") == json.dumps({"agreed": True, "changes": []}, indent=2) + "\n"
    assert (fresh.deployments(), fresh.automations(), fresh.block()) == before


def test_each_schedule_has_a_slug_and_a_zone_and_what_watches_goes_first(fresh: Publishing) -> None:
    rows = fresh.deployments()
    lines = [line for row in rows.values() for line in row["schedules"]]
    assert all(line["slug"] and line["schedule"]["timezone"] == "America/New_York" for line in lines)
    urgent = {name for name, row in rows.items() if row["work_queue_name"] == "urgent"}
    assert urgent == {"demo-exits", "demo-orders", "demo-positions", "demo-recover"}
    queues = {row["name"]: row["priority"] for row in fresh.ask("POST", f"work_pools/{POOL}/queues/filter", {})}
    assert queues["urgent"] < queues["default"]


def test_what_is_paused_or_switched_off_stays_so_when_a_plan_changes(fresh: Publishing) -> None:
    demo, alarm = fresh.deployments()["demo"], fresh.automations()["openbell demo: halted"]
    fresh.pause("demo")
    line = fresh.deployments()["demo-exits"]["schedules"][0]
    fresh.prefect.prefect("deployment", "schedule", "pause", "exits/demo-exits", line["id"])
    fresh.prefect.prefect("automation", "pause", "--id", alarm["id"])
    try:
        fresh.write("demo", ("35 9,15 * * 1-5", "40 9,15 * * 1-5"), more='[schedule.exits]\nevery = "1m"\n')
        assert "update deployment trade/demo" in fresh.publish()
        after = fresh.deployments()
        assert (after["demo"]["id"], after["demo"]["paused"]) == (demo["id"], True)
        assert after["demo"]["schedules"][0]["schedule"]["cron"] == "40 9,15 * * 1-5"
        assert [one["active"] for one in after["demo-exits"]["schedules"] if one["slug"] == line["slug"]] == [False]
        assert fresh.automations()["openbell demo: halted"]["enabled"] is False
    finally:
        fresh.resume("demo")
        fresh.prefect.prefect("automation", "resume", "--id", alarm["id"])


def test_a_plan_edited_in_the_form_counts_at_the_next_run_and_shows_as_drift(fresh: Publishing) -> None:
    at = session_open(2)
    first = fresh.ring("demo", as_of=at.isoformat())
    fresh.edit(risk={**fresh.block()["data"]["risk"], "max_positions": 2})
    second = fresh.ring("demo", as_of=session_open(1).isoformat())
    history = store.open_history(f"sqlite:///{fresh.prefect.store / 'openbell.db'}")
    bodies = [history.run(run["id"]).plan_body for run in (first, second)]
    assert [body["risk"]["max_positions"] for body in bodies] == [5, 2]
    assert first["name"].startswith("demo ")
    said = fresh.publish("--check", code=1)
    assert said == "differs: update plan block demo: risk.max_positions 2 -> 5\n"
    assert said.removeprefix("differs: ") == fresh.publish()
    assert "agree" in fresh.publish("--check")


def test_a_plan_that_the_form_made_unusable_is_refused_and_nothing_runs(fresh: Publishing) -> None:
    fresh.edit(risk={"max_positons": 2}, window={"exchange": "XNYS", "zone": "EST"})
    run = fresh.ring("demo", as_of=session_open(1).isoformat())
    assert run["state"]["type"] == "FAILED"
    assert "openbell-plan/demo" in run["state"]["message"]
    assert "EST" in run["state"]["message"]
    history = store.open_history(f"sqlite:///{fresh.prefect.store / 'openbell.db'}")
    assert history.run(run["id"]) is None
    assert "cannot be used" in fresh.publish("--check", code=1)


def test_what_left_the_plans_leaves_the_server(fresh: Publishing) -> None:
    """Two plans share an account, and so a limit, which stays with the one that stays."""
    fresh.write("second")
    fresh.publish()
    assert "second-exits" in fresh.deployments()
    fresh.write("second", more="[schedule.prices]\nenabled = false\n")
    said = fresh.publish("second")
    assert "remove deployment prices/second-prices" in said
    (fresh.plans / "second.toml").unlink()
    assert "agree" in fresh.publish("demo")
    fresh.publish()
    assert not [name for name in fresh.deployments() if name.startswith("second")]
    assert not [name for name in fresh.automations() if "second" in name]
    assert [
        row["name"]
        for row in fresh.ask("POST", "block_documents/filter", {"block_types": {"slug": {"any_": ["openbell-plan"]}}})
    ] == ["demo"]
    assert fresh.deployments()["demo"]["global_concurrency_limit"]["name"] == "openbell-account-paper-demo"


ALPACA = ('broker = "paper"\nname = "demo"\nparams = { cash = 100000, slippage_bps = 2, fractions = false }',
          'broker = "alpaca"\nname = "desk"\nblock = "openbell-alpaca-account/desk"')  # fmt: skip


def test_a_missing_connection_is_made_from_the_environment_and_its_secrets_are_never_printed(fresh: Publishing) -> None:
    fresh.write("alpaca", ALPACA)
    before = (fresh.deployments().keys(), fresh.automations().keys())
    refused = fresh.publish(code=1)
    assert "set OPENBELL_ALPACA_KEY_ID and OPENBELL_ALPACA_SECRET_KEY" in refused
    assert (fresh.deployments().keys(), fresh.automations().keys()) == before
    keys = {"OPENBELL_ALPACA_KEY_ID": "PKCANARYCANARYCANARY", "OPENBELL_ALPACA_SECRET_KEY": "canary-secret"}
    said = fresh.publish("--json", **keys)
    assert "openbell-alpaca-account/desk" in said
    assert "CANARY" not in said.upper().replace("OPENBELL", "")
    held = fresh.ask("GET", "block_types/slug/openbell-alpaca-account/block_documents/name/desk?include_secrets=true")
    assert held["data"]["secret"] == "canary-secret"
    assert "agree" in fresh.publish("--check")
    fresh.write("alpaca", ALPACA, ('mode = "paper"', 'mode = "live"'))
    assert "openbell-alpaca-account/desk is a paper one, and the plan is live" in fresh.publish(code=1)


def test_a_plan_that_is_wrong_is_refused_before_anything_changes(fresh: Publishing) -> None:
    fresh.write("second")
    fresh.write("third", ("max_positions", "max_positons"))
    said = fresh.publish(code=1)
    assert "third.toml" in said
    assert "max_positons" in said
    assert "Traceback" not in said
    assert not [name for name in fresh.deployments() if name.startswith(("second", "third"))]


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        (("nope",), {}, "no plan 'nope'"),
        (("--resume",), {}, "--resume wants the names of plans"),
        ((), {"PREFECT_API_URL": ""}, "PREFECT_API_URL is not set"),
        (("--patience", "0"), {"PREFECT_API_URL": "http://127.0.0.1:9/api"}, "Prefect does not answer"),
        ((), {"OPENBELL_PLANS": "empty"}, "no plan in"),
    ],
)
def test_without_a_plan_or_a_server_one_line_says_what_is_missing(
    fresh: Publishing, arguments: tuple[str, ...], variables: dict[str, str], words: str
) -> None:
    if "OPENBELL_PLANS" in variables:
        (empty := fresh.folder / "empty").mkdir(exist_ok=True)
        variables = {"OPENBELL_PLANS": str(empty)}
    said = fresh.publish(*arguments, code=1, **variables)
    assert words in said
    assert len(said.splitlines()) == 1


def test_a_plan_that_left_its_window_of_today_is_a_skip_under_the_edited_block(fresh: Publishing) -> None:
    fresh.edit(enabled=False)
    run = fresh.ring("demo")
    assert (run["state"]["name"], datetime.now(UTC) > session_open(1)) == ("Skipped", True)
    history = store.open_history(f"sqlite:///{fresh.prefect.store / 'openbell.db'}")
    record = history.run(run["id"])
    assert (record.outcome, record.code) == (Outcome.SKIPPED, "DISABLED")
    assert os.environ.get("OPENBELL_PLANS") is None
