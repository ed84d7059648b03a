"""look-for-alerts and judge-alerts."""

from prefect import get_run_logger, task

from openbell.jobs.alerting import Seen, Watchlist, fetch_prices, judge_and_tell, watchlist
from openbell.jobs.run import Run
from openbell.values.work import Worked
from tasks.handed import Handed
from tasks.policies import ONCE, READ


@task(name="look-for-alerts", **READ)
def look_for_alerts(run: Run) -> Handed[tuple[Watchlist, Seen]]:
    """The alert files, and the bars and quotes that they need."""
    listed = watchlist(run.desk)
    seen = fetch_prices(run, listed)
    for problem in listed.problems:
        get_run_logger().error("%s", problem)
    prices, dropped = len(seen.look.prices), len(seen.dropped)
    get_run_logger().info(
        "%d alerts, %r, %d symbols dropped, %d prices", len(listed.alerts), seen.look.bars, dropped, prices
    )
    return Handed((listed, seen))


@task(name="judge-alerts", **ONCE)
def judge_alerts(run: Run, found: Handed[tuple[Watchlist, Seen]]) -> Handed[Worked]:
    """Which alerts fire; each is kept and told once."""
    work = judge_and_tell(run, *found.value)
    get_run_logger().info("%s", work.message)
    return Handed(work)
