"""take-snapshot."""

from prefect import get_run_logger, task

from openbell.jobs import snapshotting
from openbell.jobs.run import Run
from openbell.values.work import Worked
from tasks.handed import Handed
from tasks.policies import READ


@task(name="take-snapshot", **READ)
def take_snapshot(run: Run) -> Handed[Worked]:
    """Account and prices after the close, in one row."""
    worked = snapshotting.take_snapshot(run)
    get_run_logger().info("%s", worked.message)
    return Handed(worked)
