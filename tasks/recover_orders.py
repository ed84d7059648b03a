"""recover-orders."""

from prefect import get_run_logger, task

from openbell.jobs.following import recover_patiently
from openbell.jobs.run import Run
from openbell.values.record import Outcome
from openbell.values.work import Worked
from tasks.handed import Handed
from tasks.policies import ONCE


@task(name="recover-orders", **ONCE)
def recover_orders(run: Run) -> Handed[Worked]:
    """Close what died, and learn what became of every order that is not settled."""
    worked = recover_patiently(run)
    log = get_run_logger().info if worked.outcome is Outcome.COMPLETED else get_run_logger().error
    log("%s", worked.message)
    return Handed(worked)
