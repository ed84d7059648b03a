"""Views of the sealed record for people: artifacts in the Prefect UI, events, notifications.

The record is in the store by then; whatever fails here is logged and changes nothing.
"""

import logging
from collections.abc import Iterator
from threading import Thread
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
from prefect import get_run_logger
from prefect.blocks.core import Block
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate
from prefect.context import TaskRunContext
from prefect.events import emit_event
from prefect.exceptions import PrefectException
from prefect.runtime import flow_run

from openbell.stages.report import headline, markdown, tables
from openbell.values import canonical
from openbell.values.plan import Notify
from openbell.values.record import RunRecord

#: The tables that get an artifact of their own, with the words above each.
TABLES = {
    "signals": "What each strategy said at the last bar",
    "verdicts": "What the risk gate said about each wanted order",
    "orders": "What was sent and what became of it",
    "positions": "What is held after the run",
}
_log = logging.getLogger("openbell.publication")


def publish(record: RunRecord, zone: ZoneInfo) -> None:
    """A markdown report and the tables that have rows, under stable keys of the plan.

    Posted beside the end of the run, which neither waits for them nor fails with them; the process does not end
    before they are out.
    """
    context = TaskRunContext.get()
    task_run = context.task_run.id if context else None
    flow = UUID(flow_run.id) if flow_run.id else None
    Thread(target=_post, args=(record, zone, flow, task_run), name="publication").start()


def _post(record: RunRecord, zone: ZoneInfo, flow: UUID | None, task_run: UUID | None) -> None:
    try:
        with get_client(sync_client=True) as client:
            for artifact in _artifacts(record, zone):
                client.create_artifact(artifact.model_copy(update={"flow_run_id": flow, "task_run_id": task_run}))
    except (httpx.HTTPError, PrefectException) as error:
        _log.warning("artifacts were not published: %s", error)


def _artifacts(record: RunRecord, zone: ZoneInfo) -> Iterator[ArtifactCreate]:
    key, words = f"report-{record.plan}", headline(record)
    yield ArtifactCreate(type="markdown", key=key, description=words, data=markdown(record, zone))
    rows = tables(record, zone)
    for name, words in TABLES.items():
        if rows[name]:
            data = canonical.dumps(rows[name])
            yield ArtifactCreate(type="table", key=f"{name}-{record.plan}", description=words, data=data)


def announce(record: RunRecord) -> None:
    """One typed event a run, which automations can act on."""
    emit_event(
        f"openbell.run.{record.outcome}",
        resource={"prefect.resource.id": f"openbell.plan.{record.plan}", "prefect.resource.name": record.plan},
        payload={"run": record.id, "slot": record.slot, "code": record.code, "message": record.message},
    )


async def notify(record: RunRecord, settings: Notify) -> None:
    """Tell who the plan names; a target that is dead or slow never breaks a run."""
    if not settings.block or record.outcome not in settings.on:
        return
    try:
        target = await Block.aload(settings.block)
        await target.notify(body=record.message, subject=f"{record.plan} {record.outcome}: {record.slot}")
    except Exception as error:  # noqa: BLE001  # whatever a notification service raises stays outside the run
        get_run_logger().warning("notification through %s failed: %s", settings.block, type(error).__name__)
