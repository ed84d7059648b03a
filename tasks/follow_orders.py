"""follow-orders."""

from prefect import get_run_logger, task

from openbell.jobs.following import follow
from openbell.jobs.run import Run
from openbell.values.work import Worked
from tasks.handed import Handed
from tasks.policies import ONCE


@task(name="follow-orders", **ONCE)
def follow_orders(run: Run) -> Handed[Worked]:
    """States and fills from the broker, each applied once."""
    worked = follow(run)
    get_run_logger().info("%s", worked.message)
    return Handed(worked)
