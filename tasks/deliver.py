"""deliver: one path for every message, whether after a run or by the job ``notify``.

A run never waits for it: by then it has ended, and what could not be sent waits in the outbox for the job.
"""

import asyncio
import inspect
import logging

from prefect import get_run_logger, task
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
from prefect.client.schemas.objects import FlowRun
from prefect.context import SettingsContext, get_settings_context

from blocks.desk import load_plan, wall_clock
from openbell import store
from openbell.errors import OpenbellError
from openbell.jobs.delivery import Dispatch, by_variable, deliver
from openbell.jobs.run import Run
from openbell.notifiers.patience import within
from openbell.notifiers.quiet import silenced
from openbell.ports.outbox import Notifier
from openbell.settings import Settings, load_settings
from openbell.stages.message_text import body_of, subject_of
from openbell.values.message import Delivery, Failed, MessageState, Posted, Sent
from openbell.values.notify import Target
from openbell.values.plan import Plan
from openbell.values.work import Worked
from tasks.handed import Handed
from tasks.policies import ONCE

#: Seconds that a block may take.
TIMEOUT = 30.0
_log = logging.getLogger("openbell.jobs.delivery")


@task(name="deliver-messages", **ONCE)
def deliver_messages(run: Run) -> Handed[Worked]:
    """Send what waits for the targets of the plan."""
    run.lease.stretch()
    dispatch = dispatch_of(run.desk.plan, run.desk.settings, get_settings_context())
    delivered = deliver(dispatch)
    worked = delivered.worked(dispatch.outbox.tally(run.desk.plan.name)[MessageState.WAITING])
    log = get_run_logger().warning if worked.details["errors"] else get_run_logger().info
    log("%s", worked.message)
    return Handed(worked)


def deliver_soon(plan: str, run: FlowRun, prefect: SettingsContext) -> None:
    """Try once, in a thread of its own, for a run that has ended; whatever comes of it, the run is over."""
    try:
        loaded = load_plan(plan, run)
        if loaded.notify.enabled and loaded.notify.targets:
            deliver(dispatch_of(loaded, load_settings(), prefect))
    except OpenbellError as error:
        _log.warning("messages of plan %s were not delivered: %s", plan, error)


def dispatch_of(plan: Plan, settings: Settings, prefect: SettingsContext) -> Dispatch:
    """What delivery works with, blocks of Prefect among its targets."""
    by_name = by_variable(plan)
    return Dispatch(
        plan=plan,
        outbox=store.open_outbox(settings.url),
        history=store.open_history(settings.url),
        journal=store.open_journal(settings.url, settings.halt_file),
        open=lambda target: by_name(target) if target.to.startswith("env:") else BlockNotifier(target, prefect),
        now=wall_clock,
    )


class BlockNotifier(Notifier):
    """``ports.outbox.Notifier`` on a notification block of Prefect, which is loaded anew for each message."""

    def __init__(self, target: Target, prefect: SettingsContext, timeout: float = TIMEOUT) -> None:
        self._target = target
        self._prefect = prefect
        self._timeout = timeout

    def send(self, posted: Posted) -> Delivery:
        """Load the block and let it notify; one that takes too long is left behind."""
        return within(self._timeout, lambda: self._send(posted)) or Failed(f"no answer within {self._timeout:g} s")

    def _send(self, posted: Posted) -> Delivery:
        # A thread starts without Prefect's context; its settings say which server.
        with SettingsContext(profile=self._prefect.profile, settings=self._prefect.settings), silenced():
            step = "cannot be loaded"
            try:
                block = Block.load(self._target.to)
                step = "did not take the message"
                return _notify(block, self._target, posted)
            except Exception as error:  # noqa: BLE001  # whatever a notification service raises stays outside the run
                # Its text may hold the address: only its kind goes on.
                return Failed(f"block {self._target.to} {step}: {type(error).__name__}")


def _notify(block: Block, target: Target, posted: Posted) -> Delivery:
    if not isinstance(block, NotificationBlock):
        return Failed(f"block {target.to} is not one that notifies", final=True)
    if hasattr(block, "allow_private_urls") and not target.private:
        block.allow_private_urls = False
    said = block.notify(body=body_of(posted), subject=subject_of(posted))
    if inspect.iscoroutine(said):
        asyncio.run(said)
    return Sent()
