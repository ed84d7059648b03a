"""recover-orders."""

from prefect import get_run_logger, task

from blocks.desk import Desk
from openbell.stages.recover import Recovered
from tasks.handed import Handed
from tasks.policies import ONCE

#: Looks at an order of unknown outcome: two of them, a quiet time apart, can settle it.
PASSES = 3


@task(name="recover-orders", **ONCE)
def recover_orders(desk: Desk, run_id: str) -> Handed[Recovered]:
    """Close what died, and learn what became of every order that is not settled."""
    recovered = desk.recovery(run_id, PASSES).recover()
    log = get_run_logger().info if recovered.clean else get_run_logger().error
    log("%s", recovered.words())
    return Handed(recovered)
