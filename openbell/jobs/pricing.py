"""The prices job: one question for quotes per 200 symbols, and every position valued at them."""

from openbell.desk import Desk
from openbell.jobs.run import Run, whole
from openbell.stages.exits import ask_quotes, priced
from openbell.stages.prices import held_symbols, priced_work
from openbell.values.job import PRICES
from openbell.values.record import RunRecord
from openbell.values.work import Worked


def prices(desk: Desk, run_id: str) -> RunRecord:
    """The run as the flow ``prices`` tells it, in this process and without Prefect."""
    return whole(desk, PRICES, run_id, value_positions)


def value_positions(run: Run) -> Worked:
    """Fresh quotes of what is held; the record carries the holdings at these prices, and equity where all are known."""
    desk, now = run.desk, run.ring.as_of
    account = desk.broker().account()
    symbols = held_symbols(account)
    seen = priced(ask_quotes(desk.feed.quotes, symbols, now), symbols, now, desk.plan.freshness.quotes)
    run.story.account, run.story.prices = account, seen.marks
    return priced_work(account, seen)
