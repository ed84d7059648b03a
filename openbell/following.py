"""The orders job: every order of the account that is not terminal, however old, as the broker has it now."""

from openbell.desk import Desk
from openbell.errors import OpenbellError
from openbell.jobs import Run, begin, complete, fail, skip
from openbell.stages.follow import followed
from openbell.values.job import ORDERS
from openbell.values.record import RunRecord
from openbell.values.work import Worked


def orders(desk: Desk, run_id: str) -> RunRecord:
    """The run as the flow ``orders`` tells it, in this process and without Prefect."""
    run = begin(desk, ORDERS, run_id)
    if run.blocked:
        return skip(run)
    try:
        return complete(run, follow(run))
    except OpenbellError as error:
        return fail(run, error)


def follow(run: Run) -> Worked:
    """Close what died and take the broker's word on the rest: states and fills once, late ones as breaks."""
    desk = run.desk
    before = desk.journal.unsettled(desk.broker().account_id)
    recovered = desk.recovery(f"{run.ring.run_id}-recovery").recover()
    found = (desk.history.order(order.intent.id) for order in before)
    after = {row.client_id: row for row in found if row is not None}
    return followed(before, after, recovered)
