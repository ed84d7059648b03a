"""How a run ends: completed, skipped, failed, or refused before it was one."""

from typing import Any

from prefect import get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

import openbell.jobs.run
from openbell.errors import OpenbellError
from openbell.jobs.run import Run
from openbell.values.record import Outcome, RunRecord
from tasks.handed import Handed
from tasks.publication import announce


async def completed(record: Handed[RunRecord]) -> State[Any]:
    """Everything was decided, sent and sealed."""
    announce(record.value)
    return Completed(message=record.value.message)


async def ended(record: RunRecord) -> State[Any]:
    """A job other than trading has ended as its record says."""
    announce(record)
    if record.outcome is Outcome.COMPLETED:
        return Completed(message=record.message)
    if record.outcome is Outcome.SKIPPED:
        return Completed(name="Skipped", message=record.message)
    return Failed(message=f"{record.code}: {record.message}")


async def skipped(run: Run) -> State[Any]:
    """A guard blocked the run: stored, shown, told when the plan asks, and not a failure."""
    guard = run.story.guards[-1]
    record = openbell.jobs.run.skip(run)
    get_run_logger().info("%s (%s, %s)", record.message, guard.name, guard.code)
    announce(record)
    return Completed(name="Skipped", message=record.message)


async def failed(run: Run, error: OpenbellError) -> State[Any]:
    """A promise was broken: stored with what was known until then."""
    record = openbell.jobs.run.fail(run, error)
    announce(record)
    return Failed(message=f"{record.code}: {error}")


def refused(error: OpenbellError) -> State[Any]:
    """There was no run to record: the plan, the instant or the store cannot be used."""
    get_run_logger().error("%s", error)
    return Failed(message=str(error))
