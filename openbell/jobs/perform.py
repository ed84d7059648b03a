"""Any job of a plan by name, in this process and without Prefect."""

from collections.abc import Callable, Mapping
from datetime import datetime

from openbell import store
from openbell.desk import Desk
from openbell.errors import InputError
from openbell.jobs.alerting import alerts
from openbell.jobs.delivery import Dispatch, by_variable, by_variable_only, deliver
from openbell.jobs.following import orders, recover_patiently
from openbell.jobs.heartbeat import heartbeat
from openbell.jobs.pricing import prices
from openbell.jobs.reconciling import positions
from openbell.jobs.run import Run, whole
from openbell.jobs.snapshotting import snapshot
from openbell.jobs.sweeps import exits
from openbell.jobs.trading import trade
from openbell.plugins import nearest
from openbell.values.job import NOTIFY, RECOVER
from openbell.values.message import MessageState
from openbell.values.record import RunRecord
from openbell.values.work import Worked

#: A desk, the run's id, and the instant that a schedule planned it for (None: started by hand).
Perform = Callable[[Desk, str, datetime | None], RunRecord]


def recover(desk: Desk, run_id: str) -> RunRecord:
    """The run as the flow ``recover`` tells it, in this process and without Prefect."""
    return whole(desk, RECOVER, run_id, recover_patiently)


def notify(desk: Desk, run_id: str) -> RunRecord:
    """What waits is sent to the targets that environment variables name; messages to blocks wait for Prefect."""

    def work(run: Run) -> Worked:
        run.lease.stretch()
        plan, outbox = desk.plan, store.open_outbox(desk.settings.url)
        opened = by_variable(plan)
        sent = deliver(Dispatch(plan, outbox, desk.history, desk.journal, opened, desk.clock, by_variable_only))
        return sent.worked(outbox.tally(plan.name)[MessageState.WAITING])

    return whole(desk, NOTIFY, run_id, work)


def _unplanned(whole: Callable[[Desk, str], RunRecord]) -> Perform:
    """A job that answers to its newest slot, whatever it was planned for."""
    return lambda desk, run_id, _planned: whole(desk, run_id)


PERFORM: Mapping[str, Perform] = {
    "trade": trade,
    "exits": exits,
    "orders": _unplanned(orders),
    "positions": _unplanned(positions),
    "prices": _unplanned(prices),
    "alerts": _unplanned(alerts),
    "snapshot": _unplanned(snapshot),
    "recover": _unplanned(recover),
    "heartbeat": _unplanned(heartbeat),
    "notify": _unplanned(notify),
}


def perform(desk: Desk, job: str, run_id: str, planned: datetime | None = None) -> RunRecord:
    """One run of a job; an unknown name is an InputError that names the nearest."""
    if job not in PERFORM:
        raise InputError(f"{job[:40]!r} is not a job{nearest(job, PERFORM)}; jobs are {', '.join(PERFORM)}")
    return PERFORM[job](desk, run_id, planned)
