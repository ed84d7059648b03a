"""positions: the books of an account against its broker."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.jobs import run_job
from flows.options import COMMON
from openbell.jobs.run import Run
from openbell.values.job import POSITIONS
from openbell.values.work import Worked
from tasks.reconcile_positions import reconcile_positions


@flow(name="positions", timeout_seconds=120, **COMMON)
async def positions(plan: str = "demo") -> State[Any]:
    """Compare orders, executions, positions and cash of a plan's account with its broker.

    Args:
        plan: Name of a plan file.
    """
    return await run_job(POSITIONS, plan, _stages)


def _stages(run: Run) -> Worked:
    return reconcile_positions(run).value
