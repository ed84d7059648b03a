"""Messages through Prefect: after a run, by the job, and through blocks; no target holds up a run."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.blocks.system import Secret
from prefect.context import get_settings_context
from prefect.settings import PREFECT_API_URL, PREFECT_LOGGING_TO_API_ENABLED, temporary_settings
from prefect.states import State

from deployments.local import LocalPrefect
from flows.notify import notify
from flows.trade import trade
from openbell import store as stores
from openbell.settings import load_settings
from openbell.values.message import Failed, MessageState, Posted
from openbell.values.notify import Target
from tasks.deliver import BlockNotifier
from tests.contracts.notifier_contract import NotifierContract
from tests.flows.conftest import session_open
from tests.notifiers.receiver import Receiver, receiving
from tests.notifiers.samples import CANARY, OPS, posted
from tests.servers import until

pytestmark = [
    pytest.mark.server,
    pytest.mark.xdist_group("server"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
PLAN = Path("deployments/plans/demo.toml")
BLOCK = "custom-webhook/openbell-test"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture(autouse=True)
def on_server(prefect: LocalPrefect, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("OPENBELL_PLANS", str(tmp_path))
    with temporary_settings({PREFECT_API_URL: f"{prefect.url}/api", PREFECT_LOGGING_TO_API_ENABLED: False}):
        yield
    stores.close(load_settings().url)


@pytest.fixture
def block(receiver: Receiver) -> str:
    """A block whose address holds the canary."""
    CustomWebhookNotificationBlock(
        name="ops", url=receiver.url(f"/{CANARY}"), json_data={"text": "{{subject}} {{body}}"}
    ).save(BLOCK.partition("/")[2], overwrite=True)
    return BLOCK


def write_plan(tmp_path: Path, *targets: str) -> None:
    tables = ", ".join(f'{{ to = "{target}", private = true }}' for target in targets)
    (tmp_path / "demo.toml").write_text(f"{PLAN.read_text()}\n[notify]\ntargets = [{tables}]\n")


def ring(**parameters: Any) -> State:
    return asyncio.run(trade(plan="demo", **parameters, return_state=True))


def messages() -> tuple[Posted, ...]:
    return stores.open_outbox(load_settings().url).messages()


def timed(**parameters: Any) -> tuple[float, State]:
    before = time.monotonic()
    state = ring(**parameters)
    return time.monotonic() - before, state


def orders() -> list[tuple[str, str]]:
    return [(row.symbol, row.state) for row in stores.open_history(load_settings().url).orders()]


def test_S22_run_is_neither_slower_nor_other_when_its_target_hangs(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_plan(tmp_path)
    control, _ = timed(as_of=session_open(4))
    before = orders()
    monkeypatch.setenv("OPENBELL_HOME", str(tmp_path / "again"))
    monkeypatch.setenv("OPENBELL_NOTIFY_OPS", receiver.url())
    receiver.script = ["hang"]
    write_plan(tmp_path, OPS)
    took, state = timed(as_of=session_open(4))
    assert state.name == "Completed"
    assert orders() == before
    assert took < control + 5  # the target would hold it for half a minute
    assert until(lambda: receiver.received)
    assert [found.state for found in messages()] == [MessageState.WAITING]
    receiver.stop()
    assert until(lambda: messages()[0].error).startswith("no answer")


def test_L01_ended_run_is_told_at_once_and_by_the_job_not_again(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENBELL_NOTIFY_OPS", receiver.url())
    write_plan(tmp_path, OPS)
    state = ring(as_of=session_open(3))
    (received,) = until(lambda: receiver.received)
    assert received.json["subject"] == "demo trade: completed"
    assert received.json["body"].startswith(state.message)
    assert until(lambda: [found.state for found in messages()], enough=lambda found: found == [MessageState.SENT])
    stores.open_journal(load_settings().url).alert("UNKNOWN_ORDER", "ob-1", "no answer")
    told = asyncio.run(notify(plan="demo", return_state=True))
    assert (told.name, told.message) == ("Completed", "1 message sent, 0 waiting, 0 given up")
    assert [each.json["subject"] for each in receiver.received[1:]] == ["openbell alert: UNKNOWN_ORDER ob-1"]


def test_message_goes_out_although_the_process_of_the_run_ends(
    prefect: LocalPrefect, tmp_path: Path, store: Path, receiver: Receiver, block: str
) -> None:
    write_plan(tmp_path, OPS, block)
    receiver.script = ["late"]
    code = "import asyncio, sys; from flows.trade import trade; asyncio.run(trade(as_of=sys.argv[1]))"
    told = {"OPENBELL_HOME": str(store), "OPENBELL_PLANS": str(tmp_path), "OPENBELL_NOTIFY_OPS": receiver.url()}
    command = [sys.executable, "-c", code, session_open(3).isoformat()]
    subprocess.run(command, env=prefect.environment | told, check=True, capture_output=True)
    assert [found.state for found in messages()] == [MessageState.SENT] * 2
    assert len(receiver.received) == 2


def test_L01_block_is_told_and_its_address_is_nowhere(
    prefect: LocalPrefect, tmp_path: Path, receiver: Receiver, block: str
) -> None:
    write_plan(tmp_path, block)
    state = ring(as_of=session_open(3))
    (received,) = until(lambda: receiver.received)
    assert received.json["text"].startswith("demo trade: completed completed:")
    assert received.line == f"POST /{CANARY} HTTP/1.1"
    run = {"flow_runs": {"id": {"any_": [str(state.state_details.flow_run_id)]}}}
    for kind in ("flow_runs", "task_runs", "artifacts", "logs"):
        shown = httpx.post(f"{prefect.url}/api/{kind}/filter", json=run if kind != "logs" else {}, timeout=20)
        assert CANARY not in shown.text
    assert CANARY not in repr(messages())


class TestBlockNotifier(NotifierContract):
    knows_answers = False

    @pytest.fixture
    def notifier(self, block: str) -> BlockNotifier:
        return BlockNotifier(Target(to=block, private=True), get_settings_context())

    @pytest.fixture
    def hasty(self, block: str) -> BlockNotifier:
        return BlockNotifier(Target(to=block, private=True), get_settings_context(), 1.0)


def test_X14_block_speaks_to_no_private_address_unless_the_plan_says_so(receiver: Receiver, block: str) -> None:
    answer = BlockNotifier(Target(to=block), get_settings_context()).send(posted())
    assert answer == Failed(f"block {block} did not take the message: ValueError")
    assert receiver.received == []


def test_block_that_is_not_there_or_does_not_notify_is_a_failure() -> None:
    Secret(value="x").save("openbell-test", overwrite=True)
    silent = BlockNotifier(Target(to="secret/openbell-test"), get_settings_context()).send(posted())
    assert silent == Failed("block secret/openbell-test is not one that notifies", final=True)
    answer = BlockNotifier(Target(to="slack-webhook/not-there"), get_settings_context()).send(posted())
    assert answer == Failed("block slack-webhook/not-there cannot be loaded: ValueError")
