"""sweep-exits."""

from prefect import get_run_logger, task

from openbell.jobs.run import Run
from openbell.jobs.sweeps import sweep
from openbell.stages.exit_story import Swept, worked
from openbell.values.slot import Slot
from tasks.handed import Handed
from tasks.policies import ONCE


@task(name="sweep-exits", task_run_name="sweep-exits {slot.planned:%H:%M:%S}", **ONCE)
def sweep_exits(run: Run, slot: Slot) -> Handed[Swept]:
    """One look at what is held, and an order for what a rule closes."""
    swept = sweep(run, slot)
    log = get_run_logger().error if swept.error else get_run_logger().info
    log("%s", worked(swept).message)
    return Handed(swept)
