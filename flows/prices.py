"""prices: what is held, at fresh prices."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.jobs import run_job
from flows.options import COMMON
from openbell.jobs.run import Run
from openbell.values.job import PRICES
from openbell.values.work import Worked
from tasks.update_prices import update_prices


@flow(name="prices", timeout_seconds=120, **COMMON)
async def prices(plan: str = "demo") -> State[Any]:
    """Value every position of a plan's account at fresh quotes.

    Args:
        plan: Name of a plan file.
    """
    return await run_job(PRICES, plan, _stages)


def _stages(run: Run) -> Worked:
    return update_prices(run).value
