"""Views of the sealed record for people: artifacts in the Prefect UI, and events.

The record is in the store by then; whatever fails here is logged and changes nothing.
"""

import logging
from collections.abc import Iterator
from contextvars import ContextVar
from threading import Timer
from typing import Any

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import SettingsContext, get_settings_context
from prefect.events import emit_event
from prefect.exceptions import PrefectException
from prefect.flows import Flow

from openbell.calendar.window import window_zone
from openbell.errors import OpenbellError
from openbell.stages.report import headline, markdown, tables
from openbell.values import canonical
from openbell.values.job import NOTIFY, TRADE
from openbell.values.plan import Window
from openbell.values.record import Outcome, RunRecord
from tasks.deliver import deliver_soon

#: The tables that get an artifact of their own, with the words above each.
TABLES = {
    "signals": "What each strategy said at the last bar",
    "verdicts": "What the risk gate said about each wanted order",
    "orders": "What was sent and what became of it",
    "positions": "What is held after the run",
}
#: Seconds in which a run that has ended gives back what it holds; only then is it shown, so that it ends no later.
ENDING = 0.1
_ENDED: ContextVar[RunRecord | None] = ContextVar("ended", default=None)
_log = logging.getLogger("openbell.publication")


def publish(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001  # Prefect's names
    """Hook of a flow whose run has ended: its events, a markdown report and the tables that have rows.

    The run waits for no server and cannot fail by it; only the process does not end before they are out.
    """
    settings, record = get_settings_context(), _ENDED.get()
    if flow.name != NOTIFY.name:
        plan = str((flow_run.parameters or {}).get("plan", ""))
        Timer(ENDING, deliver_soon, (plan, flow_run, settings)).start()
    if record is None or not record.id.startswith(str(flow_run.id)):
        return  # refused before it was a run; a record is of one before it in the same context
    tell(record)
    if _worth_reading(record):
        Timer(ENDING, _show, (flow_run, record, settings)).start()


def _show(flow_run: FlowRun, record: RunRecord, settings: SettingsContext) -> None:
    try:
        # A thread starts without Prefect's context; its settings say which server, its clients belong to the flow.
        with (
            SettingsContext(profile=settings.profile, settings=settings.settings),
            get_client(sync_client=True) as client,
        ):
            for artifact in _artifacts(record):
                _create(client, artifact.model_copy(update={"flow_run_id": flow_run.id}))
    except (httpx.HTTPError, PrefectException, OpenbellError) as error:
        _log.warning("artifacts of run %s were not published: %s", record.id, error)


def _create(client: SyncPrefectClient, artifact: ArtifactCreate) -> None:
    """As ``create_artifact`` does, without the event of its own, for which a process that ends takes no thread."""
    client.request("POST", "/artifacts/", json=artifact.model_dump(mode="json", exclude_unset=True))


def _worth_reading(record: RunRecord) -> bool:
    """A job that rings every minute leaves a page only when it found something."""
    return record.job == TRADE.name or bool(any(record.details.values()) or record.outcome is Outcome.FAILED)


def _artifacts(record: RunRecord) -> Iterator[ArtifactCreate]:
    zone = window_zone(Window.model_validate(record.plan_body["window"]))
    of = record.plan if record.job == TRADE.name else f"{record.plan}-{record.job}"
    key, words = f"report-{of}", headline(record)
    yield ArtifactCreate(type="markdown", key=key, description=words, data=markdown(record, zone))
    rows = tables(record, zone)
    for name, words in TABLES.items():
        if rows[name]:
            data = canonical.dumps(rows[name])
            yield ArtifactCreate(type="table", key=f"{name}-{of}", description=words, data=data)


def announce(record: RunRecord) -> None:
    """How the run of this context has ended; it is told once Prefect knows that it did."""
    _ENDED.set(record)


def tell(record: RunRecord) -> None:
    """One typed event a run, which automations can act on, and one for each job that a heartbeat found absent."""
    plan = {"prefect.resource.id": f"openbell.plan.{record.plan}", "prefect.resource.name": record.plan}
    # Triggers see labels and no payload.
    emit_event(
        f"openbell.run.{record.outcome}",
        resource={**plan, "openbell.job": record.job, "openbell.code": record.code},
        payload={"run": record.id, "slot": record.slot, "code": record.code, "message": record.message},
    )
    for job in record.details.get("absent", ()):
        emit_event(
            "openbell.job.missed",
            resource={**plan, "openbell.job": job},
            payload={"run": record.id, "slot": record.slot},
        )
