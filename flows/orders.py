"""orders: what became of every order that is not terminal."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.jobs import run_job
from flows.options import COMMON
from openbell.jobs.run import Run
from openbell.values.job import ORDERS
from openbell.values.work import Worked
from tasks.follow_orders import follow_orders


@flow(name="orders", timeout_seconds=120, **COMMON)
async def orders(plan: str = "demo") -> State[Any]:
    """Follow every order of a plan's account that is not terminal, however old.

    Args:
        plan: Name of a plan file.
    """
    return await run_job(ORDERS, plan, _stages)


def _stages(run: Run) -> Worked:
    return follow_orders(run).value
