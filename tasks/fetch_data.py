"""fetch-data."""

from prefect import get_run_logger, task

from openbell.jobs.run import Run
from openbell.jobs.trading import fetch_market
from openbell.values.market import Market
from tasks.handed import Handed
from tasks.policies import READ


@task(name="fetch-data", **READ)
def fetch_data(run: Run) -> Handed[Market]:
    """Bars, quotes, account and open orders as of the run's instant."""
    market = fetch_market(run)
    dropped = len(market.checked.dropped)
    get_run_logger().info("%r, %d symbols dropped, %d quotes", market.bars, dropped, len(market.quotes))
    return Handed(market)
