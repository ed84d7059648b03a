"""update-prices."""

from prefect import get_run_logger, task

from openbell.jobs.pricing import value_positions
from openbell.jobs.run import Run
from openbell.values.work import Worked
from tasks.handed import Handed
from tasks.policies import READ


@task(name="update-prices", **READ)
def update_prices(run: Run) -> Handed[Worked]:
    """Fresh quotes, market value and unrealised P&L of what is held."""
    worked = value_positions(run)
    get_run_logger().info("%s", worked.message)
    return Handed(worked)
