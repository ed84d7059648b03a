"""reconcile-positions."""

from prefect import get_run_logger, task

from openbell.jobs.reconciling import reconcile
from openbell.jobs.run import Run
from openbell.values.work import Worked
from tasks.handed import Handed
from tasks.policies import ONCE


@task(name="reconcile-positions", **ONCE)
def reconcile_positions(run: Run) -> Handed[Worked]:
    """Repair what we missed; what else differs is a break."""
    worked = reconcile(run)
    get_run_logger().info("%s", worked.message)
    return Handed(worked)
