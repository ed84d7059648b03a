"""recover: what runs that died left behind, and orders that are not settled."""

from datetime import timedelta
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.context import SyncClientContext
from prefect.states import Completed, Failed

import openbell
from blocks.desk import Desk, open_desk, wall_clock
from flows.bell import run_id, run_name
from flows.endings import refused
from openbell.errors import OpenbellError
from openbell.ports import Claim
from openbell.values.job import RECOVER
from openbell.values.record import Outcome
from openbell.values.slot import Slot
from tasks.recover_orders import recover_orders

#: One recovery of a plan at a time, and one for a whole backlog of them: its slot is the minute that it is now.
GRID = timedelta(minutes=1)
#: Longer than all looks at an order of unknown outcome together.
LEASE = timedelta(minutes=2)


@flow(name="recover", flow_run_name=run_name, version=openbell.__version__, timeout_seconds=120, persist_result=False)
async def recover(plan: str = "demo") -> State[Any]:
    """Finish what runs of a plan left behind. Protective: no breaker, window, lateness or kill switch holds it back.

    Args:
        plan: Name of a plan file.
    """
    with SyncClientContext.get_or_create():
        try:
            desk = open_desk(plan)
            slot = this_minute(desk)
            claim = desk.journal.claim(slot, run_id(), LEASE)
            if not claim.held:
                return Completed(name="Skipped", message=f"run {claim.run_id} recovers in this minute")
            return _end(desk, slot, claim)
        except OpenbellError as error:
            return refused(error)


def _end(desk: Desk, slot: Slot, claim: Claim) -> State[Any]:
    recovered = recover_orders(desk, f"{claim.run_id}-recovery").value
    outcome = Outcome.COMPLETED if recovered.clean else Outcome.FAILED
    desk.journal.release(slot, claim.fencing, outcome, "" if recovered.clean else "UNKNOWN_ORDERS")
    return Completed(message=recovered.words()) if recovered.clean else Failed(message=recovered.words())


def this_minute(desk: Desk) -> Slot:
    """The slot of a recovery that starts now."""
    now = wall_clock()
    planned = now - timedelta(seconds=now.second, microseconds=now.microsecond)
    return Slot(desk.plan.name, RECOVER.name, planned, desk.resolved.exchange.session_of(planned))
