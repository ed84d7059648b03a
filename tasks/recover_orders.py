"""recover-orders."""

from prefect import get_run_logger, task

from openbell.jobs import Run
from openbell.stages.recover import recovered_work
from openbell.values.work import Worked
from tasks.handed import Handed
from tasks.policies import ONCE

#: Looks at an order of unknown outcome: two of them, a quiet time apart, can settle it.
PASSES = 3


@task(name="recover-orders", **ONCE)
def recover_orders(run: Run) -> Handed[Worked]:
    """Close what died, and learn what became of every order that is not settled."""
    run.lease.stretch()
    recovered = run.desk.recovery(f"{run.ring.run_id}-recovery", PASSES).recover()
    log = get_run_logger().info if recovered.clean else get_run_logger().error
    log("%s", recovered.words())
    return Handed(recovered_work(recovered))
