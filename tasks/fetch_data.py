"""fetch-data."""

from prefect import get_run_logger, task

from openbell.stages.fetch import fetch
from openbell.values.market import Market
from tasks.handed import Handed
from tasks.policies import READ
from tasks.run import Run


@task(name="fetch-data", **READ)
def fetch_data(run: Run) -> Handed[Market]:
    """Bars, quotes, account and open orders as of the run's instant."""
    desk, ring = run.desk, run.ring
    market = fetch(desk.resolved, desk.feed, desk.broker(), desk.journal, ring.slot, ring.as_of)
    dropped = len(market.checked.dropped)
    get_run_logger().info("%r, %d symbols dropped, %d quotes", market.bars, dropped, len(market.quotes))
    run.lap("fetch-data")
    return Handed(market)
