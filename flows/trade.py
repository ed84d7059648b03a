"""trade: the scheduled trading run."""

from datetime import datetime
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.context import SyncClientContext

from flows.bell import begin
from flows.endings import completed, failed, refused, skipped
from flows.naming import named
from flows.options import COMMON
from openbell.errors import OpenbellError
from openbell.values.job import TRADE
from tasks.evaluate_strategies import evaluate_strategies
from tasks.execute_orders import execute_orders
from tasks.fetch_data import fetch_data
from tasks.persist_audit import persist_audit
from tasks.risk_gate import risk_gate


@flow(name="trade", timeout_seconds=300, **COMMON)
async def trade(plan: str = "demo", as_of: datetime | None = None, dry_run: bool = False) -> State[Any]:
    """Trade one slot of a plan.

    Args:
        plan: Name of a plan file.
        as_of: Decide for this past instant (with a zone) instead of now; paper accounts only.
        dry_run: Decide and record, but claim no slot and send nothing.
    """
    with SyncClientContext.get_or_create():
        async with named():
            try:
                run = await begin(TRADE, plan, as_of, dry_run)
            except OpenbellError as error:
                return refused(error)
            if run.blocked:
                return await skipped(run)
            try:
                market = fetch_data(run)
                evaluation = evaluate_strategies(run, market)
                gated = risk_gate(run, market, evaluation)
                executed = execute_orders(run, market, gated)
                record = persist_audit(run, market, evaluation, gated, executed)
            except OpenbellError as error:
                return await failed(run, error)
            return await completed(record)
