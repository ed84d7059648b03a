"""The orders job: every order of the account that is not terminal, however old, as the broker has it now."""

from openbell.desk import Desk
from openbell.jobs.run import Run, whole
from openbell.stages.follow import followed
from openbell.stages.recover import recovered_work
from openbell.values.job import ORDERS
from openbell.values.record import RunRecord
from openbell.values.work import Worked

#: Looks at an order of unknown outcome: two of them, a quiet time apart, can settle it.
PASSES = 3


def orders(desk: Desk, run_id: str) -> RunRecord:
    """The run as the flow ``orders`` tells it, in this process and without Prefect."""
    return whole(desk, ORDERS, run_id, follow)


def follow(run: Run) -> Worked:
    """Close what died and take the broker's word on the rest: states and fills once, late ones as breaks."""
    desk = run.desk
    before = desk.journal.unsettled(desk.broker().account_id)
    recovered = desk.recovery(f"{run.ring.run_id}-recovery").recover()
    found = (desk.history.order(order.intent.id) for order in before)
    after = {row.client_id: row for row in found if row is not None}
    return followed(before, after, recovered)


def recover_patiently(run: Run) -> Worked:
    """Close what died, and wait to learn what became of every order that is not settled."""
    run.lease.stretch()
    return recovered_work(run.desk.recovery(f"{run.ring.run_id}-recovery", PASSES).recover())
