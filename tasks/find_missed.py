"""find-missed."""

from prefect import get_run_logger, task

from openbell.jobs.heartbeat import beat
from openbell.jobs.run import Run
from openbell.values.work import Worked
from tasks.handed import Handed
from tasks.policies import ONCE


@task(name="find-missed", **ONCE)
def find_missed(run: Run) -> Handed[Worked]:
    """Close the slots that nobody took, and tell a person."""
    worked = beat(run)
    log = get_run_logger().warning if worked.counters["missed"] else get_run_logger().info
    log("%s", worked.message)
    return Handed(worked)
