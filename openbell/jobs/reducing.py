"""Sending what only takes off positions: shared by the exits job and by flatten."""

from datetime import datetime, timedelta

from openbell.calendar.window import decide_for
from openbell.desk import Desk
from openbell.jobs.run import Run
from openbell.ports import Forbidden
from openbell.stages.execute import Executed, Sender, execute
from openbell.stages.judge import Gated
from openbell.stages.settle import settle_basket
from openbell.values.job import WorkingHours
from openbell.values.market import Market


def send_exits(run: Run, market: Market, gated: Gated, as_held: bool = False) -> Executed:
    """Freeze and send exits under the run's claim, each once, and look at what is unknown before the slot is closed.

    ``as_held``: see ``booked`` of ``lastgate.Asked``.
    """
    desk, ring = run.desk, run.ring
    sender = Sender(
        desk=desk.resolved,
        journal=desk.journal,
        broker=desk.broker(),
        quotes=desk.feed.quotes,
        market=market,
        slot=ring.slot,
        fencing=ring.fencing,
        since=ring.as_of - timedelta(hours=1),
        pace=desk.pace,
        closed=lambda now: session_over(desk, now),
        lease=run.lease,
        as_held=as_held,
        begins=desk.sending,
    )
    executed = execute(sender, sender.broker.account_id, gated.intents, gated.verdicts)
    return settle_basket(sender, executed)


def session_over(desk: Desk, now: datetime) -> Forbidden | None:
    """Why the exchange's session permits no order at this instant.

    The whole session, not the plan's part of it; and no question to the broker inside the gate.
    """
    decision = decide_for(WorkingHours.SESSION, desk.plan.window, now)
    return None if decision.open else Forbidden("WINDOW_CLOSED", decision.detail)
