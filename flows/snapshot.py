"""snapshot: what an account is worth after each session."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.jobs import run_job
from flows.options import COMMON
from openbell.jobs.run import Run
from openbell.values.job import SNAPSHOT
from openbell.values.work import Worked
from tasks.take_snapshot import take_snapshot


@flow(name="snapshot", timeout_seconds=300, **COMMON)
async def snapshot(plan: str = "demo") -> State[Any]:
    """Keep what the account of a plan is worth after a session, once.

    Args:
        plan: Name of a plan file.
    """
    return await run_job(SNAPSHOT, plan, _stages)


def _stages(run: Run) -> Worked:
    return take_snapshot(run).value
