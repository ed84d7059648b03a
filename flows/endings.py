"""How a run ends when it does not end well, or not at all."""

from typing import Any

from prefect import get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from openbell.errors import DataError, OpenbellError
from openbell.values.record import Outcome
from tasks.publication import announce, notify, publish
from tasks.run import Run
from tasks.sealing import seal


async def skipped(run: Run) -> State[Any]:
    """A guard blocked the run: stored, shown, told when the plan asks, and not a failure."""
    guard = run.story.guards[-1]
    record = seal(run, Outcome.SKIPPED, guard.code, f"{guard.name}: {guard.code}: {guard.detail}")
    get_run_logger().info("skipped, %s", record.message)
    publish(record, run.desk.resolved.exchange.zone)
    announce(record)
    await notify(record, run.desk.plan.notify)
    return Completed(name="Skipped", message=record.message)


async def failed(run: Run, error: OpenbellError) -> State[Any]:
    """A promise was broken: stored with what was known until then."""
    code = "DATA" if isinstance(error, DataError) else type(error).__name__
    record = seal(run, Outcome.FAILED, code, str(error))
    publish(record, run.desk.resolved.exchange.zone)
    announce(record)
    await notify(record, run.desk.plan.notify)
    return Failed(message=f"{code}: {error}")
