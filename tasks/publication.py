"""Views of the sealed record for people: artifacts in the Prefect UI, events, notifications."""

from zoneinfo import ZoneInfo

from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.blocks.core import Block
from prefect.events import emit_event

from openbell.stages.report import headline, markdown, tables
from openbell.values.plan import Notify
from openbell.values.record import RunRecord

#: The tables that get an artifact of their own, with the words above each.
TABLES = {
    "signals": "What each strategy said at the last bar",
    "verdicts": "What the risk gate said about each wanted order",
    "orders": "What was sent and what became of it",
    "positions": "What is held after the run",
}


def publish(record: RunRecord, zone: ZoneInfo) -> None:
    """A markdown report and the tables that have rows, under stable keys of the plan."""
    create_markdown_artifact(markdown(record, zone), key=f"report-{record.plan}", description=headline(record))
    rows = tables(record)
    for name, words in TABLES.items():
        if rows[name]:
            create_table_artifact(rows[name], key=f"{name}-{record.plan}", description=words)


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
