"""alerts: what people asked to be told about prices."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.jobs import run_job
from flows.options import COMMON
from openbell.jobs.run import Run
from openbell.values.job import ALERTS
from openbell.values.work import Worked
from tasks.judge_alerts import judge_alerts, look_for_alerts


@flow(name="alerts", timeout_seconds=240, **COMMON)
async def alerts(plan: str = "demo") -> State[Any]:
    """Judge every alert on the symbols of a plan, and tell people of those that fire.

    Args:
        plan: Name of a plan file.
    """
    return await run_job(ALERTS, plan, _stages)


def _stages(run: Run) -> Worked:
    return judge_alerts(run, look_for_alerts(run)).value
