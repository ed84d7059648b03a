"""exits: what is held is looked at twice a minute, and closed where a rule says so."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.jobs import run_job
from flows.options import COMMON
from openbell.jobs.run import Run
from openbell.jobs.sweeps import looks, summed
from openbell.values.job import EXITS
from openbell.values.work import Worked
from tasks.sweep_exits import sweep_exits


@flow(name="exits", timeout_seconds=120, **COMMON)
async def exits(plan: str = "demo") -> State[Any]:
    """Look at the positions of a plan, and close what a rule closes. Only HALTED and a closed market hold it back.

    Args:
        plan: Name of a plan file.
    """
    return await run_job(EXITS, plan, _stages)


def _stages(run: Run) -> Worked:
    return summed(run, [sweep_exits(run, slot).value for slot in looks(run)])
