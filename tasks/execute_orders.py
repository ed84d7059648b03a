"""execute-orders."""

from prefect import get_run_logger, task

from openbell.jobs.run import Run
from openbell.jobs.trading import send_orders
from openbell.stages.execute import Executed
from openbell.stages.judge import Gated
from openbell.values.market import Market
from openbell.values.orders import OrderState
from tasks.handed import Handed
from tasks.policies import ONCE


@task(name="execute-orders", **ONCE)
def execute_orders(run: Run, market: Handed[Market], gated: Handed[Gated]) -> Handed[Executed]:
    """Freeze the slot's plan and send what was approved, each order once."""
    if run.ring.dry_run:
        get_run_logger().info("dry run: nothing is sent")
    executed = send_orders(run, market.value, gated.value)
    get_run_logger().info("%d orders, %d fills", len(executed.orders), len(executed.fills))
    for order in executed.orders:
        if order.state is OrderState.UNKNOWN:
            get_run_logger().error("the outcome of order %s of %s is unknown", order.client_id, order.symbol)
    return Handed(executed)
