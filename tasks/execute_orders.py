"""execute-orders."""

from prefect import get_run_logger, task

from openbell.calendar.window import decide
from openbell.stages.execute import Executed, Sender, execute
from openbell.stages.judge import Gated
from tasks.handed import Handed
from tasks.policies import ONCE
from tasks.run import Run


@task(name="execute-orders", **ONCE)
def execute_orders(run: Run, gated: Handed[Gated]) -> Handed[Executed]:
    """Freeze the slot's plan and send what was approved, each order once."""
    if run.ring.dry_run:
        get_run_logger().info("dry run: nothing is sent")
        return Handed(Executed(gated.value.intents, gated.value.verdicts, (), ()))
    sender = _sender(run)
    executed = execute(sender, sender.broker.account_id, gated.value.intents, gated.value.verdicts)
    get_run_logger().info("%d orders, %d fills", len(executed.orders), len(executed.fills))
    run.lap("execute-orders")
    return Handed(executed)


def _sender(run: Run) -> Sender:
    desk, ring = run.desk, run.ring

    def closed() -> str:
        decision = decide(desk.plan.window, desk.now())
        return "" if decision.open else decision.detail

    return Sender(desk.journal, desk.broker(), ring.slot, ring.fencing, ring.as_of, desk.now, closed)
