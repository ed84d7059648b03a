"""notify: messages on their way out, and what has to be told of."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.jobs import run_job
from flows.options import COMMON
from openbell.jobs.run import Run
from openbell.values.job import NOTIFY
from openbell.values.work import Worked
from tasks.deliver import deliver_messages


@flow(name="notify", timeout_seconds=120, **COMMON)
async def notify(plan: str = "demo") -> State[Any]:
    """Tell people what the store says that they were not told yet, and try again what could not be sent.

    Args:
        plan: Name of a plan file.
    """
    return await run_job(NOTIFY, plan, _stages)


def _stages(run: Run) -> Worked:
    return deliver_messages(run).value
