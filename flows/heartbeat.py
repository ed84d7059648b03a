"""heartbeat: every slot of every enabled job gets an outcome, also when nobody was there to work on it."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.jobs import run_job
from flows.options import COMMON
from openbell.jobs.run import Run
from openbell.values.job import HEARTBEAT
from openbell.values.work import Worked
from tasks.find_missed import find_missed


@flow(name="heartbeat", timeout_seconds=120, **COMMON)
async def heartbeat(plan: str = "demo") -> State[Any]:
    """Write down slots that nobody worked on within two intervals, and tell of them.

    Args:
        plan: Name of a plan file.
    """
    return await run_job(HEARTBEAT, plan, _stages)


def _stages(run: Run) -> Worked:
    return find_missed(run).value
