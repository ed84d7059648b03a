"""recover: what runs that died left behind, and orders that are not settled."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.jobs import run_job
from flows.options import COMMON
from openbell.jobs.run import Run
from openbell.values.job import RECOVER
from openbell.values.work import Worked
from tasks.recover_orders import recover_orders


@flow(name="recover", timeout_seconds=120, **COMMON)
async def recover(plan: str = "demo") -> State[Any]:
    """Finish what runs of a plan left behind. Protective: no breaker, window, lateness or kill switch holds it back.

    Args:
        plan: Name of a plan file.
    """
    return await run_job(RECOVER, plan, _stages)


def _stages(run: Run) -> Worked:
    return recover_orders(run).value
