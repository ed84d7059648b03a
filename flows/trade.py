"""trade: the scheduled trading run."""

from datetime import datetime
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.context import SyncClientContext
from prefect.states import Completed, Failed

import openbell
from blocks.desk import open_desk
from flows.bell import ring_bell, run_name, scheduled_instant
from flows.endings import failed, skipped
from openbell.errors import OpenbellError
from openbell.values.time import parse_instant
from tasks.evaluate_strategies import evaluate_strategies
from tasks.execute_orders import execute_orders
from tasks.fetch_data import fetch_data
from tasks.persist_audit import persist_audit
from tasks.publication import announce, notify
from tasks.risk_gate import risk_gate


@flow(name="trade", flow_run_name=run_name, version=openbell.__version__, timeout_seconds=300, persist_result=False)
async def trade(plan: str = "demo", as_of: datetime | None = None, dry_run: bool = False) -> State[Any]:
    """Trade one slot of a plan.

    Args:
        plan: Name of a plan file.
        as_of: Decide for this past instant (ISO 8601 with a zone) instead of now; paper accounts only.
        dry_run: Decide and record, but claim no slot and send nothing.
    """
    with SyncClientContext.get_or_create():
        planned = await scheduled_instant()
        instant: datetime | None = parse_instant(as_of, "as_of") if as_of else None
        desk = open_desk(plan, instant)
        run = ring_bell(desk, "trade", planned, instant, dry_run)
        if not run.story.guards[-1].passed:
            return await skipped(run)
        try:
            market = fetch_data(run)
            evaluation = evaluate_strategies(run, market)
            gated = risk_gate(run, market, evaluation)
            executed = execute_orders(run, gated)
            record = persist_audit(run, market, evaluation, gated, executed).value
        except OpenbellError as error:
            return await failed(run, error)
        announce(record)
        await notify(record, desk.plan.notify)
        return Completed(message=record.message)
