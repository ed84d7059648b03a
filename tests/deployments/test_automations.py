"""Each automation is triggered once on a real server, with shortened times: what it does, and who is told."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deployments.automations import silent_runs
from deployments.local import POOL
from tests.deployments.publishing import Publishing
from tests.faults.double import CANARY, KEY, Double
from tests.flows.installation import PLAN
from tests.notifiers.receiver import Receiver, receiving
from tests.servers import until

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("publish")]
BLOCK = "custom-webhook/openbell-automations"
SAVE = """
import sys
from prefect.blocks.notifications import CustomWebhookNotificationBlock
CustomWebhookNotificationBlock(name="ops", url=sys.argv[1], json_data={"subject": "{{subject}}", "body": "{{body}}"}
    ).save("openbell-automations", overwrite=True)
"""
ANNOUNCE = """
import sys
from openbell import store
from openbell.settings import load_settings
from tasks.publication import tell
record = store.open_history(load_settings().url).run(sys.argv[1])
for job in sys.argv[2:]:
    tell(record.model_copy(update={"details": {"absent": [job]}}))
"""
#: Trades at any time, so that its run gets as far as its broker; little else of it has to be deployed.
SILENT = PLAN.replace('name = "matrix"\nuniverse', 'name = "silent"\nuniverse') + "".join(
    f"[schedule.{job}]\nenabled = false\n" for job in ("exits", "orders", "prices", "alerts")
)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture(scope="module")
def watched(publishing: Publishing, receiver: Receiver) -> Publishing:
    """The demo plan is published, and whoever is told of it is the receiver."""
    for path in publishing.plans.glob("*.toml"):
        path.unlink()
    done = subprocess.run(
        [sys.executable, "-c", SAVE, receiver.url()], env=publishing.environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    publishing.write(more=f'[notify]\ntargets = [{{ to = "{BLOCK}", private = true }}]\n')
    publishing.publish()
    return publishing


def told(receiver: Receiver, words: str) -> bool:
    return any(words in received.json["subject"] for received in list(receiver.received))


def scheduled(publishing: Publishing, deployment: str) -> str:
    """A run that should have started a minute ago, and no worker is there to start it."""
    at = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    made = {"parameters": {"plan": "demo"}, "state": {"type": "SCHEDULED", "state_details": {"scheduled_time": at}}}
    path = f"deployments/{publishing.deployments()[deployment]['id']}/create_flow_run"
    return str(publishing.ask("POST", path, made)["id"])


def runs_of(publishing: Publishing, deployment: str) -> list[dict[str, Any]]:
    """Those that no schedule has started."""
    rows = publishing.ask("POST", "flow_runs/filter", {"deployments": {"name": {"any_": [deployment]}}})
    return [row for row in rows if not row["auto_scheduled"]]


def test_each_has_a_name_and_a_description_that_say_what_it_does(watched: Publishing) -> None:
    found = watched.automations()
    assert set(found) == {
        "openbell: a silent run is marked Crashed",
        "openbell demo: recovery after a crash",
        "openbell demo: entries wait while nobody watches",
        "openbell demo: no worker",
        "openbell demo: late runs",
        "openbell demo: halted",
    }
    assert all(len(row["description"]) > 60 and row["description"].endswith(".") for row in found.values())
    assert all(row["enabled"] for row in found.values())


def test_X11_a_run_whose_process_died_is_marked_crashed_and_recovery_starts(
    watched: Publishing, tmp_path: Path
) -> None:
    """The run waits for its broker when it is killed; nobody is there who would report its end."""
    body = silent_runs(timedelta(seconds=10)).model_dump(mode="json", exclude={"owner_resource"})
    held = watched.automations()[body["name"]]
    with Double(tmp_path / "ledger.jsonl", unique=True) as double:
        (watched.plans / "silent.toml").write_text(SILENT.format(url=double.url))
        watched.publish("silent")
        watched.ask("PUT", f"automations/{held['id']}", body)
        double.hold_answers(60, "GET", times=0)
        made = {"parameters": {"plan": "silent"}, "state": {"type": "PENDING"}}
        path = f"deployments/{watched.deployments()['silent']['id']}/create_flow_run"
        run = watched.ask("POST", path, made)["id"]
        keys = {"OPENBELL_ALPACA_KEY_ID": KEY, "OPENBELL_ALPACA_SECRET_KEY": CANARY}
        environment = {**watched.environment, **keys, "PREFECT__FLOW_RUN_ID": run}
        with (tmp_path / "run.log").open("wb") as log:
            command = [sys.executable, "-m", "prefect.engine"]
            process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
        until(lambda: state(watched, run) == "RUNNING")
        until(lambda: heard(watched, run))
        process.kill()
        process.wait()
        until(lambda: state(watched, run) == "CRASHED")
    assert "no sign of life" in watched.ask("GET", f"flow_runs/{run}")["state"]["message"]
    (recovery,) = until(lambda: runs_of(watched, "silent-recover"))
    assert recovery["parameters"] == {"plan": "silent"}
    (watched.plans / "silent.toml").unlink()
    watched.publish()


def state(publishing: Publishing, run: str) -> str:
    return str(publishing.ask("GET", f"flow_runs/{run}")["state"]["type"])


def heard(publishing: Publishing, run: str) -> bool:
    asked = {
        "filter": {"event": {"name": ["prefect.flow-run.heartbeat"]}, "resource": {"id": [f"prefect.flow-run.{run}"]}}
    }
    return bool(publishing.ask("POST", "events/filter", asked)["events"])


@pytest.fixture
def trading(watched: Publishing) -> Iterator[Publishing]:
    """Trades before and after."""
    watched.publish()
    yield watched
    watched.resume("demo")


@pytest.mark.parametrize("job", ["exits", "positions"])
def test_X11_entries_are_paused_when_two_heartbeats_find_a_watcher_absent(
    trading: Publishing, receiver: Receiver, job: str
) -> None:
    receiver.received.clear()
    beat = trading.ring("demo-heartbeat", plan="demo")["id"]
    announce(trading, beat, "prices", "prices", job)
    assert not trading.deployments()["demo"]["paused"]
    announce(trading, beat, job)
    until(lambda: trading.deployments()["demo"]["paused"])
    until(lambda: told(receiver, "openbell demo: entries wait while nobody watches"))
    # Neither a look that finds it at work again nor another publish resumes what only a person resumes.
    trading.ring("demo-heartbeat", plan="demo")
    trading.publish()
    assert trading.deployments()["demo"]["paused"]
    assert trading.publish("demo", "--resume") == "resume deployment trade/demo\n"
    assert not trading.deployments()["demo"]["paused"]


def announce(publishing: Publishing, run: str, *absent: str) -> None:
    """Records of heartbeats that each found a job absent, told as a run tells of its record."""
    done = subprocess.run(
        [sys.executable, "-c", ANNOUNCE, run, *absent], env=publishing.environment, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_X11_entries_are_paused_when_exits_stay_late(trading: Publishing, receiver: Receiver) -> None:
    receiver.received.clear()
    runs = [scheduled(trading, "demo-exits") for _ in range(3)]
    until(lambda: trading.deployments()["demo"]["paused"])
    until(lambda: told(receiver, "openbell demo: late runs"))
    assert {state(trading, run) for run in runs} == {"SCHEDULED"}


def test_X11_a_pool_without_a_worker_is_told(watched: Publishing, receiver: Receiver) -> None:
    receiver.received.clear()
    command = ["worker", "start", "--pool", POOL, "--type", "process", "--install-policy", "never", "--run-once"]
    done = subprocess.run(
        [sys.executable, "-m", "prefect", *command], cwd=watched.folder,
        env={**watched.environment, "PREFECT_WORKER_HEARTBEAT_SECONDS": "2"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    until(lambda: told(receiver, "openbell demo: no worker"))


def test_X11_a_halt_is_told_once_and_not_with_each_run(watched: Publishing, receiver: Receiver) -> None:
    receiver.received.clear()
    said = ("--reason", "test", "--actor", "kim")
    assert openbell(watched, "halt", *said).returncode == 0
    try:
        ended = [watched.ring("demo", plan="demo")["state"]["name"] for _ in range(2)]
    finally:
        assert openbell(watched, "resume", *said).returncode == 0
    assert ended == ["Skipped", "Skipped"]
    until(lambda: told(receiver, "openbell demo: halted"))
    assert sum("halted" in received.json["subject"] for received in receiver.received) == 1


def openbell(publishing: Publishing, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).parent / "openbell", *arguments]
    return subprocess.run(command, env=publishing.environment, capture_output=True, text=True, check=False)
